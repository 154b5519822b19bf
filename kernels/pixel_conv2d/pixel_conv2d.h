// Convolution of a channels-last image of bytes by small integers, exact.
#pragma once

#include "kernels/common/conv_sums.h"
#include "kernels/common/kernel_list.h"

namespace binmorph::kernels {

// int16 holds both the pixels (0 .. 255) and the weights (-128 .. 127).
using PixelConv2dProgram = ConvSums<std::int16_t, std::int32_t>;

// sum = start + the products of the window; fewer than 65000 taps. extended: the image with its padding
// (extend_image), one element longer. y: the sums of the first output channel of range.block_begin at row
// range.row_begin, the next pixel y_pitch elements further on.
using PixelConv2d = void(const PixelConv2dProgram& program, const std::int16_t* extended,
                         const SumRange& range, std::int32_t* y, std::size_t y_pitch);

#define BINMORPH_KERNEL(op, isa, name) op name;
#include "kernels/pixel_conv2d/kernels.inc"
#undef BINMORPH_KERNEL

}  // namespace binmorph::kernels
