// Layer after layer on all of a device: see cuda_chain.h.
#include "kernels/common/cuda/grid.cuh"
#include "kernels/threshold_conv2d/cuda_mma_chain.cuh"

namespace binmorph::cuda {
namespace {

struct Grid : WholeBlock {
  static __device__ __forceinline__ Tiles tiles(const ConvGeometry& g) {
    return {blockIdx.x, chain_tiles(g), gridDim.x};
  }
  static __device__ __forceinline__ void meet(const ThresholdChainParams& p, std::uint32_t l) {
    if (l == 0)
      await_previous();
    else
      sync_grid(p.barrier);
  }
};

}  // namespace

extern "C" __global__ void __launch_bounds__(kMmaBlock, 3)
    threshold_chain_u64_u64__cuda_mma(const ThresholdChainParams p) {
  start_next();
  Grid at;
  run_chain(p, at);
}

}  // namespace binmorph::cuda
