// From neurons (masks and thresholds) to the gates that the plane kernels run.
#pragma once

#include <cstdint>
#include <functional>
#include <vector>

#include "binmorph/graph.h"
#include "kernels/threshold_planes/threshold_planes.h"

namespace binmorph {

// Owns what a kernels::PlaneProgram points to.
struct PlaneProgramStorage {
  std::vector<std::uint32_t> taps;
  std::vector<kernels::Term> terms;
  std::vector<kernels::PlaneNeuron> neurons;
  std::vector<std::size_t> same_as;  // the first neuron that is equal, itself where there is none before
  std::size_t max_terms = 1;

  kernels::PlaneProgram view() const {
    return {taps.data(), terms.data(), neurons.data(), neurons.size(), max_terms};
  }
};

// Word offset of tap (row i, column j) of channel c in the source that the kernel will read.
using TapOffset = std::function<std::size_t(std::size_t c, std::size_t i, std::size_t j)>;

// Every rewrite keeps each output bit: constants are folded, a LUI over one channel disappears, De Morgan
// turns negated gates into the kind that surrounds them, and nested gates of one kind become a single gate.
PlaneProgramStorage compile_bisel(const Bisel& op, std::size_t channels, const TapOffset& offset);

// Neuron k reads input i at word offset i * lane_words.
PlaneProgramStorage compile_dense(const Neurons& neurons, std::size_t lane_words);

}  // namespace binmorph
