// Windows by their definition, and the shapes that every convolution is checked on.
#pragma once

#include <algorithm>

#include "device_testing.h"
#include "kernels/common/cuda/geometry.h"
#include "kernels/threshold_conv2d/cuda_pack.h"

namespace binmorph::cuda::testing {

inline std::string describe(const ConvGeometry& g) {
  const auto text = [](std::uint32_t a, std::uint32_t b) {
    return std::to_string(a) + "x" + std::to_string(b);
  };
  return std::to_string(g.images) + " of " + std::to_string(g.channels) + "x" + text(g.height, g.width) +
         " to " + std::to_string(g.out_channels) + ", window " + text(g.kernel_h, g.kernel_w) + ", stride " +
         text(g.stride_h, g.stride_w) + ", dilation " + text(g.dilation_h, g.dilation_w) + ", groups " +
         std::to_string(g.groups) + ", border " + std::to_string(static_cast<int>(g.border));
}

// tap(number, index of its pixel in all images, or -1 for the constant outside) in row-major order.
template <class Tap>
void for_each_tap(const ConvGeometry& g, std::uint32_t pixel, Tap tap) {
  const auto height = static_cast<std::int64_t>(g.height), width = static_cast<std::int64_t>(g.width);
  const std::int64_t image = pixel / (g.out_height * g.out_width);
  const std::int64_t row = pixel / g.out_width % g.out_height, column = pixel % g.out_width;
  for (std::int64_t i = 0; i < g.kernel_h; ++i)
    for (std::int64_t j = 0; j < g.kernel_w; ++j) {
      std::int64_t y = row * g.stride_h + i * g.dilation_h - g.top;
      std::int64_t x = column * g.stride_w + j * g.dilation_w - g.left;
      if (g.border == kernels::Border::replicate) {
        y = std::clamp<std::int64_t>(y, 0, height - 1);
        x = std::clamp<std::int64_t>(x, 0, width - 1);
      }
      const bool inside = y >= 0 && x >= 0 && y < height && x < width;
      tap(static_cast<std::size_t>(i * g.kernel_w + j), inside ? (image * height + y) * width + x : -1);
    }
}

inline ConvGeometry square(std::uint32_t images, std::uint32_t channels, std::uint32_t height,
                           std::uint32_t width, std::uint32_t outputs, std::uint32_t kernel,
                           std::uint32_t stride, std::uint32_t dilation, std::uint32_t padding,
                           std::uint32_t groups, kernels::Border border) {
  const std::uint32_t window = dilation * (kernel - 1) + 1;
  return {images,
          height,
          width,
          channels,
          (height + 2 * padding - window) / stride + 1,
          (width + 2 * padding - window) / stride + 1,
          outputs,
          groups,
          kernel,
          kernel,
          stride,
          stride,
          dilation,
          dilation,
          static_cast<std::int32_t>(padding),
          static_cast<std::int32_t>(padding),
          border};
}

inline std::vector<ConvGeometry> window_cases() {
  using kernels::Border;
  std::vector<ConvGeometry> cases = {
      square(1, 1, 1, 1, 1, 1, 1, 1, 0, 1, Border::zeros),
      square(2, 3, 5, 4, 5, 3, 1, 1, 1, 1, Border::zeros),
      square(1, 64, 4, 4, 64, 3, 1, 1, 1, 1, Border::ones),
      square(2, 65, 5, 3, 33, 3, 2, 1, 1, 1, Border::replicate),
      square(1, 70, 6, 5, 70, 3, 1, 2, 2, 1, Border::zeros),
      square(1, 128, 3, 3, 130, 3, 1, 1, 0, 1, Border::valid),
      square(1, 6, 5, 5, 6, 3, 1, 1, 1, 6, Border::ones),
      square(2, 96, 3, 3, 64, 3, 1, 1, 1, 2, Border::zeros),
      square(1, 36, 4, 4, 9, 2, 2, 1, 1, 3, Border::replicate),
      square(1, 128, 3, 4, 128, 3, 1, 1, 1, 2, Border::zeros),
      square(3, 200, 1, 1, 70, 1, 1, 1, 0, 1, Border::zeros),
  };
  cases.push_back(square(2, 9, 9, 9, 3, 3, 1, 1, 1, 1, Border::zeros));  // more pixels than a block takes
  // Taps of two words, outside the image and in a group.
  cases.push_back(square(1, 70, 3, 3, 5, 3, 1, 1, 1, 1, Border::ones));
  cases.push_back(square(1, 256, 2, 2, 128, 3, 1, 1, 1, 2, Border::zeros));
  cases.push_back(square(1, 5, 4, 6, 40, 3, 1, 1, 1, 1, Border::zeros));
  cases.back().kernel_w = 2;  // even and not square
  cases.back().out_width = 7;
  return cases;
}

// A class per row and column of the border, numbered arbitrarily.
struct ClassCase {
  std::vector<std::uint32_t> row, column;
  std::size_t count;
  explicit ClassCase(const ConvGeometry& g) : row(g.out_height), column(g.out_width), count(6) {
    for (std::uint32_t& r : row) r = 3 * below(2);
    for (std::uint32_t& c : column) c = below(3);
  }
  std::size_t of(const ConvGeometry& g, std::uint32_t pixel) const {
    return row[pixel / g.out_width % g.out_height] + column[pixel % g.out_width];
  }
};

struct ClassTables {
  Array<std::uint32_t> row, column;
  explicit ClassTables(const ClassCase& c) : row(c.row), column(c.column) {}
  PixelClasses params() { return {row.data(), column.data()}; }
};

}  // namespace binmorph::cuda::testing
