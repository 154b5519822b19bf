// Images to features in channel-major order on the device.
#pragma once

#include "kernels/common/cuda/launch.h"

namespace binmorph::cuda {

// src [images][pixels][words_for(channels)], dst [images][words_for(channels * pixels)]; or elements of 32
// bits, src [images][pixels][channels], dst [images][channels][pixels].
struct FlattenParams {
  const void* src;
  void* dst;
  std::uint64_t images, pixels;
  std::uint32_t channels;
};

inline LaunchShape launch_flatten_bits(const FlattenParams& p) {
  return launch_items(p.images * blocks_for(p.pixels * p.channels, 64));
}
inline LaunchShape launch_flatten_b32(const FlattenParams& p) {
  return launch_items(p.images * p.pixels * p.channels);
}

}  // namespace binmorph::cuda
