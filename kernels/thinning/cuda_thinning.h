// One pass of a thinning algorithm on the device.
#pragma once

#include "kernels/common/cuda/launch.h"
#include "kernels/thinning/thinning.h"

namespace binmorph::cuda {

// dst = src without the pixels that the rule removes, zeros outside; *changed = 1 if any went, otherwise it
// stays.
struct ThinParams {
  const std::uint64_t* src;  // [height][words_for(width)]
  std::uint64_t* dst;        // the same; not src
  std::uint32_t* changed;
  std::uint32_t height, width;
  kernels::ThinRule rule;
};

inline LaunchShape launch_thin(const ThinParams& p) {
  return launch_items(std::uint64_t{p.height} * (lanes_for(p.width) / 64));
}

}  // namespace binmorph::cuda
