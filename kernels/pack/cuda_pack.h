// Values to bits and back on the device.
#pragma once

#include "kernels/common/cuda/geometry.h"
#include "kernels/common/cuda/launch.h"

namespace binmorph::cuda {

// level_set: bit c * levels + i of a pixel = [float(src value of channel c) >= values[c][i]].
// pack_binary (levels = 1): bit c = [value == 1].
struct PackParams {
  const void* src;
  Strides strides;
  std::uint64_t* dst;      // [images][pixels][words_for(channels * levels)]
  const float* values;     // [channels][levels]; unused by pack_binary
  std::uint64_t* invalid;  // pack_binary: lowered to the smallest index into src of a value neither 0 nor 1
  std::uint64_t images, pixels;
  std::uint32_t channels, levels;
};

// dst [images][channels][pixels], bytes 0 or 1, from src [images][pixels][words_for(channels)].
struct UnpackParams {
  const std::uint64_t* src;
  std::uint8_t* dst;
  std::uint64_t images, pixels;
  std::uint32_t channels;
};

inline LaunchShape launch_pack(const PackParams& p) {
  return launch_items(p.images * p.pixels * (lanes_for(p.channels * p.levels) / 64));
}
inline LaunchShape launch_unpack(const UnpackParams& p) {
  return launch_items(p.images * p.pixels * p.channels);
}

}  // namespace binmorph::cuda
