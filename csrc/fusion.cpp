#include "fusion.h"

#include <algorithm>
#include <queue>
#include <utility>

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
        step_of_(nodes_.size(), kNone) {
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
    return finish(root, current);
  }

  bool taken(std::size_t node) const { return step_of_[node] != kNone; }
  void keep(Fused step) {
    for (std::size_t node : step.nodes) step_of_[node] = steps_.size();
    steps_.push_back(std::move(step));
  }

  // The steps in an order in which they can run, of those that can the one that ends first.
  std::vector<Fused> ordered() {
    std::vector<std::vector<std::size_t>> followers(steps_.size());
    std::vector<std::size_t> missing(steps_.size(), 0);
    for (std::size_t node = 0; node < nodes_.size(); ++node)
      for (std::size_t reader : readers_[node + 1])
        if (step_of_[reader] != step_of_[node]) {
          followers[step_of_[node]].push_back(step_of_[reader]);
          ++missing[step_of_[reader]];
        }
    using Ready = std::pair<std::size_t, std::size_t>;  // last node, step
    std::priority_queue<Ready, std::vector<Ready>, std::greater<Ready>> ready;
    for (std::size_t step = 0; step < steps_.size(); ++step)
      if (missing[step] == 0) ready.emplace(steps_[step].last(), step);
    std::vector<Fused> result;
    while (!ready.empty()) {
      const std::size_t step = ready.top().second;
      ready.pop();
      result.push_back(std::move(steps_[step]));
      for (std::size_t follower : followers[step])
        if (--missing[follower] == 0) ready.emplace(steps_[follower].last(), follower);
    }
    return result;
  }

 private:
  bool inside(std::size_t node) const {
    return std::find(group_.nodes.begin(), group_.nodes.end(), node) != group_.nodes.end();
  }

  // The second operand of an addition must come from outside, and from what can run before the step.
  bool joins(std::size_t node) const {
    if (taken(node) || inside(node)) return false;
    const auto& inputs = nodes_[node].inputs;
    if (inputs.size() < 2) return true;
    const auto within = [&](std::size_t value) { return value != 0 && inside(value - 1); };
    if (inputs[0] == inputs[1] || (within(inputs[0]) && within(inputs[1]))) return false;
    const std::size_t operand = inputs[within(inputs[0]) ? 1 : 0];
    return operand == 0 || !behind_group(operand - 1);
  }

  // Whether the node's step reads, itself or through others, what the group computes.
  bool behind_group(std::size_t node) const {
    std::vector<bool> seen(nodes_.size(), false);
    std::vector<std::size_t> open = group_.nodes;
    const auto reach = [&](std::size_t n) {
      if (!seen[n]) open.push_back(n);
      seen[n] = true;
    };
    while (!open.empty() && !seen[node]) {
      const std::size_t at = open.back();
      open.pop_back();
      for (std::size_t reader : readers_[at + 1]) {
        if (inside(reader)) continue;
        reach(reader);
        if (taken(reader))
          for (std::size_t member : steps_[step_of_[reader]].nodes) reach(member);
      }
    }
    return seen[node];
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
  static constexpr std::size_t kNone = SIZE_MAX;
  std::vector<std::size_t> step_of_;  // per node; steps never read each other in a circle
  std::vector<Fused> steps_;
  Fused group_;
};

}  // namespace

std::vector<Fused> fused_nodes(const Graph& graph, bool fuse) {
  Fusion fusion(graph);
  for (std::size_t i = 0; i < graph.nodes().size(); ++i)
    if (!fusion.taken(i)) fusion.keep(fusion.grow(i, fuse));
  return fusion.ordered();
}

void join_pools(const Graph& graph, std::size_t channels, std::vector<Fused>& steps) {
  const auto& nodes = graph.nodes();
  const auto reads = [](std::size_t value) {
    return [value](const Node& n) {
      return std::find(n.inputs.begin(), n.inputs.end(), value) != n.inputs.end();
    };
  };
  const auto stores_it = [&](const Fused& sums, std::size_t value) {
    const Node& root = nodes[sums.nodes.front()];
    const bool products =
        std::holds_alternative<Conv2d>(root.operation) || std::holds_alternative<PixelConv2d>(root.operation);
    return products && !sums.program.empty() && !sums.pooled && sums.operands.empty() &&
           sums.results == std::vector<std::size_t>{value - 1} && nodes[value - 1].type.channels <= channels;
  };
  for (auto pool = steps.begin(); pool != steps.end();) {
    const Node& node = nodes[pool->nodes.front()];
    const std::size_t value = node.input();
    const bool floats = std::holds_alternative<MaxPool>(node.operation) &&
                        node.type.kind == ValueKind::float32 && value != 0 && graph.output() != value;
    const auto sums = std::find_if(steps.begin(), pool, [&](const Fused& s) { return stores_it(s, value); });
    if (!floats || sums == pool || std::count_if(nodes.begin(), nodes.end(), reads(value)) != 1) {
      ++pool;
      continue;
    }
    sums->nodes.push_back(pool->last());
    sums->results = {pool->last()};
    sums->pooled = true;
    pool = steps.erase(pool);
  }
}

}  // namespace binmorph
