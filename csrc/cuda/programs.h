// What follows a sum, or a value that there is: the elementwise nodes and signs of a fused group, as a
// program.
#pragma once

#include <vector>

#include "../fusion.h"
#include "cuda/plan.h"
#include "kernels/elementwise/cuda_elementwise.h"

namespace binmorph::cuda {

class ProgramPlan {
 public:
  // stream: a value channels-last, by its number. The program must fit a launch.
  template <class StreamOf>
  ProgramPlan(Plan& plan, const Fused& fused, std::size_t channels, StreamOf stream);

  bool empty() const { return program_.count == 0; }
  const Program& program() const { return program_; }  // without its pointers

  // Sets the pointers of a copy.
  void fill(Program& program, const Frame& frame) const;

  // The values of additions, and those that it leaves behind.
  const std::vector<std::size_t>& reads() const { return reads_; }
  const std::vector<std::size_t>& writes() const { return writes_; }

 private:
  static constexpr std::size_t kNone = SIZE_MAX;
  struct Pointers {
    std::size_t first = kNone, second = kNone, value = kNone;  // tables among the constants; a value
  };
  void add(Plan& plan, const Operation& operation);

  Program program_{};
  Pointers pointers_[kProgramSteps];
  std::vector<std::size_t> reads_, writes_;
};

// Whether the group's program fits a launch.
inline bool fits_launch(const Fused& fused) { return fused.program.size() <= kProgramSteps; }

// Node `node` by itself.
Fused single(const Graph& graph, std::size_t node);

template <class StreamOf>
ProgramPlan::ProgramPlan(Plan& plan, const Fused& fused, std::size_t channels, StreamOf stream) {
  program_.channels = static_cast<std::uint32_t>(channels);
  for (const FusedOp& op : fused.program) {
    const Operation& operation = plan.graph().nodes()[op.node].operation;
    const bool adds = op.kind == FusedOp::Kind::node && std::holds_alternative<Add>(operation);
    const bool leaves = op.kind == FusedOp::Kind::store || std::holds_alternative<LevelSets>(operation);
    Pointers& pointers = pointers_[program_.count];
    if (adds) reads_.push_back(pointers.value = stream(fused.operands[op.stream]));
    if (leaves) writes_.push_back(pointers.value = op.node + 1);
    if (op.kind == FusedOp::Kind::store)
      program_.steps[program_.count++].op = kernels::ElementwiseOp::store;
    else
      add(plan, operation);
  }
}

}  // namespace binmorph::cuda
