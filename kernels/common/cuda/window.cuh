// Where the taps of a window lie, by the border rule.
#pragma once

#include "kernels/common/cuda/device.cuh"

namespace binmorph::cuda {

struct Window {
  std::uint32_t image, row, column;  // of the output pixel
  std::int32_t y, x;                 // of its first tap in the input
};

__device__ __forceinline__ Window window_of(const ConvGeometry& g, std::uint32_t pixel) {
  const std::uint32_t column = pixel % g.out_width, rest = pixel / g.out_width;
  const std::uint32_t row = rest % g.out_height, image = rest / g.out_height;
  return {image, row, column, static_cast<std::int32_t>(row * g.stride_h) - g.top,
          static_cast<std::int32_t>(column * g.stride_w) - g.left};
}

__device__ __forceinline__ std::int32_t clamp_to(std::int32_t v, std::uint32_t size) {
  const auto last = static_cast<std::int32_t>(size) - 1;
  return v < 0 ? 0 : v > last ? last : v;
}

inline constexpr std::uint64_t kOutside = ~std::uint64_t{0};

// Index of the tap's pixel in its image, or kOutside where the border is a constant. dy, dx: i dilation_h, j
// dilation_w.
__device__ __forceinline__ std::uint64_t tap_of(const ConvGeometry& g, const Window& window, std::uint32_t dy,
                                                std::uint32_t dx) {
  std::int32_t y = window.y + static_cast<std::int32_t>(dy), x = window.x + static_cast<std::int32_t>(dx);
  if (g.border == kernels::Border::replicate) {
    y = clamp_to(y, g.height);
    x = clamp_to(x, g.width);
  }
  if (y < 0 || x < 0 || y >= static_cast<std::int32_t>(g.height) || x >= static_cast<std::int32_t>(g.width))
    return kOutside;
  return static_cast<std::uint64_t>(y) * g.width + static_cast<std::uint32_t>(x);
}

__device__ __forceinline__ std::uint32_t class_of(const PixelClasses& classes, const Window& window) {
  return classes.row == nullptr ? 0 : classes.row[window.row] + classes.column[window.column];
}

}  // namespace binmorph::cuda
