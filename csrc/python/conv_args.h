// Arguments of the convolution bindings.
#pragma once

#include <algorithm>
#include <array>
#include <utility>
#include <vector>

#include "kernel_args.h"

namespace binmorph::python {

using Pair = std::array<std::size_t, 2>;

inline kernels::ConvShape conv_shape(const std::array<std::size_t, 3>& image, std::size_t out_channels,
                                     std::size_t groups, const Pair& kernel, const Pair& stride,
                                     const Pair& dilation, const std::array<std::size_t, 4>& padding,
                                     bool pad_bit) {
  const kernels::ConvShape s{image[1],   image[2],   image[0],   out_channels, groups,      kernel[0],
                             kernel[1],  stride[0],  stride[1],  dilation[0],  dilation[1], padding[0],
                             padding[1], padding[2], padding[3], pad_bit};
  for (const std::size_t extent : {s.height, s.width, s.channels, out_channels, groups, s.kernel_h,
                                   s.kernel_w, s.stride_h, s.stride_w, s.dilation_h, s.dilation_w})
    if (extent == 0) throw py::value_error("every extent must be positive");
  if (s.channels % groups != 0 || out_channels % groups != 0)
    throw py::value_error("groups must divide the channels");
  if (s.window_h() > s.extended_height() || s.window_w() > s.extended_width())
    throw py::value_error("the window is larger than the padded image");
  return s;
}

// The class numbers must select existing rows of the thresholds.
inline void check_classes(const std::vector<std::uint32_t>& rows, const std::vector<std::uint32_t>& columns,
                          std::size_t classes) {
  const std::uint64_t last = std::uint64_t{*std::max_element(rows.begin(), rows.end())} +
                             *std::max_element(columns.begin(), columns.end());
  if (last >= classes) throw py::value_error("a class number is past the thresholds");
}

}  // namespace binmorph::python
