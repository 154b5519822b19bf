// OR over windows: max-pooling of bits, without padding, floor mode.
#pragma once

#include <cstddef>
#include <cstdint>

#include "kernels/common/kernel_list.h"

namespace binmorph::kernels {

struct PoolShape {
  std::size_t channels, height, width;  // of the input
  std::size_t kernel_h, kernel_w, stride_h, stride_w;
  std::size_t out_height() const { return (height - kernel_h) / stride_h + 1; }
  std::size_t out_width() const { return (width - kernel_w) / stride_w + 1; }
};

// Row-packed: src [channels][height][words_for(width)], dst [channels][out_height][words_for(out_width)],
// tails zero.
using MaxPoolRows = void(const PoolShape& shape, const std::uint64_t* src, std::uint64_t* dst);

// Batch-sliced: src [channels][height][width][lane_words], dst [channels][out_height][out_width][lane_words].
using MaxPoolPlanes = void(const PoolShape& shape, std::size_t lane_words, const std::uint64_t* src,
                           std::uint64_t* dst);

#define BINMORPH_KERNEL(op, isa, name) op name;
#include "kernels/max_pool/kernels.inc"
#undef BINMORPH_KERNEL

}  // namespace binmorph::kernels
