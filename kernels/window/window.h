// Extends bit planes past their border, so that every tap of a window becomes a plain word offset.
#pragma once

#include <cstddef>
#include <cstdint>

#include "kernels/common/kernel_list.h"

namespace binmorph::kernels {

enum class Border : std::uint8_t { replicate, zeros, ones, valid };

// Window tap (i, j) of output pixel (y, x) reads input pixel (y + i - top, x + j - left).
struct WindowShape {
  std::size_t channels, height, width;  // of the input
  std::size_t kernel_h, kernel_w;
  Border border;
  std::size_t top() const { return border == Border::valid ? 0 : kernel_h / 2; }
  std::size_t left() const { return border == Border::valid ? 0 : kernel_w / 2; }
  std::size_t out_height() const { return border == Border::valid ? height - kernel_h + 1 : height; }
  std::size_t out_width() const { return border == Border::valid ? width - kernel_w + 1 : width; }
  std::size_t extended_height() const { return out_height() + kernel_h - 1; }
  std::size_t extended_width() const { return out_width() + kernel_w - 1; }
};

// Row-packed: src [channels][height][words_for(width)]
//             dst [channels][kernel_w][extended_height][words_for(out_width)]:
// bit x of row r of shifted copy j = input pixel (r - top, x + j - left), border rule applied, tail bits
// zero.
using WindowRows = void(const WindowShape& shape, const std::uint64_t* src, std::uint64_t* dst);

// Batch-sliced: src [channels][height][width][lane_words]
//               dst [channels][extended_height][extended_width][lane_words].
using WindowPlanes = void(const WindowShape& shape, std::size_t lane_words, const std::uint64_t* src,
                          std::uint64_t* dst);

#define BINMORPH_KERNEL(op, isa, name) op name;
#include "kernels/window/kernels.inc"
#undef BINMORPH_KERNEL

}  // namespace binmorph::kernels
