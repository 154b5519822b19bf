#include "binmorph/plan.h"

#include <algorithm>

#include "binmorph/error.h"

namespace binmorph {
namespace {

std::unique_ptr<Step> make_step(const Node& node, const ValueType& in, const Target& target) {
  struct Make {
    const Node& node;
    const ValueType& in;
    const Target& target;
    std::unique_ptr<Step> operator()(const LevelSets&) const { return make_pack_step(node, in, target); }
    std::unique_ptr<Step> operator()(const PackBinary&) const { return make_pack_step(node, in, target); }
    std::unique_ptr<Step> operator()(const Bisel& op) const { return make_bisel_step(op, in, target); }
    std::unique_ptr<Step> operator()(const MaxPool& op) const { return make_max_pool_step(op, in, target); }
    std::unique_ptr<Step> operator()(const Flatten&) const { return make_flatten_step(in, target); }
    std::unique_ptr<Step> operator()(const ThresholdDense& op) const {
      return make_dense_step(op, in, target);
    }
    std::unique_ptr<Step> operator()(const Linear& op) const { return make_linear_step(op, in, target); }
  };
  return std::visit(Make{node, in, target}, node.operation);
}

constexpr std::size_t round_up(std::size_t words) { return (words + 7) / 8 * 8; }  // 64-byte lines

// First fit: each value takes the lowest gap that is free from the step that writes it to the last that reads
// it.
class ArenaLayout {
 public:
  // Calls come in order of `first`.
  std::size_t place(std::size_t words, std::size_t first, std::size_t last) {
    if (words == 0) return 0;
    words = round_up(words);
    alive_.erase(std::remove_if(alive_.begin(), alive_.end(), [&](const Block& b) { return b.last < first; }),
                 alive_.end());
    std::size_t begin = 0;
    auto next = alive_.begin();
    for (; next != alive_.end() && begin + words > next->begin; ++next) begin = next->begin + next->words;
    alive_.insert(next, {begin, words, last});
    size_ = std::max(size_, begin + words);
    return begin;
  }
  std::size_t size() const { return size_; }

 private:
  struct Block {
    std::size_t begin, words, last;
  };
  std::vector<Block> alive_;  // by address
  std::size_t size_ = 0;
};

}  // namespace

Plan::Plan(const Graph& graph, const Target& target) : target_(target) {
  const std::vector<Node>& nodes = graph.nodes();
  for (std::size_t i = 0; i < nodes.size(); ++i) {
    steps_.push_back({make_step(nodes[i], graph.type(nodes[i].input), target), i,
                      Unloader(nodes[i].type, target.layout, target.isa)});
    cost_ += steps_.back().step->cost;
  }
  // The step after which each value (by the node that owns its memory) is no longer needed.
  std::vector<std::size_t> owner(nodes.size()), last_use(nodes.size());
  for (std::size_t i = 0; i < nodes.size(); ++i) {
    owner[i] = steps_[i].step->alias ? owner[nodes[i].input - 1] : i;
    last_use[i] = i;
    if (nodes[i].input > 0) last_use[owner[nodes[i].input - 1]] = i;
  }
  for (std::size_t i = 0; i < nodes.size(); ++i)
    if (i + 1 == graph.output()) last_use[owner[i]] = nodes.size();
  for (std::size_t i = 0; i < nodes.size(); ++i) last_use[owner[i]] = std::max(last_use[owner[i]], i);

  ArenaLayout layout;
  std::vector<std::size_t> offset(nodes.size());
  for (std::size_t i = 0; i < nodes.size(); ++i) {
    if (owner[i] == i)
      offset[i] = layout.place(value_words(nodes[i].type, target.layout), i, last_use[i]);
    else
      offset[i] = offset[owner[i]];
    steps_[i].value_out = offset[i];
    steps_[i].value_in = nodes[i].input == 0 ? 0 : offset[nodes[i].input - 1];
    steps_[i].scratch = layout.place(steps_[i].step->scratch_words, i, i);
  }
  unload_scratch_ = arena_words_ = layout.size();
  for (const PlannedStep& s : steps_)
    arena_words_ = std::max(arena_words_, unload_scratch_ + round_up(s.unload.scratch_words()));
}

}  // namespace binmorph
