// Decision diagrams on bit planes: every bit position is one independent lane (a pixel, or an image of a
// batch).
#pragma once

#include <cstddef>
#include <cstdint>

#include "kernels/common/kernel_list.h"
#include "kernels/common/plane_shape.h"

namespace binmorph::kernels {

// Set in a reference to a slot, which is kDecisionBlockWords times its number; without it the reference is a
// word offset into the source. In a target: the result is the output of this number.
inline constexpr std::uint32_t kDecisionFlag = std::uint32_t{1} << 31;

// The widest block of any kernel, per slot.
inline constexpr std::size_t kDecisionBlockWords = 32;

// target = select ? high : low, in every lane.
struct Decision {
  std::uint32_t select, high, low;  // references
  std::uint32_t target;             // a slot from 2 on without the flag, or an output with it
};

// Decisions in the order in which they run: each reads source words, slots that were written before it, and
// slots 0 (all zeros) and 1 (all ones). Every output is the target of one decision.
struct DecisionProgram {
  const Decision* decisions;
  std::size_t count;
  std::size_t slots;  // with the two constants
  std::size_t outputs;
};

// scratch: decision_scratch_words(program) words.
using DecisionPlanes = void(const DecisionProgram& program, const PlaneShape& shape, const std::uint64_t* src,
                            std::uint64_t* dst, std::uint64_t* scratch);

inline std::size_t decision_scratch_words(const DecisionProgram& program) {
  return program.slots * kDecisionBlockWords;
}

#define BINMORPH_KERNEL(op, isa, name) op name;
#include "kernels/decision_planes/kernels.inc"
#undef BINMORPH_KERNEL

}  // namespace binmorph::kernels
