// Boolean functions by their tables, on the device.
#pragma once

#include "kernels/common/cuda/geometry.h"
#include "kernels/common/cuda/launch.h"

namespace binmorph::cuda {

// x, y: [images][height][width][words_for(channels)]. Output o is the entry sum_i x_i 2^i of its table,
// inputs in the order [channel that it reads][row][column].
struct TruthTableParams {
  ConvGeometry geometry;  // stride, dilation and groups are 1
  std::uint32_t reads;    // channels of an output; reads * taps at most 16
  const std::uint64_t* x;
  const std::int32_t* channels;  // [outputs][reads]
  const std::uint64_t* table;    // [outputs][words_for(2^(reads * taps))]
  std::uint64_t* y;
};

// A thread is 32 outputs of one pixel; grid (pixels, lanes / 32).
inline LaunchShape launch_truth_table(const TruthTableParams& p) {
  return {static_cast<std::uint32_t>(blocks_for(out_pixels(p.geometry), kBlock)),
          lanes_for(p.geometry.out_channels) / 32, 1, kBlock, 0};
}

}  // namespace binmorph::cuda
