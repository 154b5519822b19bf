// The geometry of a convolution.
#pragma once

#include <cstddef>

namespace binmorph::kernels {

struct ConvShape {
  std::size_t height, width, channels;  // of the input
  std::size_t out_channels, groups;     // groups divides channels and out_channels
  std::size_t kernel_h, kernel_w, stride_h, stride_w, dilation_h, dilation_w;
  std::size_t top, bottom, left, right;  // rows and columns of padding
  bool pad_bit;                          // what they hold
  std::size_t group_channels() const { return channels / groups; }
  std::size_t group_outputs() const { return out_channels / groups; }
  std::size_t inputs() const { return group_channels() * kernel_h * kernel_w; }
  std::size_t extended_height() const { return height + top + bottom; }
  std::size_t extended_width() const { return width + left + right; }
  std::size_t window_h() const { return dilation_h * (kernel_h - 1) + 1; }
  std::size_t window_w() const { return dilation_w * (kernel_w - 1) + 1; }
  std::size_t out_height() const { return (extended_height() - window_h()) / stride_h + 1; }
  std::size_t out_width() const { return (extended_width() - window_w()) / stride_w + 1; }
};

}  // namespace binmorph::kernels
