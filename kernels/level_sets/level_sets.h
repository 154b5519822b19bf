// Streams of numbers to bits, several per channel.
#pragma once

#include <cstddef>
#include <cstdint>

#include "kernels/common/kernel_list.h"

namespace binmorph::kernels {

// src [pixels][channels], values [channels][levels]; dst [pixels][words_for(channels * levels)], tail bits
// zero: bit c * levels + i of a pixel = [float(src[c]) >= values[c][i]]. With one level it is an elementwise
// program of one step, which is faster.
using LevelSetsF32 = void(const float* src, std::size_t pixels, std::size_t channels, std::size_t levels,
                          const float* values, std::uint64_t* dst);
using LevelSetsI32 = void(const std::int32_t* src, std::size_t pixels, std::size_t channels,
                          std::size_t levels, const float* values, std::uint64_t* dst);

#define BINMORPH_KERNEL(op, isa, name) op name;
#include "kernels/level_sets/kernels.inc"
#undef BINMORPH_KERNEL

}  // namespace binmorph::kernels
