// Sums over windows of the extended image in plain C++: the definition, and the same by lane blocks.
#pragma once

#include <algorithm>
#include <cstddef>
#include <cstdint>

#include "kernels/common/conv_sums.h"

namespace binmorph::kernels {
namespace {

// body(row, column, first output channel, count) for runs of up to `most` output channels of the range; a run
// stays in one group and, if most is kSumLanes, in one lane block.
template <class Weight, class Sum, class Body>
inline void for_each_output(const ConvSums<Weight, Sum>& p, const SumRange& range, std::size_t most,
                            const Body& body) {
  const bool all = p.blocks() == 1;
  const std::size_t begin = all ? 0 : range.block_begin * kSumBlock;
  const std::size_t end =
      all ? p.shape.out_channels : std::min(range.block_end * kSumBlock, p.shape.out_channels);
  const std::size_t outputs = p.lane_outputs();
  for (std::size_t row = range.row_begin; row < range.row_end; ++row)
    for (std::size_t column = 0; column < p.shape.out_width(); ++column)
      for (std::size_t o = begin; o < end;) {
        const std::size_t count = std::min({most, end - o, outputs - o % outputs});
        body(row, column, o, count);
        o += count;
      }
}

// The sums of one pixel from output channel `first` on. multiply_add(sum, weight, x) takes the taps by row,
// column and channel.
template <class Weight, class Sum, class MultiplyAdd>
inline void sum_outputs(const ConvSums<Weight, Sum>& p, const Weight* extended, std::size_t row,
                        std::size_t column, std::size_t first, std::size_t count, Sum* sums,
                        const MultiplyAdd& multiply_add) {
  constexpr std::size_t kStep = ConvSums<Weight, Sum>::kStep;
  const ConvShape& s = p.shape;
  const SumRuns runs = conv_runs(s);
  const std::size_t steps = (runs.elements + kStep - 1) / kStep, channels = s.group_channels();
  const std::size_t lane = first / p.lane_outputs() * p.group_lanes + first % p.lane_outputs();
  const Weight* weights = p.weights + lane / kSumLanes * runs.count * steps * kSumLanes * kStep;
  const Sum* start = p.start + (p.row_class[row] + p.column_class[column]) * p.lanes() + lane;
  std::copy_n(start, count, sums);
  for (std::size_t i = 0; i < s.kernel_h; ++i)
    for (std::size_t j = 0; j < s.kernel_w; ++j)
      for (std::size_t c = 0; c < channels; ++c) {
        const std::size_t run = runs.columns == 1 ? i : i * s.kernel_w + j;
        const std::size_t element = runs.columns == 1 ? j * channels + c : c;
        const Weight* w = weights + ((run * steps + element / kStep) * kSumLanes + lane % kSumLanes) * kStep;
        const std::size_t y = row * s.stride_h + i * s.dilation_h, x = column * s.stride_w + j * s.dilation_w;
        const Weight* from = extended + (y * s.extended_width() + x) * s.channels + c;
        for (std::size_t k = 0; k < count; ++k) {
          const std::size_t g = (first + k) / s.group_outputs();
          sums[k] = multiply_add(sums[k], w[k * kStep + element % kStep], from[g * channels]);
        }
      }
}

template <class Weight, class Sum, class MultiplyAdd>
inline void plain_sums(const ConvSums<Weight, Sum>& p, const Weight* extended, const SumRange& range, Sum* y,
                       std::size_t y_pitch, std::size_t most, const MultiplyAdd& multiply_add) {
  const std::size_t skipped = p.blocks() == 1 ? 0 : range.block_begin * kSumBlock;
  for_each_output(p, range, most, [&](std::size_t row, std::size_t column, std::size_t o, std::size_t count) {
    Sum* to = y + ((row - range.row_begin) * p.shape.out_width() + column) * y_pitch + (o - skipped);
    sum_outputs(p, extended, row, column, o, count, to, multiply_add);
  });
}

}  // namespace
}  // namespace binmorph::kernels
