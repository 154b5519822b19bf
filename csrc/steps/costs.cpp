// What planes of gates and counters, elementwise programs and moves cost: what they do, times what
// benchmarks/fit_costs.py has measured of each.
#include <algorithm>

#include "binmorph/step.h"

namespace binmorph {
namespace {

constexpr std::size_t kElementwiseRates = 1 + static_cast<std::size_t>(kernels::ElementwiseOp::pack) + 1;
constexpr std::size_t kMoveKinds = static_cast<std::size_t>(Move::linear_bits) + 1;

#include "costs.inc"

constexpr std::size_t kVectorWords[kIsaCount] = {1, 1, 4, 8};

}  // namespace

double plane_program_cost(const kernels::PlaneProgram& program, const kernels::PlaneShape& shape, Isa isa,
                          const std::vector<std::size_t>* same_as) {
  const auto& rates = kPlaneCosts[static_cast<std::size_t>(isa)];
  const std::size_t words = kVectorWords[static_cast<std::size_t>(isa)];
  const auto vectors = static_cast<double>((shape.row_words + words - 1) / words);
  const std::size_t block = std::min(kernels::kPlaneBlockWords, 8 * words);
  const auto blocks = static_cast<double>((shape.row_words + block - 1) / block);
  double per_row = 0;
  const auto add = [&](const kernels::Term& t) {
    const double* rate = rates + (t.op == kernels::TermOp::count ? 3 : 0);
    const double literals = t.positive + t.negative;
    per_row += literals * (rate[0] * blocks + rate[1] * vectors) + rate[2] * vectors;
  };
  for (std::size_t o = 0; o < program.neuron_count; ++o) {
    const kernels::PlaneNeuron& neuron = program.neurons[o];
    if (same_as != nullptr && (*same_as)[o] != o) {
      per_row += 4 * vectors;  // a copy: a load and a store
      continue;
    }
    for (std::size_t t = 0; t < neuron.terms; ++t) add(program.terms[neuron.first_term + t]);
    if (neuron.terms > 1) add(neuron.combine);
  }
  return per_row * static_cast<double>(shape.rows);
}

double decision_program_cost(const kernels::DecisionProgram& program, const kernels::PlaneShape& shape,
                             Isa isa) {
  const auto& rates = kDecisionCosts[static_cast<std::size_t>(isa)];
  const std::size_t words = kVectorWords[static_cast<std::size_t>(isa)];
  const auto vectors = static_cast<double>((shape.row_words + words - 1) / words);
  const std::size_t block = std::min(kernels::kDecisionBlockWords, 8 * words);
  const auto blocks = static_cast<double>((shape.row_words + block - 1) / block);
  const auto count = static_cast<double>(program.count);
  return count * (rates[0] * blocks + rates[1] * vectors) * static_cast<double>(shape.rows);
}

double elementwise_cost(const std::vector<kernels::ElementwiseStep>& steps, std::size_t pixels,
                        std::size_t channels, Isa isa) {
  const auto& rates = kElementwiseCosts[static_cast<std::size_t>(isa)];
  double per_tile = rates[0];
  for (const kernels::ElementwiseStep& step : steps) per_tile += rates[1 + static_cast<std::size_t>(step.op)];
  const double tiles = static_cast<double>(pixels * channels) / kernels::kElementwiseBlock;
  return per_tile * tiles;
}

double move_cost(Move move, std::size_t units, Isa isa) {
  const double rate = kMoveCosts[static_cast<std::size_t>(isa)][static_cast<std::size_t>(move)];
  return rate * static_cast<double>(units);
}

}  // namespace binmorph
