// Convolution by masks with few ones: accumulators of one image from lists of taps.
#pragma once

#include <cstddef>
#include <cstdint>

#include "kernels/common/bits.h"
#include "kernels/common/conv_shape.h"
#include "kernels/common/kernel_list.h"

namespace binmorph::kernels {

inline constexpr std::size_t kSparseBlock = 64;        // outputs counted together
inline constexpr std::size_t kSparseVectorWords = 8;   // the most that a kernel reads at once
inline constexpr std::size_t kSparseMostTaps = 65535;  // of one output: counts have 16 bits

// The image with its padding as bit planes, one per channel: bit y * row_bits + x is pixel (y, x). Strides
// split it into stride_h * stride_w phases, so that neighbouring bits are neighbouring output pixels; copies
// shifted down by 0, 1, .. 7 bits make every tap an address. A tap reads from byte `entry` on as many bits as
// there are output pixels, in rows of row_bits; those past the width of the output are of no use.
struct SparsePlanes {
  std::size_t phases, copies, channels;
  std::size_t rows, row_bits;  // of a phase; row_bits is a multiple of 8
  std::size_t plane_words;     // a vector may reach into the next plane, for bits that are of no use

  std::size_t count() const { return phases * copies * channels; }
  // And a plane of zeros, a vector longer.
  std::size_t words() const { return (count() + 1) * plane_words + kSparseVectorWords; }
};

struct SparseProgram {
  ConvShape shape;
  SparsePlanes planes;
  const std::uint32_t* entries;  // filled up to a multiple of 8 with entries of zeros
  const std::uint32_t* first;    // [2][out_channels]: plus, then minus
  const std::uint32_t* size;     // [2][out_channels]: without what fills up
  bool minus;                    // there are minus taps
  std::size_t bits;              // of the largest count
  std::size_t blocks() const { return (shape.out_channels + kSparseBlock - 1) / kSparseBlock; }
  // Scratch of a kernel, for any range.
  std::size_t scratch_words() const {
    return bits * kSparseBlock * (kSparseVectorWords + kSparseVectorWords);
  }
};

// y [out_height][out_width][out_channels] = popcount(x AND plus) - popcount(x AND minus), for the outputs of
// blocks [begin, end). planes: made by sparse_planes (pack.h).
using SparseConv2d = void(const SparseProgram& program, const std::uint64_t* planes, std::int32_t* y,
                          std::size_t begin, std::size_t end, std::uint64_t* scratch);

// What the counts of an output are compared with, by the class of the pixel.
struct SparseThresholds {
  std::size_t classes;
  const std::int32_t* threshold;  // [classes][out_channels]
  const std::uint64_t* invert;    // [blocks]: a bit per output
  // [classes][mask_words]: which bits of a plane are output pixels of the class; not read where there is one.
  const std::uint64_t* masks;
  std::size_t mask_words;  // a vector longer than the bits
  // Scratch of a kernel, for any range.
  std::size_t scratch_words() const {
    constexpr std::size_t kPlanes = 17 + 16;  // of a count or a difference, and of what is subtracted
    return (2 * kSparseBlock + kPlanes) * kSparseVectorWords + (classes + 1) / 2;
  }
};

// y [out_height][out_width][words_for(out_channels)] = [popcount(x AND plus) - popcount(x AND minus) >=
// threshold of the pixel's class] XOR invert, for the outputs of blocks [begin, end); tails zero.
using SparseThreshold = void(const SparseProgram& program, const SparseThresholds& thresholds,
                             const std::uint64_t* planes, std::uint64_t* y, std::size_t begin,
                             std::size_t end, std::uint64_t* scratch);

#define BINMORPH_KERNEL(op, isa, name) op name;
#include "kernels/sparse_conv2d/kernels.inc"
#undef BINMORPH_KERNEL

}  // namespace binmorph::kernels
