// From counts to results, one warp at a time: lane l holds output 32 block + l of one pixel.
#pragma once

#include "kernels/common/cuda/window.cuh"
#include "kernels/elementwise/cuda_program.cuh"
#include "kernels/threshold_conv2d/cuda_threshold_conv2d.h"

namespace binmorph::cuda {

// plus, ones: popcounts of x AND plus, and of the window.
struct Counts {
  std::int32_t plus, minus, ones;
};

__device__ __forceinline__ std::int32_t count_of(kernels::ConvForm form, const Counts& n) {
  if (form == kernels::ConvForm::sign) return 2 * n.plus - n.ones;
  return n.plus - n.minus;
}

// `row`: the pixel's row of the tables, class times lanes.
__device__ __forceinline__ void finish(const ThresholdConv2dParams& p, std::uint32_t pixel,
                                       std::uint32_t block, std::uint64_t row, const Counts& n) {
  const unsigned lane = threadIdx.x % 32;
  const bool fires = count_of(p.windows.form, n) >= p.threshold[row + block * 32 + lane];
  const unsigned half = __ballot_sync(kWholeWarp, fires);
  const std::uint64_t to = std::uint64_t{pixel} * words_of(p.windows.geometry.out_channels) * 2 + block;
  if (lane == 0) reinterpret_cast<std::uint32_t*>(p.y)[to] = half ^ p.invert[block];
}

__device__ __forceinline__ void finish(const CountConv2dParams& p, std::uint32_t pixel, std::uint32_t block,
                                       std::uint64_t row, const Counts& n) {
  const std::uint32_t o = block * 32 + threadIdx.x % 32, outputs = p.windows.geometry.out_channels;
  const std::int32_t value = p.factor * count_of(p.windows.form, n) + p.constant[row + o];
  if (p.y != nullptr && o < outputs) p.y[std::uint64_t{pixel} * outputs + o] = value;
  run_program(p.program, pixel, o, static_cast<float>(value));
}

__device__ __forceinline__ void finish(const TwoValueConv2dParams& p, std::uint32_t pixel,
                                       std::uint32_t block, std::uint64_t row, const Counts& n) {
  const std::uint32_t o = block * 32 + threadIdx.x % 32, outputs = p.windows.geometry.out_channels;
  const std::int32_t sum = p.factor * n.plus + p.constant[row + o];
  const std::int32_t all = p.factor * n.ones + p.total[row / lanes_for(outputs)];
  const float value =
      __fmaf_rn(p.difference[o], static_cast<float>(sum), __fmul_rn(p.low[o], static_cast<float>(all)));
  if (p.y != nullptr && o < outputs) p.y[std::uint64_t{pixel} * outputs + o] = value;
  run_program(p.program, pixel, o, value);
}

}  // namespace binmorph::cuda
