// Implicit matrix product: rows are output pixels, columns outputs, and the common dimension the words of a
// window, tap after tap, in chunks of 4 words (256 bits). No window is copied to global memory: a chunk's
// words are gathered into shared memory from where the image has them, the border rule applied on the way.
#include "kernels/threshold_conv2d/cuda_finish.cuh"
#include "kernels/threshold_conv2d/cuda_mma_tiles.cuh"

namespace binmorph::cuda {
namespace {

constexpr int kRowTiles = kMmaPixels / kWarps / 16;  // of a warp

// Numbers: a tile of 16 pixels at a time crosses shared memory, so that a warp ends up with 32 neighbouring
// outputs of a pixel, as programs want them.
template <class Params, int row_tiles>
__device__ __forceinline__ void finish_tiles(const Params& p, std::uint32_t first_pixel, std::uint32_t block,
                                             const Results<row_tiles>& r) {
  constexpr unsigned kPitch = 65;
  const ConvGeometry& g = p.windows.geometry;
  const unsigned lane = threadIdx.x % 32, warp = threadIdx.x / 32;
  auto* sums = reinterpret_cast<std::int32_t*>(shared_memory()) + warp * 16 * (kPitch + 1);
  std::int32_t* ones = sums + 16 * kPitch;
  __syncthreads();  // the stages are free
#pragma unroll
  for (int m = 0; m < row_tiles; ++m) {
#pragma unroll
    for (int half = 0; half < 2; ++half) {
      const unsigned row = half * 8 + lane / 4;
#pragma unroll
      for (int n = 0; n < kColumnTiles; ++n)
#pragma unroll
        for (int i = 0; i < 2; ++i)
          sums[row * kPitch + lane % 4 * 16 + n * 2 + i] = r.sum[m][n][half * 2 + i];
      if (lane % 4 == 0) ones[row] = r.ones[m][half];
    }
    __syncwarp();
    for (unsigned row = 0; row < 16; ++row) {
      const std::uint32_t pixel = first_pixel + (warp * row_tiles + m) * 16 + row;
      if (pixel >= out_pixels(g)) break;
      const std::uint64_t table =
          std::uint64_t{class_of(p.windows.classes, window_of(g, pixel))} * lanes_for(g.out_channels);
      for (unsigned half = 0; half < 2; ++half) {
        const unsigned o = half * 32 + lane;
        const bool ternary = p.windows.form == kernels::ConvForm::ternary;
        const std::int32_t minus = ternary ? minus_sizes(p.windows)[block * 64 + o] : 0;
        finish(p, pixel, block * 2 + half, table, Counts{sums[row * kPitch + o], minus, ones[row]});
      }
    }
    __syncwarp();
  }
}

template <int row_tiles>
__device__ __forceinline__ void finish_tiles(const ThresholdConv2dParams& p, std::uint32_t first_pixel,
                                             std::uint32_t block, const Results<row_tiles>& r) {
  finish_bits(WholeBlock{}, p, first_pixel, block, r);
}

template <bool two_value, class Params>
__device__ __forceinline__ void run_tiles(const Params& p) {
  take_turn();
  constexpr WholeBlock kAt{};
  const std::uint32_t first = blockIdx.x * kMmaPixels, block = blockIdx.y;
  Weights<WholeBlock, kMmaPixels> weights;
  weights.start(kAt, p.windows, block);
  Results<kRowTiles> r{};
  multiply_any(kAt, p.windows, weights, first, block, two_value || p.windows.form == kernels::ConvForm::sign,
               r);
  finish_tiles(p, first, block, r);
}

}  // namespace

BINMORPH_DEVICE_KERNEL(threshold_conv2d_u64_u64__cuda_mma, ThresholdConv2dParams, (kMmaBlock),
                       run_tiles<false>)
BINMORPH_DEVICE_KERNEL(count_conv2d_u64_i32__cuda_mma, CountConv2dParams, (kMmaBlock), run_tiles<false>)
BINMORPH_DEVICE_KERNEL(two_value_conv2d_u64_f32__cuda_mma, TwoValueConv2dParams, (kMmaBlock), run_tiles<true>)

}  // namespace binmorph::cuda
