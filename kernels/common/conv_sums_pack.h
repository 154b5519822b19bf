// Packs weights and images for the kernels over ConvSums; portable.
#pragma once

#include <algorithm>
#include <vector>

#include "kernels/common/aligned_vector.h"
#include "kernels/common/conv_sums.h"
#include "kernels/common/interleave.h"

namespace binmorph::kernels {

template <class Weight, class Sum>
class ConvSumsPack {
 public:
  static constexpr std::size_t kStep = ConvSums<Weight, Sum>::kStep;

  // weight: [out_channels][group_channels][kernel_h][kernel_w]. start: [classes][out_channels]; the class of
  // an output pixel is row_class[y] + column_class[x], of which null stands for zeros.
  template <class From>
  ConvSumsPack(const ConvShape& shape, const From* weight, const Sum* start, std::size_t classes,
               const std::uint32_t* row_class, const std::uint32_t* column_class)
      : program_{shape,
                 kStep == 1 && shape.groups > 1 && shape.groups == shape.channels &&
                     shape.groups == shape.out_channels,
                 0,
                 nullptr,
                 nullptr,
                 nullptr,
                 nullptr},
        row_class_(shape.out_height()),
        column_class_(shape.out_width()) {
    program_.group_lanes = (program_.lane_outputs() + kSumLanes - 1) / kSumLanes * kSumLanes;
    pack_weights(weight);
    start_.assign(classes * program_.lanes(), Sum{0});
    for (std::size_t i = 0; i < classes * shape.out_channels; ++i)
      start_[i / shape.out_channels * program_.lanes() + lane(i % shape.out_channels)] = start[i];
    if (row_class != nullptr) row_class_.assign(row_class, row_class + shape.out_height());
    if (column_class != nullptr) column_class_.assign(column_class, column_class + shape.out_width());
  }

  // Valid as long as the pack is where it is.
  ConvSums<Weight, Sum> program() const {
    ConvSums<Weight, Sum> p = program_;
    p.weights = weights_.data();
    p.start = start_.data();
    p.row_class = row_class_.data();
    p.column_class = column_class_.data();
    return p;
  }
  const AlignedVector<Weight>& weights() const { return weights_; }
  const AlignedVector<Sum>& start() const { return start_; }

 private:
  std::size_t lane(std::size_t o) const {
    const std::size_t outputs = program_.lane_outputs();
    return o / outputs * program_.group_lanes + o % outputs;
  }

  template <class From>
  void pack_weights(const From* weight) {
    const ConvShape& s = program_.shape;
    const SumRuns runs = conv_runs(s);
    const std::size_t steps = (runs.elements + kStep - 1) / kStep, channels = s.group_channels();
    weights_.assign(program_.lanes() * runs.count * steps * kStep, Weight{0});
    for (std::size_t o = 0; o < s.out_channels; ++o)
      for (std::size_t r = 0; r < runs.count; ++r)
        for (std::size_t e = 0; e < runs.elements; ++e) {
          const std::size_t i = r / runs.columns, j = r % runs.columns + e / channels, c = e % channels;
          const std::size_t block = lane(o) / kSumLanes, at = (block * runs.count + r) * steps + e / kStep;
          weights_[(at * kSumLanes + lane(o) % kSumLanes) * kStep + e % kStep] =
              weight[((o * channels + c) * s.kernel_h + i) * s.kernel_w + j];
        }
  }

  ConvSums<Weight, Sum> program_;
  AlignedVector<Weight> weights_;
  AlignedVector<Sum> start_;
  std::vector<std::uint32_t> row_class_, column_class_;
};

// Fills rows [row_begin, row_end) of the extended image, zeros in the padding; copy(row of the image, to).
template <class To, class Copy>
void extend_rows(const ConvShape& s, std::size_t row_begin, std::size_t row_end, To* extended,
                 const Copy& copy) {
  const std::size_t width = s.width * s.channels, left = s.left * s.channels, right = s.right * s.channels;
  const std::size_t pitch = left + width + right;
  for (std::size_t row = row_begin; row < row_end; ++row) {
    To* to = extended + row * pitch;
    if (row < s.top || row >= s.top + s.height) {
      std::fill_n(to, pitch, To{0});
      continue;
    }
    std::fill_n(to, left, To{0});
    copy(row - s.top, to + left);
    std::fill_n(to + left + width, right, To{0});
  }
}

// x: [height][width][channels].
template <class From, class To>
void extend_image(const ConvShape& s, const From* x, std::size_t row_begin, std::size_t row_end,
                  To* extended) {
  const std::size_t width = s.width * s.channels;
  extend_rows(s, row_begin, row_end, extended, [&](std::size_t row, To* to) {
    for (std::size_t i = 0; i < width; ++i) to[i] = static_cast<To>(x[row * width + i]);
  });
}

// The same of x: [channels][height][width].
template <class From, class To>
void extend_planes(const ConvShape& s, const From* x, std::size_t row_begin, std::size_t row_end,
                   To* extended) {
  extend_rows(s, row_begin, row_end, extended, [&](std::size_t row, To* to) {
    interleave(x + row * s.width, s.height * s.width, s.channels, s.width, to);
  });
}

}  // namespace binmorph::kernels
