// From neurons and truth tables to the decisions that run on planes.
#pragma once

#include <cstddef>
#include <cstdint>
#include <map>
#include <optional>
#include <tuple>
#include <vector>

#include "binmorph/graph.h"
#include "binmorph/plane_program.h"
#include "kernels/decision_planes/decision_planes.h"

namespace binmorph {

// Owns what a kernels::DecisionProgram points to.
struct DecisionProgramStorage {
  std::vector<kernels::Decision> decisions;
  std::size_t slots = 2, outputs = 0;

  kernels::DecisionProgram view() const { return {decisions.data(), decisions.size(), slots, outputs}; }
};

// Makes each decision once, however many outputs need it.
class DecisionBuilder {
 public:
  // A word offset of the source, or with kernels::kDecisionFlag: 0 and 1 are constants, v + 2 is vertex v.
  using Value = std::uint32_t;
  static constexpr Value kZero = kernels::kDecisionFlag, kOne = kernels::kDecisionFlag | 1;

  // Throws Error(shape) for a word that no reference reaches.
  static Value tap(std::size_t word);
  Value choose(Value select, Value high, Value low);
  Value negated(Value value) { return choose(value, kZero, kOne); }
  void output(Value value) { outputs_.push_back(value); }
  std::size_t size() const { return vertices_.size(); }

  // The decisions that outputs need, with slots for what is kept.
  DecisionProgramStorage finish() const;

 private:
  struct Vertex {
    Value select, high, low;
  };
  std::vector<Vertex> vertices_;
  std::map<std::tuple<Value, Value, Value>, Value> known_;
  std::vector<Value> outputs_;
};

// Empty where the decisions are more than `limit`.
std::optional<DecisionProgramStorage> compile_decisions(const Bisel& op, std::size_t channels,
                                                        const TapOffset& offset, std::size_t limit);

DecisionProgramStorage compile_decisions(const TruthTable& op, const TapOffset& offset);

}  // namespace binmorph
