// Float layers with one chain of roundings per output, on the device.
#pragma once

#include "kernels/common/cuda/launch.h"

namespace binmorph::cuda {

// bits: y[o] = bias[o]; then, for each set bit k of x in ascending order, y[o] += weight[k][o].
// float32: y[o] = bias[o]; then y[o] = fma(weight[k][o], x[k], y[o]) for k in ascending order.
struct LinearParams {
  const void* x;        // [images][words_for(inputs)] words, or [images][inputs] float32
  const float* weight;  // [inputs][pitch]
  const float* bias;    // [outputs]
  float* y;             // [images][outputs]
  std::uint32_t images, inputs, outputs, pitch;
};

inline LaunchShape launch_linear(const LinearParams& p) {
  return launch_items(std::uint64_t{p.images} * p.outputs);
}

}  // namespace binmorph::cuda
