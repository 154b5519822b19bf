#include "kernels/common/cuda/device.cuh"
#include "kernels/linear/cuda_linear.h"

namespace binmorph::cuda {

// Neighbouring threads are neighbouring outputs: weights come in whole lines, x is one word for all.

extern "C" __global__ void __launch_bounds__(kBlock) linear_u64_f32__cuda_simt(const LinearParams p) {
  take_turn();
  const std::uint64_t item = thread_item();
  if (item >= static_cast<std::uint64_t>(p.images) * p.outputs) return;
  const unsigned o = static_cast<unsigned>(item % p.outputs), words = words_of(p.inputs);
  const auto* x = static_cast<const std::uint64_t*>(p.x) + item / p.outputs * words;
  float sum = p.bias[o];
  for (unsigned w = 0; w < words; ++w) {
    const float* weight = p.weight + static_cast<std::uint64_t>(w) * 64 * p.pitch + o;
    for (std::uint64_t left = x[w]; left != 0; left &= left - 1) {
      const unsigned k = static_cast<unsigned>(__popcll((left & (0 - left)) - 1));  // the lowest set bit
      sum = __fadd_rn(sum, weight[static_cast<std::uint64_t>(k) * p.pitch]);
    }
  }
  p.y[item] = sum;
}

extern "C" __global__ void __launch_bounds__(kBlock) linear_f32_f32__cuda_simt(const LinearParams p) {
  take_turn();
  const std::uint64_t item = thread_item();
  if (item >= static_cast<std::uint64_t>(p.images) * p.outputs) return;
  const unsigned o = static_cast<unsigned>(item % p.outputs);
  const auto* x = static_cast<const float*>(p.x) + item / p.outputs * p.inputs;
  float sum = p.bias[o];
  for (unsigned k = 0; k < p.inputs; ++k)
    sum = __fmaf_rn(p.weight[static_cast<std::uint64_t>(k) * p.pitch + o], x[k], sum);
  p.y[item] = sum;
}

}  // namespace binmorph::cuda
