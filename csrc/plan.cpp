#include "binmorph/plan.h"

#include <algorithm>

#include "binmorph/error.h"

namespace binmorph {
namespace {

std::unique_ptr<Step> make_step(const Node& node, const ValueType& in, Packing packing,
                                const Target& target) {
  struct Make {
    const Node& node;
    const ValueType& in;
    Packing packing;
    const Target& target;
    std::unique_ptr<Step> operator()(const LevelSets&) const { return make_pack_step(node, in, target); }
    std::unique_ptr<Step> operator()(const PackBinary&) const { return make_pack_step(node, in, target); }
    std::unique_ptr<Step> operator()(const Bisel& op) const { return make_bisel_step(op, in, target); }
    std::unique_ptr<Step> operator()(const ThresholdConv2d& op) const {
      return make_conv2d_step(op, in, target);
    }
    std::unique_ptr<Step> operator()(const MaxPool& op) const {
      return make_max_pool_step(op, in, packing, target);
    }
    std::unique_ptr<Step> operator()(const Flatten&) const { return make_flatten_step(in, packing, target); }
    std::unique_ptr<Step> operator()(const ThresholdDense& op) const {
      return make_dense_step(op, in, target);
    }
    std::unique_ptr<Step> operator()(const Linear& op) const { return make_linear_step(op, in, target); }
  };
  return std::visit(Make{node, in, packing, target}, node.operation);
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
  constexpr std::size_t kNetworkInput = SIZE_MAX;
  std::vector<std::size_t> source, words;         // per step: the step it reads from, the words it writes
  std::vector<std::size_t> writer(nodes.size());  // per node: the step that writes its value
  const auto add = [&](std::unique_ptr<Step> step, std::size_t node, const ValueType& type,
                       std::size_t from) {
    Unloader unload(type, target.layout, step->writes, target.isa);
    words.push_back(value_words(type, target.layout, step->writes));
    source.push_back(from);
    cost_ += step->cost;
    steps_.push_back({std::move(step), node, std::move(unload)});
    return steps_.size() - 1;
  };
  for (std::size_t i = 0; i < nodes.size(); ++i) {
    const ValueType& in = graph.type(nodes[i].input);
    std::size_t from = nodes[i].input == 0 ? kNetworkInput : writer[nodes[i].input - 1];
    const Packing packing = from == kNetworkInput ? Packing::rows : steps_[from].step->writes;
    std::unique_ptr<Step> step = make_step(nodes[i], in, packing, target);
    if (step->reads != packing) {
      from = add(make_repack_step(in, step->reads, target), nodes[i].input - 1, in, from);
      steps_[from].repack = true;
      steps_[from].observed = false;
    }
    writer[i] = add(std::move(step), i, nodes[i].type, from);
  }
  // The network's output is handed over in rows.
  const std::size_t last = graph.output() - 1, end = writer[last];
  if (steps_[end].step->writes != Packing::rows) {
    writer[last] =
        add(make_repack_step(nodes[last].type, Packing::rows, target), last, nodes[last].type, end);
    steps_[writer[last]].repack = true;
    steps_[end].observed = false;
  }

  // The last step that needs each value, at the step that owns its memory.
  const std::size_t count = steps_.size();
  std::vector<std::size_t> owner(count), last_use(count);
  for (std::size_t s = 0; s < count; ++s) {
    owner[s] = steps_[s].step->alias ? owner[source[s]] : s;
    last_use[owner[s]] = s;
    if (source[s] != kNetworkInput) last_use[owner[source[s]]] = s;
  }
  last_use[owner[writer[last]]] = count;

  ArenaLayout layout;
  for (std::size_t s = 0; s < count; ++s) {
    PlannedStep& step = steps_[s];
    step.value_out = owner[s] == s ? layout.place(words[s], s, last_use[s]) : steps_[owner[s]].value_out;
    step.value_in = source[s] == kNetworkInput ? 0 : steps_[source[s]].value_out;
    step.scratch = layout.place(step.step->scratch_words, s, s);
  }
  unload_scratch_ = arena_words_ = layout.size();
  for (const PlannedStep& s : steps_)
    arena_words_ = std::max(arena_words_, unload_scratch_ + round_up(s.unload.scratch_words()));
}

}  // namespace binmorph
