// Convolutions and fully connected layers of threshold neurons on the device: bits in; bits, counts or
// {alpha, beta} numbers out.
#pragma once

#include "kernels/common/cuda/geometry.h"
#include "kernels/elementwise/cuda_elementwise.h"
#include "kernels/threshold_conv2d/threshold_conv2d.h"

namespace binmorph::cuda {

// count[o] = popcount(x AND plus) - popcount(x AND minus) over a window. Masks as pack_windows (cuda_pack.h)
// leaves them: in one order for the kernels __cuda_simt, in another for __cuda_mma.
struct BitWindows {
  ConvGeometry geometry;
  const std::uint64_t* x;  // [images][height][width][words_for(channels)]
  const std::uint64_t* plus;
  const std::uint64_t* minus;  // form ternary only
  kernels::ConvForm form;
  PixelClasses classes;
};

// bit o = [count >= threshold[class][o]] XOR invert. Lanes past the last output: threshold INT32_MAX, invert
// 0.
struct ThresholdConv2dParams {
  BitWindows windows;
  const std::int32_t* threshold;  // [classes][lanes]
  const std::uint32_t* invert;    // [lanes / 32]
  std::uint64_t* y;               // [images][out_height][out_width][words_for(out_channels)]
};

// value = factor * count + constant[class][o]. y (unless null) = value; then the program, on float(value).
struct CountConv2dParams {
  BitWindows windows;
  const std::int32_t* constant;  // [classes][lanes]
  std::int32_t factor;
  std::int32_t* y;  // [images][out_height][out_width][out_channels]
  Program program;
};

// With P = popcount(x AND plus) and X = popcount of the window (of the group), form mask:
// value = fma(difference[o], float(factor * P + constant[class][o]),
//             low[o] * float(factor * X + total[class])).
struct TwoValueConv2dParams {
  BitWindows windows;
  const std::int32_t* constant;  // [classes][lanes]
  const std::int32_t* total;     // [classes]
  const float* difference;       // [lanes]
  const float* low;              // [lanes]
  std::int32_t factor;
  float* y;  // or null
  Program program;
};

inline constexpr std::uint32_t kWindowPixels = 4;  // pixels that a SIMT warp takes along, for each mask read

// A warp is 32 outputs x kWindowPixels pixels; grid (pixels, lanes / 32).
inline LaunchShape launch_windows_simt(const BitWindows& w) {
  return {static_cast<std::uint32_t>(blocks_for(out_pixels(w.geometry), kBlock / 32 * kWindowPixels)),
          lanes_for(w.geometry.out_channels) / 32, 1, kBlock, 0};
}

// Whether the tensor-core kernels run this shape.
constexpr bool mma_supports(const ConvGeometry& g) {
  return g.groups == 1 || (group_channels(g) % 64 == 0 && g.out_channels / g.groups % 64 == 0);
}

// A block makes kMmaPixels pixels x 64 outputs; grid (pixels, lanes / 64).
inline constexpr std::uint32_t kMmaPixels = 128, kMmaBlock = 128, kMmaStages = 4;
inline constexpr std::uint32_t kMmaShared = kMmaStages * (kMmaPixels * 32 + 2 * 64 * 32);
inline LaunchShape launch_windows_mma(const BitWindows& w) {
  return {static_cast<std::uint32_t>(blocks_for(out_pixels(w.geometry), kMmaPixels)),
          lanes_for(w.geometry.out_channels) / 64, 1, kMmaBlock, kMmaShared};
}

}  // namespace binmorph::cuda
