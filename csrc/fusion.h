// Which nodes run as one step: a convolution, or nothing, and the elementwise nodes behind it.
#pragma once

#include <vector>

#include "binmorph/graph.h"

namespace binmorph {

// One operation of a fused step's program, on the value that the one before it left.
struct FusedOp {
  enum class Kind { node, store };  // do what the node does, or keep the value as a result
  Kind kind;
  std::size_t node;
  std::size_t stream;  // of Add, LevelSets and store: index into operands, then results
};

struct Fused {
  std::vector<std::size_t> nodes;     // ascending; the first is the root, which reads the step's input
  std::vector<std::size_t> operands;  // values (as Node::inputs counts them) that additions read
  std::vector<std::size_t> results;   // nodes whose values others read
  std::vector<FusedOp> program;       // empty: the root runs alone, and its value is the only result

  bool pooled = false;  // the last node pools what the program stores, which nobody else reads

  std::size_t last() const { return nodes.back(); }
};

// Every node, in an order in which they can run. Without `fuse` each runs alone.
std::vector<Fused> fused_nodes(const Graph& graph, bool fuse);

// Adds poolings of float32 to the convolutions (of numbers, at most `channels` channels) that they follow.
void join_pools(const Graph& graph, std::size_t channels, std::vector<Fused>& steps);

}  // namespace binmorph
