// OR over windows: max-pooling of bits, floor mode. The shapes have no padding.
#pragma once

#include <cstddef>
#include <cstdint>

#include "kernels/common/kernel_list.h"
#include "kernels/common/pool_shape.h"

namespace binmorph::kernels {

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
