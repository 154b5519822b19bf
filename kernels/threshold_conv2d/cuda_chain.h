// Several layers of threshold neurons in one launch whose blocks stay and meet between two layers. For small
// batches, whose layers are as short as a launch.
//
// On a whole device (__cuda_mma) blocks meet in a barrier of the grid, and values lie in global memory. In
// one thread block cluster (__cuda_cluster) they meet in the cluster's barrier, and values lie in shared
// memory: a block keeps what it made, and takes from the others the rows of pixels that its windows of the
// next layer reach.
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
  std::uint32_t kept_words, input_words;  // of a block of a cluster, see place_in_cluster
  GridBarrier* barrier;                   // of a grid
  // Masks as for __cuda_mma. In a cluster every layer reads what the one before makes, and y may be null
  // where nobody else does.
  ThresholdConv2dParams layer[kChainLayers];
};
static_assert(sizeof(ThresholdChainParams) <= 4096, "what a launch may take");

inline constexpr std::uint32_t kChainStage = kChainPixels * 32 + 2 * 64 * 32;
inline constexpr std::uint32_t kChainShared = kMmaStages * kChainStage;

constexpr std::uint32_t chain_tiles(const ConvGeometry& g) {
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

// A block of a cluster is kClusterTeams groups of kMmaBlock threads, each with a tile and stages of its own.
inline constexpr std::uint32_t kClusterTeams = 4, kClusterBlock = kClusterTeams * kMmaBlock;
inline constexpr std::uint32_t kClusterStages = 6;
inline constexpr std::uint32_t kClusterStageBytes = kClusterTeams * kClusterStages * kChainStage;

struct Span {
  std::uint32_t first, end;
};

constexpr std::uint32_t cluster_share(const ConvGeometry& g, std::uint32_t blocks) {
  return (chain_tiles(g) + blocks - 1) / blocks;
}

// The tiles of a block: neighbours, so that their windows share rows.
constexpr Span cluster_tiles(const ConvGeometry& g, std::uint32_t blocks, std::uint32_t rank) {
  const std::uint32_t share = cluster_share(g, blocks), all = chain_tiles(g);
  const std::uint32_t first = rank * share < all ? rank * share : all;
  return {first, first + share < all ? first + share : all};
}

// Rows of the input, numbered through all images, that the windows of these tiles reach; clamped as a
// replicated border does, which is enough for constant ones.
constexpr Span cluster_rows(const ConvGeometry& g, const Span& tiles) {
  if (tiles.first == tiles.end) return {0, 0};
  const std::uint32_t blocks = lanes_for(g.out_channels) / 64, last = out_pixels(g) - 1;
  const std::uint32_t end = ((tiles.end - 1) / blocks + 1) * kChainPixels - 1;
  const auto row = [&](std::uint32_t pixel, std::uint32_t dy) {
    const std::uint32_t r = pixel / g.out_width, image = r / g.out_height;
    const std::int32_t y = static_cast<std::int32_t>(r % g.out_height * g.stride_h + dy) - g.top;
    const auto height = static_cast<std::int32_t>(g.height);
    return image * g.height + static_cast<std::uint32_t>(y < 0 ? 0 : y < height ? y : height - 1);
  };
  return {row(tiles.first / blocks * kChainPixels, 0),
          row(end < last ? end : last, (g.kernel_h - 1) * g.dilation_h) + 1};
}

// How much a block keeps of a layer's results, and takes as its input, at most.
inline void place_in_cluster(ThresholdChainParams& p, std::uint32_t blocks) {
  p.kept_words = p.input_words = 0;
  for (std::uint32_t l = 0; l < p.count; ++l) {
    const ConvGeometry& g = p.layer[l].windows.geometry;
    const std::uint32_t kept = l + 1 < p.count ? cluster_share(g, blocks) * kChainPixels : 0;
    if (kept > p.kept_words) p.kept_words = kept;
    for (std::uint32_t rank = 0; rank < blocks; ++rank) {
      const Span rows = cluster_rows(g, cluster_tiles(g, blocks, rank));
      const std::uint32_t words = (rows.end - rows.first) * g.width * (lanes_for(g.channels) / 64);
      if (words > p.input_words) p.input_words = words;
    }
  }
}

// One cluster of `blocks`, after place_in_cluster.
inline LaunchShape launch_cluster(const ThresholdChainParams& p, std::uint32_t blocks) {
  LaunchShape shape{blocks, 1, 1, kClusterBlock, kClusterStageBytes + 8 * (2 * p.kept_words + p.input_words)};
  shape.cluster = blocks;
  return shape;
}

}  // namespace binmorph::cuda
