// A block's tile of 64 or 128 output pixels and 64 outputs by mma.sync: products, and bits from them.
#pragma once

#include "kernels/common/cuda/mma.cuh"
#include "kernels/threshold_conv2d/cuda_mma_feeder.cuh"

namespace binmorph::cuda {
namespace {

// A warp's results: sum[m][n] of row tile m and column tile n; ones[m]: popcounts of the windows of rows
// `group` and group + 8 of tile m.
template <int row_tiles>
struct Results {
  int sum[row_tiles][kColumnTiles][4];
  int ones[row_tiles][2];
};

__device__ __forceinline__ void split(std::uint64_t word, unsigned& low, unsigned& high) {
  low = static_cast<unsigned>(word);
  high = static_cast<unsigned>(word >> 32);
}

template <bool use_ones, int row_tiles>
__device__ __forceinline__ void multiply(unsigned thread, const Stage<row_tiles * 64>& stage, bool ternary,
                                         Results<row_tiles>& r) {
  const unsigned lane = thread % 32, warp = thread / 32;
  unsigned a[row_tiles][4], b[kColumnTiles][2];
#pragma unroll
  for (int m = 0; m < row_tiles; ++m) {
    const unsigned row = (warp * row_tiles + m) * 16 + lane / 4;
    split(stage.rows[row][lane % 4], a[m][0], a[m][2]);
    split(stage.rows[row + 8][lane % 4], a[m][1], a[m][3]);
    if (use_ones) {
      r.ones[m][0] += __popc(a[m][0]) + __popc(a[m][2]);
      r.ones[m][1] += __popc(a[m][1]) + __popc(a[m][3]);
    }
  }
#pragma unroll
  for (int n = 0; n < kColumnTiles; ++n) split(stage.plus[n][lane], b[n][0], b[n][1]);
  mma_and_popc(r.sum, a, b);
  if (!ternary) return;
  // -popcount(x AND minus) = popcount(NOT x AND minus) - |minus|, which the end takes away.
#pragma unroll
  for (int m = 0; m < row_tiles; ++m)
#pragma unroll
    for (int i = 0; i < 4; ++i) a[m][i] = ~a[m][i];
#pragma unroll
  for (int n = 0; n < kColumnTiles; ++n) split(stage.minus[n][lane], b[n][0], b[n][1]);
  mma_and_popc(r.sum, a, b);
}

// Copies run all stages but one ahead. A stage is refilled after the barrier that ends its last use. The
// weights of the first ones are on their way.
template <bool use_ones, unsigned width, class Place, int row_tiles>
__device__ __forceinline__ void multiply_windows(const Place& at, const BitWindows& w,
                                                 Weights<Place, row_tiles * 64>& weights, std::uint32_t first,
                                                 std::uint32_t block, Results<row_tiles>& r) {
  constexpr unsigned kStages = Place::kStages;
  auto* stages = reinterpret_cast<Stage<row_tiles * 64>*>(at.stages());
  Feeder<Place, width, row_tiles * 64> feeder(at, w, first, block);
  const unsigned chunks = chunks_of(w.geometry);
  const bool ternary = w.form == kernels::ConvForm::ternary;
#pragma unroll 1
  for (unsigned q = 0; q + 1 < kStages; ++q) {
    if (q < chunks) feeder.fetch(stages[q]);
    copy_async_commit();
  }
#pragma unroll 1
  for (unsigned q = 0; q < chunks; ++q) {
    copy_async_wait<kStages - 2>();
    at.sync();
    if (q + kStages - 1 < chunks) {
      Stage<row_tiles * 64>& next = stages[(q + kStages - 1) % kStages];
      feeder.fetch(next);
      weights.fetch(at, next);
    }
    copy_async_commit();
    multiply<use_ones, row_tiles>(at.thread(), stages[q % kStages], ternary, r);
  }
  if (use_ones)
#pragma unroll
    for (int m = 0; m < row_tiles; ++m)
#pragma unroll
      for (int i = 0; i < 2; ++i) {
        r.ones[m][i] += __shfl_xor_sync(kWholeWarp, r.ones[m][i], 1);
        r.ones[m][i] += __shfl_xor_sync(kWholeWarp, r.ones[m][i], 2);
      }
}

// |minus| of every lane lies behind the masks.
__device__ __forceinline__ const std::int32_t* minus_sizes(const BitWindows& w) {
  const ConvGeometry& g = w.geometry;
  const std::uint64_t words =
      std::uint64_t{lanes_for(g.out_channels) / 64} * chunks_of(g) * kColumnTiles * 32;
  return reinterpret_cast<const std::int32_t*>(w.minus + words);
}

// Bits. Column n of tile j is output 16 (n / 2) + 2 j + n % 2 of the block's 64: so a lane holds 16 outputs
// side by side of each of its rows, and stores them as they are.
template <class Place, int row_tiles>
__device__ __forceinline__ void finish_bits(const Place& at, const ThresholdConv2dParams& p,
                                            std::uint32_t first_pixel, std::uint32_t block,
                                            const Results<row_tiles>& r) {
  const ConvGeometry& g = p.windows.geometry;
  const unsigned lane = at.thread() % 32, warp = at.thread() / 32;
  const std::uint32_t first = block * 64 + lane % 4 * 16, lanes = lanes_for(g.out_channels);
  const bool sign = p.windows.form == kernels::ConvForm::sign;
  const bool ternary = p.windows.form == kernels::ConvForm::ternary;
  const unsigned invert = reinterpret_cast<const std::uint16_t*>(p.invert)[first / 16];
#pragma unroll
  for (int m = 0; m < row_tiles; ++m)
#pragma unroll
    for (int half = 0; half < 2; ++half) {
      const std::uint32_t pixel = first_pixel + (warp * row_tiles + m) * 16 + half * 8 + lane / 4;
      if (pixel >= out_pixels(g)) continue;
      const std::uint64_t row = class_of(p.windows.classes, window_of(g, pixel));
      const std::int32_t* threshold = p.threshold + row * lanes + first;
      unsigned word = 0;
#pragma unroll
      for (int n = 0; n < kColumnTiles; ++n)
#pragma unroll
        for (int i = 0; i < 2; ++i) {
          int count = r.sum[m][n][half * 2 + i];
          if (sign) count = 2 * count - r.ones[m][half];
          if (ternary) count -= minus_sizes(p.windows)[first + n * 2 + i];
          word |= static_cast<unsigned>(count >= threshold[n * 2 + i]) << (n * 2 + i);
        }
      at.store(p, pixel, first / 16, word ^ invert);
    }
}

template <class Place, int row_tiles>
__device__ __forceinline__ void multiply_any(const Place& at, const BitWindows& w,
                                             Weights<Place, row_tiles * 64>& weights, std::uint32_t first,
                                             std::uint32_t block, bool use_ones, Results<row_tiles>& r) {
  const bool even = tap_words(w.geometry) % 2 == 0;
  if (use_ones && even)
    multiply_windows<true, 2>(at, w, weights, first, block, r);
  else if (use_ones)
    multiply_windows<true, 1>(at, w, weights, first, block, r);
  else if (even)
    multiply_windows<false, 2>(at, w, weights, first, block, r);
  else
    multiply_windows<false, 1>(at, w, weights, first, block, r);
}

}  // namespace
}  // namespace binmorph::cuda
