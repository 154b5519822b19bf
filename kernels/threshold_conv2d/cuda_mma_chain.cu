// Layer after layer by mma.sync: see cuda_chain.h.
#include "kernels/common/cuda/grid.cuh"
#include "kernels/threshold_conv2d/cuda_chain.h"
#include "kernels/threshold_conv2d/cuda_mma_tiles.cuh"

namespace binmorph::cuda {
namespace {

constexpr int kChainRowTiles = kChainPixels / kWarps / 16;

__device__ __forceinline__ void run_tile(const ThresholdConv2dParams& p, std::uint32_t first,
                                         std::uint32_t block) {
  Results<kChainRowTiles> r{};
  if (p.windows.form == kernels::ConvForm::sign)
    multiply_any<true>(p.windows, first, block, r);
  else
    multiply_any<false>(p.windows, first, block, r);
  finish_tiles(p, first, block, r);
}

}  // namespace

extern "C" __global__ void __launch_bounds__(kMmaBlock, 3)
    threshold_chain_u64_u64__cuda_mma(const ThresholdChainParams p) {
  take_turn();
#pragma unroll 1
  for (std::uint32_t l = 0; l < p.count; ++l) {
    const ThresholdConv2dParams& layer = p.layer[l];
    const ConvGeometry& g = layer.windows.geometry;
    const std::uint32_t blocks = lanes_for(g.out_channels) / 64;
    const std::uint32_t tiles = (out_pixels(g) + kChainPixels - 1) / kChainPixels * blocks;
    if (l != 0) sync_grid(p.barrier);
#pragma unroll 1
    for (std::uint32_t tile = blockIdx.x; tile < tiles; tile += gridDim.x) {
      run_tile(layer, tile / blocks * kChainPixels, tile % blocks);
      __syncthreads();  // the stages are free
    }
  }
}

}  // namespace binmorph::cuda
