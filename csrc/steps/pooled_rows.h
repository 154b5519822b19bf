// Pooling of rows that are made when they are needed: a band of them, never the whole image.
#pragma once

#include <algorithm>
#include <cstring>

#include "binmorph/step.h"

namespace binmorph {

inline kernels::PoolShape float_pool_shape(const MaxPool& op, const ValueType& in) {
  return {in.channels, in.height,   in.width,     op.kernel_h, op.kernel_w,
          op.stride_h, op.stride_w, op.padding_h, op.padding_w};
}

inline double float_pool_cost(const kernels::PoolShape& s) {
  return static_cast<double>(s.out_height() * s.out_width() * s.channels * s.kernel_h * s.kernel_w) / 8;
}

class PooledRows {
 public:
  PooledRows(const kernels::PoolShape& shape, kernels::FloatPool* pool)
      : shape_(shape),
        pool_(pool),
        row_floats_(shape.width * shape.channels),
        together_(std::max<std::size_t>(1, kBandBytes / (4 * row_floats_) / shape.stride_h)) {}

  std::size_t out_height() const { return shape_.out_height(); }
  std::size_t band_floats() const {
    return std::min(shape_.height, (together_ - 1) * shape_.stride_h + shape_.kernel_h) * row_floats_;
  }
  double cost() const { return float_pool_cost(shape_); }

  // Output rows [begin, end). make(first, last, to) writes rows of the image to the band; each row is made
  // once.
  template <class Make>
  void run(std::size_t begin, std::size_t end, float* band, float* out, const Make& make) const {
    const std::size_t out_floats = shape_.out_width() * shape_.channels;
    std::size_t first = first_row(begin), made = first;  // of the rows in the band; behind the last
    for (std::size_t row = begin, stop; row < end; row = stop) {
      stop = std::min(row + together_, end);
      const std::size_t next = first_row(row);
      const std::size_t last =
          std::min(shape_.height, (stop - 1) * shape_.stride_h + shape_.kernel_h - shape_.padding_h);
      if (next < made)
        std::memmove(band, band + (next - first) * row_floats_, 4 * (made - next) * row_floats_);
      else
        made = next;  // the stride leaves rows out
      first = next;
      make(made, last, band + (made - first) * row_floats_);
      made = std::max(made, last);
      kernels::PoolShape part = shape_;
      part.height = made - first;
      part.padding_h -= std::min(part.padding_h, row * shape_.stride_h);
      pool_(part, kernels::PoolKind::max, band, out + row * out_floats, 0, stop - row);
    }
  }

 private:
  static constexpr std::size_t kBandBytes = 128 << 10;
  std::size_t first_row(std::size_t row) const {
    return row * shape_.stride_h - std::min(shape_.padding_h, row * shape_.stride_h);
  }

  kernels::PoolShape shape_;
  kernels::FloatPool* pool_;
  std::size_t row_floats_, together_;  // together: output rows of a band
};

}  // namespace binmorph
