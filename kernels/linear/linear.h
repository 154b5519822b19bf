// Float last layer over bits, with a stated order of summation.
#pragma once

#include <cstddef>
#include <cstdint>

#include "kernels/common/kernel_list.h"

namespace binmorph::kernels {

inline constexpr std::size_t kLinearLanes = 16;  // outputs are padded to a multiple of this

// y[o] = bias[o]; then, for each set bit k of x in ascending order, y[o] += weight[k * padded + o], in
// float32, of each image. x: [images][words_for(bits)], tails zero. weight: [bits][padded]; bias: [padded];
// y: [images][padded]; padded % kLinearLanes == 0.
using LinearBits = void(const std::uint64_t* x, std::size_t images, std::size_t bits, const float* weight,
                        const float* bias, std::size_t padded, float* y);

#define BINMORPH_KERNEL(op, isa, name) op name;
#include "kernels/linear/kernels.inc"
#undef BINMORPH_KERNEL

}  // namespace binmorph::kernels
