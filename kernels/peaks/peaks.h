// What this machine can do at most: loops that do nothing else, for the roofs of a roofline.
#pragma once

#include <cstddef>
#include <cstdint>

#include "kernels/common/isa.h"

namespace binmorph::kernels {

// Words and floats that a loop starts from; enough registers of any instruction set to hide latencies.
inline constexpr std::size_t kPeakWords = 128, kPeakFloats = 192;

struct Peaks {
  // rounds * kPeakWords full adders of words (five logical operations each), in registers. words: kPeakWords.
  std::uint64_t (*full_adders)(const std::uint64_t* words, std::size_t rounds);
  // rounds * kPeakWords times AND, population count, addition, in registers.
  std::uint64_t (*popcounts)(const std::uint64_t* words, std::size_t rounds);
  // rounds * kPeakFloats fused multiply-adds, in registers. floats: kPeakFloats.
  float (*multiply_adds)(const float* floats, std::size_t rounds);
  // The exclusive or of `count` words, rounds times; count is a multiple of kPeakWords.
  std::uint64_t (*read)(const std::uint64_t* words, std::size_t count, std::size_t rounds);
};

#define BINMORPH_KERNEL(op, isa, name) extern const op name;
#include "kernels/peaks/kernels.inc"
#undef BINMORPH_KERNEL

}  // namespace binmorph::kernels
