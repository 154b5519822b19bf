// Convolution of a channels-last float32 image, in a stated order of summation.
#pragma once

#include "kernels/common/conv_sums.h"
#include "kernels/common/kernel_list.h"

namespace binmorph::kernels {

using Conv2dProgram = ConvSums<float, float>;

// sum = start; then, over the rows, the columns and the channels of the window, sum = fma(weight, x, sum):
// one rounding per tap, taps in the padding included. extended: the image with its padding (extend_image). y:
// the sums of the first output channel of range.block_begin at row range.row_begin, the next pixel y_pitch
// elements further on.
using Conv2dF32 = void(const Conv2dProgram& program, const float* extended, const SumRange& range, float* y,
                       std::size_t y_pitch);

#define BINMORPH_KERNEL(op, isa, name) op name;
#include "kernels/conv2d/kernels.inc"
#undef BINMORPH_KERNEL

}  // namespace binmorph::kernels
