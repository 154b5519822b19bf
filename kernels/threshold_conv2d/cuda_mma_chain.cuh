// Layer after layer by mma.sync: see cuda_chain.h.
#pragma once

#include "kernels/threshold_conv2d/cuda_chain.h"
#include "kernels/threshold_conv2d/cuda_mma_tiles.cuh"

namespace binmorph::cuda {
namespace {

constexpr int kChainRowTiles = kChainPixels / kWarps / 16;
static_assert(sizeof(Stage<kChainPixels>) == kChainStage, "the launch shape knows the size");

// Every step'th tile of a layer, from first on.
struct Tiles {
  std::uint32_t first, end, step;
};

// Place: WholeBlock (cuda_mma_feeder.cuh) or like it, and
//   Tiles tiles(geometry)  that it makes of a layer;
//   void meet(p, l)        all wait until the input of layer l is there: all threads call it once.
template <class Place>
__device__ __forceinline__ void run_chain(const ThresholdChainParams& p, Place& at) {
#pragma unroll 1
  for (std::uint32_t l = 0; l < p.count; ++l) {
    const ThresholdConv2dParams& layer = p.layer[l];
    const BitWindows& w = layer.windows;
    const std::uint32_t blocks = lanes_for(w.geometry.out_channels) / 64;
    const Tiles tiles = at.tiles(w.geometry);
    Weights<Place, kChainPixels> weights;
    if (tiles.first < tiles.end) weights.start(at, w, tiles.first % blocks);
    at.meet(p, l);
#pragma unroll 1
    for (std::uint32_t tile = tiles.first; tile < tiles.end; tile += tiles.step) {
      const std::uint32_t first = tile / blocks * kChainPixels, block = tile % blocks;
      if (tile != tiles.first) weights.start(at, w, block);
      Results<kChainRowTiles> r{};
      multiply_any(at, w, weights, first, block, w.form == kernels::ConvForm::sign, r);
      finish_bits(at, layer, first, block, r);
      at.sync();  // the stages are free
    }
  }
}

}  // namespace
}  // namespace binmorph::cuda
