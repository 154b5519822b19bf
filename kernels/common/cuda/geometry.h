// Windows over images, shared by every convolution and pool on the device.
#pragma once

#include <cstdint>

#include "kernels/window/window.h"

namespace binmorph::cuda {

// Output (y, x) reads tap (i, j) at (y stride_h + i dilation_h - top, x stride_w + j dilation_w - left).
struct ConvGeometry {
  std::uint32_t images;
  std::uint32_t height, width, channels;  // of the input
  std::uint32_t out_height, out_width, out_channels;
  std::uint32_t groups;  // divides channels and out_channels
  std::uint32_t kernel_h, kernel_w, stride_h, stride_w, dilation_h, dilation_w;
  std::int32_t top, left;
  kernels::Border border;  // what taps outside read; valid: there are none
};

constexpr std::uint32_t out_pixels(const ConvGeometry& g) { return g.images * g.out_height * g.out_width; }
constexpr std::uint32_t taps(const ConvGeometry& g) { return g.kernel_h * g.kernel_w; }
constexpr std::uint32_t group_channels(const ConvGeometry& g) { return g.channels / g.groups; }
constexpr std::uint32_t tap_words(const ConvGeometry& g) { return (group_channels(g) + 63) / 64; }

// A fully connected layer is a window of one tap on images of one pixel.
constexpr ConvGeometry dense_geometry(std::uint32_t images, std::uint32_t inputs, std::uint32_t outputs) {
  return {images, 1, 1, inputs, 1, 1, outputs, 1, 1, 1, 1, 1, 1, 1, 0, 0, kernels::Border::zeros};
}

// Elements between neighbours: {channels * pixels, 1, pixels} for [image][channel][pixel] (a network's
// input), {channels * pixels, channels, 1} for [image][pixel][channel] (streams).
struct Strides {
  std::uint64_t image, pixel, channel;
};

// Class of an output pixel, for tables [classes][lanes]: row[y] + column[x]; null pointers: one class.
struct PixelClasses {
  const std::uint32_t* row;
  const std::uint32_t* column;
};

}  // namespace binmorph::cuda
