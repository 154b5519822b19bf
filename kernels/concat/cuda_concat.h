// Channels of several values, one after another, on the device.
#pragma once

#include "kernels/common/cuda/launch.h"

namespace binmorph::cuda {

inline constexpr std::uint32_t kConcatSources = 16;  // more: concatenate twice

// Pixels of words_for(channels) words, or of 32-bit elements.
struct ConcatParams {
  const void* src[kConcatSources];
  std::uint32_t channels[kConcatSources];
  std::uint32_t sources, out_channels;  // out_channels: their sum
  void* dst;
  std::uint64_t pixels;  // of all images
};

inline LaunchShape launch_concat_bits(const ConcatParams& p) {
  return launch_items(p.pixels * (lanes_for(p.out_channels) / 64));
}
inline LaunchShape launch_concat_b32(const ConcatParams& p) {
  return launch_items(p.pixels * p.out_channels);
}

}  // namespace binmorph::cuda
