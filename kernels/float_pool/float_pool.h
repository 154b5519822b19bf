// Pooling of channels-last float32 images.
#pragma once

#include <cstdint>

#include "kernels/common/kernel_list.h"
#include "kernels/common/pool_shape.h"

namespace binmorph::kernels {

enum class PoolKind : std::uint8_t {
  max,      // m = the first tap inside the image, then x where x > m or x is NaN; of equal taps the first
  average,  // the first tap plus the others one by one, divided by their number; without padding
};

// Taps are taken row by row. src [height][width][channels], dst [out_height][out_width][channels], of which
// rows [row_begin, row_end) are written.
using FloatPool = void(const PoolShape& shape, PoolKind kind, const float* src, float* dst,
                       std::size_t row_begin, std::size_t row_end);

#define BINMORPH_KERNEL(op, isa, name) op name;
#include "kernels/float_pool/kernels.inc"
#undef BINMORPH_KERNEL

}  // namespace binmorph::kernels
