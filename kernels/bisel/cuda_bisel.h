// BiSE neurons of every channel, then a LUI neuron over the channels, on the device.
#pragma once

#include "kernels/common/cuda/geometry.h"
#include "kernels/common/cuda/launch.h"

namespace binmorph::cuda {

// x, y: [images][height][width][words_for(channels)]. Tables are made by pack_bisel (cuda_pack.h); a block is
// 32 outputs, a word 64 channels.
struct BiselParams {
  ConvGeometry geometry;  // stride, dilation and groups are 1
  const std::uint64_t* x;
  const std::uint64_t*
      plus;  // [blocks][words][taps][32]: bit c = whether channel c of the word counts the tap
  const std::uint64_t* minus;  // the same
  const std::uint64_t*
      threshold;                  // [blocks][words][planes][32]: bit p of every channel's threshold + |minus|
  const std::uint64_t* invert;    // [blocks][words][32]
  const std::uint64_t* lui_plus;  // [blocks][words][32]
  const std::uint64_t* lui_minus;     // [blocks][words][32]
  const std::int32_t* lui_threshold;  // [lanes]
  const std::uint32_t* lui_invert;    // [blocks]
  std::uint32_t planes;               // bits of a count, at most kBiselPlanes or kWideBiselPlanes
  std::uint64_t* y;
};

inline constexpr std::uint32_t kBiselPlanes = 12;  // windows of up to 4094 taps
inline constexpr std::uint32_t kWideBiselPlanes =
    24;  // bisel_wide: 32 channels at once, in the same registers

// A warp is 32 outputs of one pixel; grid (pixels, lanes / 32).
inline LaunchShape launch_bisel(const BiselParams& p) {
  return {static_cast<std::uint32_t>(blocks_for(out_pixels(p.geometry), kBlock / 32)),
          lanes_for(p.geometry.out_channels) / 32, 1, kBlock, 0};
}

}  // namespace binmorph::cuda
