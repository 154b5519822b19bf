// Between row-packed and channel-packed images on the device.
#pragma once

#include "kernels/common/cuda/launch.h"

namespace binmorph::cuda {

// Rows: [images][channels][height][words_for(width)]. Channels: [images][height][width][words_for(channels)].
struct RepackParams {
  const std::uint64_t* src;
  std::uint64_t* dst;
  std::uint32_t images, channels, height, width;
};

inline LaunchShape launch_rows_to_channels(const RepackParams& p) {
  return launch_items(std::uint64_t{p.images} * p.height * p.width * (lanes_for(p.channels) / 64));
}
inline LaunchShape launch_channels_to_rows(const RepackParams& p) {
  return launch_items(std::uint64_t{p.images} * p.channels * p.height * (lanes_for(p.width) / 64));
}

}  // namespace binmorph::cuda
