// Pooling on the device: bits (OR), float32 maximum and average.
#pragma once

#include "kernels/common/cuda/geometry.h"
#include "kernels/common/cuda/launch.h"

namespace binmorph::cuda {

// geometry: groups and dilation are 1, out_channels = channels, border zeros. Taps outside do not count: top
// and left must be less than the window. Bits: [images][height][width][words_for(channels)] in and out;
// float32: [images][height][width][channels].
struct PoolParams {
  ConvGeometry geometry;
  const void* src;
  void* dst;
};

inline LaunchShape launch_pool_bits(const PoolParams& p) {
  return launch_items(std::uint64_t{out_pixels(p.geometry)} * (lanes_for(p.geometry.channels) / 64));
}
inline LaunchShape launch_pool_f32(const PoolParams& p) {
  return launch_items(std::uint64_t{out_pixels(p.geometry)} * p.geometry.channels);
}

}  // namespace binmorph::cuda
