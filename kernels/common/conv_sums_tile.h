// Tiles of sums in registers: pixels x vectors of outputs, written once over the arithmetic A of an
// instruction set. Every weight loaded serves all pixels, every input all vectors. A sum belongs to one lane
// and takes its products one by one in the order of the runs, whatever the tile.
#pragma once

#include <cstddef>
#include <cstdint>

#include "kernels/common/conv_sums.h"
#include "kernels/common/unroll.h"

namespace binmorph::kernels {
namespace {

// `lanes` outputs of a group, from one on that starts a lane block.
template <class A>
struct SumLanes {
  SumRuns runs;
  std::size_t steps;  // of a run
  const typename A::Weight* weights;
  std::size_t pitch;  // from one lane block to the next
  std::size_t outputs;
};

template <class A, int pixels, int vectors, bool depthwise>
inline void sum_tile(const SumLanes<A>& lanes, const typename A::Weight* const* pixel,
                     const typename A::Sum* const* start, typename A::Sum* y, std::size_t y_pitch) {
  using Weight = typename A::Weight;
  constexpr int kBlockVectors = kSumLanes / A::lanes;
  constexpr std::size_t kStep = 4 / sizeof(Weight);
  typename A::Raw sum[pixels * vectors];
  repeat<pixels * vectors>(
      BINMORPH_UNROLL(n) { sum[n] = A::load(start[n / vectors] + n % vectors * A::lanes); });
  // Made when they are needed: kept through the loop, they would cost AVX2 the registers of two sums.
  const auto mask = [&](int v) {
    return A::first_lanes(lanes.outputs > v * A::lanes ? lanes.outputs - v * A::lanes : 0);
  };
  const Weight* weights = lanes.weights;
  for (std::size_t r = 0; r < lanes.runs.count; ++r) {
    const std::size_t offset = lanes.runs[r];
    const Weight* from[pixels];
    repeat<pixels>(BINMORPH_UNROLL(i) { from[i] = pixel[i] + offset; });
    for (std::size_t e = 0; e < lanes.steps * kStep; e += kStep, weights += kSumLanes * kStep) {
      typename A::Raw w[vectors];
      repeat<vectors>(BINMORPH_UNROLL(v) {
        w[v] =
            A::load_weights(weights + v / kBlockVectors * lanes.pitch + v % kBlockVectors * A::lanes * kStep);
      });
      repeat<pixels>(BINMORPH_UNROLL(i) {
        if constexpr (depthwise) {
          repeat<vectors>(BINMORPH_UNROLL(v) {
            const int n = i * vectors + v;
            sum[n] = A::multiply_add(sum[n], w[v], A::load(from[i] + v * A::lanes, mask(v)));
          });
        } else {
          const typename A::Raw x = A::broadcast(from[i] + e);
          repeat<vectors>(
              BINMORPH_UNROLL(v) { sum[i * vectors + v] = A::multiply_add(sum[i * vectors + v], w[v], x); });
        }
      });
    }
  }
  const bool whole = lanes.outputs >= vectors * A::lanes;
  repeat<pixels>(BINMORPH_UNROLL(i) {
    typename A::Sum* to = y + i * y_pitch;
    repeat<vectors>(BINMORPH_UNROLL(v) {
      if (whole)
        A::store(to + v * A::lanes, sum[i * vectors + v]);
      else
        A::store(to + v * A::lanes, sum[i * vectors + v], mask(v));
    });
  });
}

template <class A, int vectors, bool depthwise>
void sum_pixels(const ConvSums<typename A::Weight, typename A::Sum>& p, const SumLanes<A>& lanes,
                const SumRange& range, const typename A::Weight* x, const typename A::Sum* start,
                typename A::Sum* y, std::size_t y_pitch) {
  constexpr int kPixels = A::pixels(vectors);
  const ConvShape& s = p.shape;
  const std::size_t width = s.out_width(), pixel_step = s.stride_w * s.channels;
  const std::size_t row_step = s.stride_h * s.extended_width() * s.channels;
  std::size_t row = range.row_begin, column = 0;
  for (std::size_t left = (range.row_end - range.row_begin) * width; left > 0;) {
    const typename A::Weight* pixel[kPixels];
    const typename A::Sum* from[kPixels];
    const int count = left >= kPixels ? kPixels : left >= 4 ? 4 : left >= 2 ? 2 : 1;
    for (int i = 0; i < count; ++i) {
      pixel[i] = x + row * row_step + column * pixel_step;
      from[i] = start + (p.row_class[row] + p.column_class[column]) * p.lanes();
      if (++column == width) column = 0, ++row;
    }
    if (count == kPixels)
      sum_tile<A, kPixels, vectors, depthwise>(lanes, pixel, from, y, y_pitch);
    else if (count == 4)
      sum_tile<A, 4, vectors, depthwise>(lanes, pixel, from, y, y_pitch);
    else if (count == 2)
      sum_tile<A, 2, vectors, depthwise>(lanes, pixel, from, y, y_pitch);
    else
      sum_tile<A, 1, vectors, depthwise>(lanes, pixel, from, y, y_pitch);
    left -= static_cast<std::size_t>(count);
    y += static_cast<std::size_t>(count) * y_pitch;
  }
}

template <class A, int vectors, bool depthwise>
void sum_lanes(const ConvSums<typename A::Weight, typename A::Sum>& p, SumLanes<A> lanes,
               const SumRange& range, const typename A::Weight* x, const typename A::Sum* start,
               typename A::Sum* y, std::size_t y_pitch) {
  constexpr std::size_t kOutputs = vectors * A::lanes;
  constexpr int kBlockVectors = kSumLanes / A::lanes;
  std::size_t left = lanes.outputs;
  while (left > kOutputs - kSumLanes) {
    lanes.outputs = left < kOutputs ? left : kOutputs;
    sum_pixels<A, vectors, depthwise>(p, lanes, range, x, start, y, y_pitch);
    if (left <= kOutputs) return;
    left -= kOutputs;
    lanes.weights += kOutputs / kSumLanes * lanes.pitch;
    start += kOutputs;
    y += kOutputs;
    if (depthwise) x += kOutputs;
  }
  lanes.outputs = left;
  if constexpr (vectors > kBlockVectors)
    sum_lanes<A, vectors - kBlockVectors, depthwise>(p, lanes, range, x, start, y, y_pitch);
}

// vectors: of the widest tile, whole lane blocks.
template <class A, int vectors>
void conv_sums(const ConvSums<typename A::Weight, typename A::Sum>& p, const typename A::Weight* extended,
               const SumRange& range, typename A::Sum* y, std::size_t y_pitch) {
  const ConvShape& s = p.shape;
  SumLanes<A> lanes{conv_runs(s), 0, nullptr, 0, 0};
  constexpr std::size_t kStep = 4 / sizeof(typename A::Weight);
  lanes.steps = (lanes.runs.elements + kStep - 1) / kStep;
  lanes.pitch = lanes.runs.count * lanes.steps * kStep * kSumLanes;
  const std::size_t outputs = p.lane_outputs();
  const bool all = p.blocks() == 1;
  const std::size_t begin = all ? 0 : range.block_begin * kSumBlock;
  const std::size_t asked = range.block_end * kSumBlock;
  const std::size_t end = all || asked > s.out_channels ? s.out_channels : asked;
  for (std::size_t g = begin / outputs; g * outputs < end; ++g) {
    const std::size_t first = begin > g * outputs ? begin - g * outputs : 0;
    const std::size_t last = end < (g + 1) * outputs ? end - g * outputs : outputs;
    const std::size_t lane = g * p.group_lanes + first;
    lanes.weights = p.weights + lane / kSumLanes * lanes.pitch;
    lanes.outputs = last - first;
    typename A::Sum* to = y + (g * outputs + first - begin);
    if constexpr (kStep == 1) {
      if (p.depthwise) {
        sum_lanes<A, vectors, true>(p, lanes, range, extended + first, p.start + lane, to, y_pitch);
        continue;
      }
    }
    sum_lanes<A, vectors, false>(p, lanes, range, extended + g * s.group_channels(), p.start + lane, to,
                                 y_pitch);
  }
}

}  // namespace
}  // namespace binmorph::kernels
