// Convolutions of numbers on the device: float32 in a stated order, and 8-bit pixels with small integer
// weights.
#pragma once

#include "kernels/common/cuda/geometry.h"
#include "kernels/elementwise/cuda_elementwise.h"

namespace binmorph::cuda {

// acc = bias[o]; then acc = fma(weight, x, acc) over taps in the order row, column, channel of the group. A
// tap outside is the value +0.0. y (unless null) = acc; then the program, on acc.
struct Conv2dParams {
  ConvGeometry geometry;  // border zeros or valid
  const void* x;          // float32 or uint8
  Strides strides;        // of x
  const float* weight;    // [kernel_h][kernel_w][group_channels][lanes_for(out_channels)]
  const float* bias;      // [lanes]
  float* y;               // [images][out_height][out_width][out_channels]
  Program program;
};

// acc = sum of weight * x, taps outside 0, + constant[class][o].
struct PixelConv2dParams {
  ConvGeometry geometry;
  const std::uint8_t* x;
  Strides strides;
  const std::int8_t* weight;     // [kernel_h][kernel_w][group_channels][lanes]
  const std::int32_t* constant;  // [classes][lanes]
  PixelClasses classes;
  std::int32_t* y;  // [images][out_height][out_width][out_channels], or null
  Program program;
};

inline constexpr std::uint32_t kConvPixels = 4;  // pixels that a warp takes along, for each weight read

// Block: 8 warps of 32 output channels x kConvPixels pixels; grid (pixels, lanes / 32).
inline LaunchShape launch_conv2d(const ConvGeometry& g) {
  return {static_cast<std::uint32_t>(blocks_for(out_pixels(g), kBlock / 32 * kConvPixels)),
          lanes_for(g.out_channels) / 32, 1, kBlock, 0};
}

}  // namespace binmorph::cuda
