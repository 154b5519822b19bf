// The geometry of a pooling layer.
#pragma once

#include <cstddef>

namespace binmorph::kernels {

struct PoolShape {
  std::size_t channels, height, width;  // of the input
  std::size_t kernel_h, kernel_w, stride_h, stride_w;
  std::size_t padding_h = 0, padding_w = 0;  // on each side; less than the kernel
  std::size_t out_height() const { return (height + 2 * padding_h - kernel_h) / stride_h + 1; }
  std::size_t out_width() const { return (width + 2 * padding_w - kernel_w) / stride_w + 1; }
};

}  // namespace binmorph::kernels
