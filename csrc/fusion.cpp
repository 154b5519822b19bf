#include "fusion.h"

#include <algorithm>

namespace binmorph {
namespace {

bool is_sum(const Node& n) {
  return std::holds_alternative<CountConv2d>(n.operation) ||
         std::holds_alternative<PixelConv2d>(n.operation) ||
         std::holds_alternative<TwoValueConv2d>(n.operation) || std::holds_alternative<Conv2d>(n.operation);
}

bool is_elementwise(const Node& n) {
  return std::holds_alternative<Affine>(n.operation) || std::holds_alternative<Add>(n.operation) ||
         std::holds_alternative<PRelu>(n.operation) || std::holds_alternative<Clamp>(n.operation);
}

class Fusion {
 public:
  explicit Fusion(const Graph& graph)
      : nodes_(graph.nodes()),
        output_(graph.output()),
        readers_(nodes_.size() + 1),
        taken_(nodes_.size(), false) {
    for (std::size_t i = 0; i < nodes_.size(); ++i)
      for (std::size_t value : nodes_[i].inputs) readers_[value].push_back(i);
  }

  bool is_sign(std::size_t i) const {
    const auto* op = std::get_if<LevelSets>(&nodes_[i].operation);
    return op != nullptr && op->levels == 1 && nodes_[i].input() != 0;
  }

  // The root and, with `fuse`, what can follow it.
  Fused grow(std::size_t root, bool fuse) {
    group_ = {{root}, {}, {}, {}};
    const bool sum = is_sum(nodes_[root]);
    if (!sum && !is_elementwise(nodes_[root]) && !is_sign(root)) return alone(root);
    if (!sum) append(root);
    std::size_t current = root;
    for (bool grown = !is_sign(root); grown;) {
      grown = false;
      for (std::size_t reader : readers_[current + 1])
        if (fuse && is_sign(reader) && joins(reader)) append(reader);
      group_.program.push_back({FusedOp::Kind::store, current, 0});
      for (std::size_t reader : readers_[current + 1]) {
        if (!fuse || !is_elementwise(nodes_[reader]) || !joins(reader)) continue;
        append(reader);
        current = reader;
        grown = true;
        break;
      }
    }
    const Fused result = finish(root, current);
    for (std::size_t node : result.nodes) taken_[node] = true;
    return result;
  }

  bool taken(std::size_t node) const { return taken_[node]; }

 private:
  bool inside(std::size_t node) const {
    return std::find(group_.nodes.begin(), group_.nodes.end(), node) != group_.nodes.end();
  }

  // The step runs where its last node stands, so whoever else reads one of its values must come later; and
  // the second operand of an addition must come from outside.
  bool joins(std::size_t node) const {
    if (taken_[node] || inside(node)) return false;
    const auto& inputs = nodes_[node].inputs;
    if (inputs.size() == 2 && (inputs[0] == inputs[1] || (inputs[0] != 0 && inputs[1] != 0 &&
                                                          inside(inputs[0] - 1) && inside(inputs[1] - 1))))
      return false;
    const std::size_t last = std::max(group_.nodes.back(), node);
    const auto read_early = [&](std::size_t member) {
      return std::any_of(readers_[member + 1].begin(), readers_[member + 1].end(), [&](std::size_t reader) {
        return reader != node && !inside(reader) && reader < last;
      });
    };
    return !read_early(node) && std::none_of(group_.nodes.begin(), group_.nodes.end(), read_early);
  }

  void append(std::size_t node) {
    FusedOp op{FusedOp::Kind::node, node, 0};
    if (std::holds_alternative<Add>(nodes_[node].operation)) {
      // As a root it reads its first input; later, whichever input is not the value at hand.
      const auto& inputs = nodes_[node].inputs;
      const bool second = !inside(node) && inputs[1] != 0 && inside(inputs[1] - 1);
      op.stream = group_.operands.size();
      group_.operands.push_back(inputs[second ? 0 : 1]);
    }
    group_.program.push_back(op);
    if (!inside(node))
      group_.nodes.insert(std::upper_bound(group_.nodes.begin(), group_.nodes.end(), node), node);
  }

  // Somebody outside reads the value, or nobody at all: the latter only matters to those who look.
  bool read_outside(std::size_t node) const {
    if (output_ == node + 1) return true;
    for (std::size_t reader : readers_[node + 1])
      if (!inside(reader)) return true;
    return false;
  }

  Fused finish(std::size_t root, std::size_t end) {
    auto& program = group_.program;
    const auto dropped = [&](const FusedOp& op) {
      return op.kind == FusedOp::Kind::store && !read_outside(op.node) &&
             !(op.node == end && readers_[end + 1].empty());
    };
    program.erase(std::remove_if(program.begin(), program.end(), dropped), program.end());
    for (FusedOp& op : program) {
      if (op.kind == FusedOp::Kind::node && !is_sign(op.node)) continue;
      // Programs store float32 only.
      if (nodes_[op.node].type.kind == ValueKind::int32) return alone(root);
      op.stream = group_.operands.size() + group_.results.size();
      group_.results.push_back(op.node);
    }
    return group_;
  }

  static Fused alone(std::size_t node) { return {{node}, {}, {node}, {}}; }

  const std::vector<Node>& nodes_;
  std::size_t output_;
  std::vector<std::vector<std::size_t>> readers_;  // per value
  std::vector<bool> taken_;                        // by an earlier step
  Fused group_;
};

}  // namespace

std::vector<Fused> fused_nodes(const Graph& graph, bool fuse) {
  Fusion fusion(graph);
  std::vector<Fused> result;
  for (std::size_t i = 0; i < graph.nodes().size(); ++i)
    if (!fusion.taken(i)) result.push_back(fusion.grow(i, fuse));
  std::stable_sort(result.begin(), result.end(),
                   [](const Fused& a, const Fused& b) { return a.last() < b.last(); });
  return result;
}

}  // namespace binmorph
