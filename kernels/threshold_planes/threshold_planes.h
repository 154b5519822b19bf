// Threshold neurons on bit planes: every bit position is one independent lane (a pixel, or an image of a
// batch).
#pragma once

#include <cstddef>
#include <cstdint>

#include "kernels/common/kernel_list.h"
#include "kernels/common/plane_shape.h"

namespace binmorph::kernels {

enum class TermOp : std::uint8_t {
  all,    // AND of the literals (erosion)
  any,    // OR of the literals (dilation)
  count,  // [number of true literals >= threshold] (rank filter)
};

// One gate over `positive + negative` literals: taps read as they are, then taps read complemented.
struct Term {
  std::uint32_t first_tap;
  std::uint32_t positive;
  std::uint32_t negative;
  std::uint32_t threshold;     // count only: 1 <= threshold <= positive + negative
  std::uint32_t counter_bits;  // count only: 2^counter_bits >= positive + negative
  TermOp op;
  bool invert;
};

// A neuron is `combine` over the results of its terms (tap t of `combine` is the t-th term),
// or its only term when `terms` is 1 and `combine` is unused.
struct PlaneNeuron {
  std::uint32_t first_term;
  std::uint32_t terms;
  Term combine;
};

// taps[i] is a word offset from the source pointer (for combine: the index of a term within its neuron).
struct PlaneProgram {
  const std::uint32_t* taps;
  const Term* terms;
  const PlaneNeuron* neurons;
  std::size_t neuron_count;
  std::size_t max_terms;  // of any neuron
};

// Neurons [begin, end) of the program. scratch: threshold_planes_scratch_words(program) words.
using ThresholdPlanes = void(const PlaneProgram& program, const PlaneShape& shape, const std::uint64_t* src,
                             std::uint64_t* dst, std::size_t begin, std::size_t end, std::uint64_t* scratch);

// The widest block of any kernel, per term.
inline constexpr std::size_t kPlaneBlockWords = 32;

inline std::size_t threshold_planes_scratch_words(const PlaneProgram& program) {
  return program.max_terms * kPlaneBlockWords;
}

#define BINMORPH_KERNEL(op, isa, name) op name;
#include "kernels/threshold_planes/kernels.inc"
#undef BINMORPH_KERNEL

}  // namespace binmorph::kernels
