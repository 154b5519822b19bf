// The steps of a program on one value a thread. A warp holds 32 neighbouring channels of one pixel, from a
// multiple of 32 on, and all its lanes call this: packing is a ballot.
#pragma once

#include "kernels/common/cuda/device.cuh"
#include "kernels/elementwise/cuda_elementwise.h"

namespace binmorph::cuda {

__device__ __forceinline__ void run_program(const Program& program, std::uint64_t pixel, unsigned channel,
                                            float v) {
  using kernels::ElementwiseOp;
  const bool live = channel < program.channels;
  const std::uint64_t at = pixel * program.channels + channel;
  for (unsigned s = 0; s < program.count; ++s) {
    const ProgramStep& step = program.steps[s];
    switch (step.op) {
      case ElementwiseOp::affine:
        v = __fmaf_rn(v, step.first[channel], step.second[channel]);
        break;
      case ElementwiseOp::two_value: {
        const std::uint32_t group = live ? channel / (program.channels / step.groups) : 0;
        const std::int32_t sum = static_cast<const std::int32_t*>(step.stream)[pixel * step.groups + group];
        v = __fmaf_rn(v, step.first[channel], __fmul_rn(step.second[channel], static_cast<float>(sum)));
        break;
      }
      case ElementwiseOp::add:
        if (live) v = __fadd_rn(v, static_cast<const float*>(step.stream)[at]);
        break;
      case ElementwiseOp::prelu:
        v = v > 0 ? v : __fmul_rn(v, step.first[channel]);
        break;
      case ElementwiseOp::clamp:
        v = v < step.low ? step.low : v;
        v = v > step.high ? step.high : v;
        break;
      case ElementwiseOp::store:
        if (live) static_cast<float*>(step.stream)[at] = v;
        break;
      case ElementwiseOp::pack: {
        const unsigned half = __ballot_sync(kWholeWarp, live && v >= step.first[channel]);
        const std::uint64_t word = pixel * words_of(program.channels) * 2 + channel / 32;
        if (channel % 32 == 0) static_cast<std::uint32_t*>(step.stream)[word] = half;
        break;
      }
    }
  }
}

}  // namespace binmorph::cuda
