// Several layers of threshold neurons in one launch whose blocks stay: a barrier of the whole grid stands
// between two layers instead of the end of one launch and the begin of the next. For small batches, whose
// layers are as short as a launch.
#pragma once

#include "kernels/threshold_conv2d/cuda_threshold_conv2d.h"

namespace binmorph::cuda {

inline constexpr std::uint32_t kChainLayers = 20, kChainPixels = 64;

// All blocks of a launch meet here; zero before the first launch, and left ready for the next.
struct GridBarrier {
  std::uint32_t arrived, generation;
};

struct ThresholdChainParams {
  std::uint32_t count;
  GridBarrier* barrier;
  ThresholdConv2dParams layer[kChainLayers];  // masks as for __cuda_mma
};
static_assert(sizeof(ThresholdChainParams) <= 4096, "what a launch may take");

inline constexpr std::uint32_t kChainShared = kMmaStages * (kChainPixels * 32 + 2 * 64 * 32);

inline std::uint32_t chain_tiles(const ConvGeometry& g) {
  return static_cast<std::uint32_t>(blocks_for(out_pixels(g), kChainPixels)) *
         (lanes_for(g.out_channels) / 64);
}

// max_blocks: so many can be on the device at once; all of them must be.
inline LaunchShape launch_chain(const ThresholdChainParams& p, std::uint32_t max_blocks) {
  std::uint32_t tiles = 1;
  for (std::uint32_t l = 0; l < p.count; ++l) {
    const std::uint32_t of_layer = chain_tiles(p.layer[l].windows.geometry);
    if (of_layer > tiles) tiles = of_layer;
  }
  LaunchShape shape{tiles < max_blocks ? tiles : max_blocks, 1, 1, kMmaBlock, kChainShared};
  shape.together = true;
  return shape;
}

}  // namespace binmorph::cuda
