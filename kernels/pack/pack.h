// Values to bits. One row of values becomes one row of words; rows of different channels are independent.
#pragma once

#include <cstddef>
#include <cstdint>

#include "kernels/common/kernel_list.h"

namespace binmorph::kernels {

// dst bit i of row r = [src[r * width + i] >= value]; rows start every words_for(width) words; tail bits are
// zero. A NaN is below every value.
using LevelSetF32 = void(const float* src, std::size_t rows, std::size_t width, float value,
                         std::uint64_t* dst);
using LevelSetU8 = void(const std::uint8_t* src, std::size_t rows, std::size_t width, float value,
                        std::uint64_t* dst);

// dst bit = [src == 1]; returns false, with dst unspecified, if any value is neither 0 nor 1 (-0.0f counts as
// 0).
using PackBinaryF32 = bool(const float* src, std::size_t rows, std::size_t width, std::uint64_t* dst);
using PackBinaryU8 = bool(const std::uint8_t* src, std::size_t rows, std::size_t width, std::uint64_t* dst);

// The way back: dst[r * width + i] = bit i of row r, as 0 or 1. streams: where the instruction set can, past
// the caches, which spares the reading of dst before it is written.
using UnpackU8 = void(const std::uint64_t* src, std::size_t rows, std::size_t width, bool streams,
                      std::uint8_t* dst);

inline constexpr std::size_t kStreamedBytes =
    8 << 20;  // of a whole result; of less, the next reader finds much

#define BINMORPH_KERNEL(op, isa, name) op name;
#include "kernels/pack/kernels.inc"
#undef BINMORPH_KERNEL

}  // namespace binmorph::kernels
