// Streams of numbers: a short program of elementwise steps, up to 64 channels of a pixel at a time in
// registers.
#pragma once

#include <cstddef>
#include <cstdint>

#include "kernels/common/kernel_list.h"

namespace binmorph::kernels {

// v is the value of channel c. Everything is float32, one rounding per line.
enum class ElementwiseOp : std::uint8_t {
  affine,     // v = fma(v, first[c], second[c])
  two_value,  // v = fma(v, first[c], second[c] * float(stream value of the pixel and of the group of c))
  add,        // v = v + stream value
  prelu,      // v = v > 0 ? v : v * first[c]
  clamp,      // v = v < low ? low : v, then v = v > high ? high : v
  store,      // stream value = v
  pack,       // bit c of the stream's pixel = [v >= first[c]]
};

struct ElementwiseStep {
  ElementwiseOp op;
  const float* first;   // [channels]
  const float* second;  // [channels]
  float low, high;
  std::size_t stream;      // number of the stream that two_value, add, store and pack use
  std::size_t groups = 1;  // of two_value; divides the channels
};

struct ElementwiseProgram {
  std::size_t channels;
  const ElementwiseStep* steps;
  std::size_t count;
};

inline constexpr std::size_t kElementwiseBlock = 64;  // channels: one word of packed bits

struct ElementwiseRange {
  std::size_t pixel_begin, pixel_end;
  std::size_t block_begin, block_end;  // blocks of 64 channels
};

// src: the values at the first channel of block_begin of pixel_begin, the next pixel src_pitch elements
// further on; integers become float32 first. streams: whole tensors, float32 [pixels][channels] for add
// and store, int32 [pixels][groups] for two_value, words [pixels][words_for(channels)] for pack, whose tail
// bits are zero. A step may store to the stream that an earlier one added, and to src if that lies like a
// stream.
using ElementwiseF32 = void(const ElementwiseProgram& program, const ElementwiseRange& range,
                            const float* src, std::size_t src_pitch, void* const* streams);
using ElementwiseI16 = void(const ElementwiseProgram& program, const ElementwiseRange& range,
                            const std::int16_t* src, std::size_t src_pitch, void* const* streams);
using ElementwiseI32 = void(const ElementwiseProgram& program, const ElementwiseRange& range,
                            const std::int32_t* src, std::size_t src_pitch, void* const* streams);

#define BINMORPH_KERNEL(op, isa, name) op name;
#include "kernels/elementwise/kernels.inc"
#undef BINMORPH_KERNEL

}  // namespace binmorph::kernels
