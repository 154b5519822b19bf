#include "kernels/common/cuda/window.cuh"
#include "kernels/conv2d/cuda_conv2d.h"
#include "kernels/elementwise/cuda_program.cuh"

namespace binmorph::cuda {
namespace {

// A warp makes 32 outputs, a lane each, of kConvPixels pixels: every weight that it reads serves them all.
struct Tile {
  std::uint32_t first, count;  // pixels
  std::uint32_t output, group;
};

__device__ __forceinline__ Tile tile_of(const ConvGeometry& g) {
  const std::uint32_t warp = blockIdx.x * (kBlock / 32) + threadIdx.x / 32, pixels = out_pixels(g);
  const std::uint32_t first = warp * kConvPixels, output = blockIdx.y * 32 + threadIdx.x % 32;
  const std::uint32_t left = first < pixels ? pixels - first : 0;
  const std::uint32_t live = output < g.out_channels ? output : g.out_channels - 1;
  return {first, left < kConvPixels ? left : kConvPixels, output, live / (g.out_channels / g.groups)};
}

// step(accumulator, weight, value) for every tap in the order row, column, channel of the group.
template <class T, class Weight, class Sum, class Step>
__device__ __forceinline__ void convolve(const ConvGeometry& g, const Strides& strides, const T* x,
                                         const Weight* weight, const Tile& tile, Sum (&sum)[kConvPixels],
                                         Step step) {
  const std::uint32_t lanes = lanes_for(g.out_channels), channels = group_channels(g);
  Window window[kConvPixels];
#pragma unroll
  for (unsigned k = 0; k < kConvPixels; ++k)
    window[k] = window_of(g, k < tile.count ? tile.first + k : tile.first);
  weight += tile.output;
  for (std::uint32_t i = 0; i < g.kernel_h; ++i)
    for (std::uint32_t j = 0; j < g.kernel_w; ++j) {
      const T* from[kConvPixels];
#pragma unroll
      for (unsigned k = 0; k < kConvPixels; ++k) {
        const std::uint64_t at = tap_of(g, window[k], i * g.dilation_h, j * g.dilation_w);
        from[k] = at == kOutside ? nullptr
                                 : x + window[k].image * strides.image + at * strides.pixel +
                                       tile.group * channels * strides.channel;
      }
      for (std::uint32_t c = 0; c < channels; ++c, weight += lanes) {
        const Weight w = *weight;
#pragma unroll
        for (unsigned k = 0; k < kConvPixels; ++k)
          sum[k] = step(sum[k], w, from[k] == nullptr ? T{0} : from[k][c * strides.channel]);
      }
    }
}

template <class T>
__device__ __forceinline__ void conv2d(const Conv2dParams& p) {
  const Tile tile = tile_of(p.geometry);
  if (tile.count == 0) return;
  float sum[kConvPixels];
#pragma unroll
  for (unsigned k = 0; k < kConvPixels; ++k) sum[k] = p.bias[tile.output];
  convolve(p.geometry, p.strides, static_cast<const T*>(p.x), p.weight, tile, sum,
           [](float acc, float w, T v) { return __fmaf_rn(w, static_cast<float>(v), acc); });
#pragma unroll
  for (unsigned k = 0; k < kConvPixels; ++k) {
    if (k >= tile.count) break;
    const std::uint64_t pixel = tile.first + k;
    if (p.y != nullptr && tile.output < p.geometry.out_channels)
      p.y[pixel * p.geometry.out_channels + tile.output] = sum[k];
    run_program(p.program, pixel, tile.output, sum[k]);
  }
}

}  // namespace

extern "C" __global__ void __launch_bounds__(kBlock) conv2d_f32_f32__cuda_simt(const Conv2dParams p) {
  take_turn();
  conv2d<float>(p);
}
extern "C" __global__ void __launch_bounds__(kBlock) conv2d_u8_f32__cuda_simt(const Conv2dParams p) {
  take_turn();
  conv2d<std::uint8_t>(p);
}

extern "C" __global__ void __launch_bounds__(kBlock)
    pixel_conv2d_u8_i32__cuda_simt(const PixelConv2dParams p) {
  take_turn();
  const Tile tile = tile_of(p.geometry);
  if (tile.count == 0) return;
  std::int32_t sum[kConvPixels] = {};
  convolve(p.geometry, p.strides, p.x, p.weight, tile, sum,
           [](std::int32_t acc, std::int8_t w, std::uint8_t v) { return acc + w * v; });
  const std::uint32_t lanes = lanes_for(p.geometry.out_channels);
#pragma unroll
  for (unsigned k = 0; k < kConvPixels; ++k) {
    if (k >= tile.count) break;
    const std::uint32_t pixel = tile.first + k;
    const std::uint64_t row = class_of(p.classes, window_of(p.geometry, pixel));
    const std::int32_t value = sum[k] + p.constant[row * lanes + tile.output];
    if (p.y != nullptr && tile.output < p.geometry.out_channels)
      p.y[static_cast<std::uint64_t>(pixel) * p.geometry.out_channels + tile.output] = value;
    run_program(p.program, pixel, tile.output, static_cast<float>(value));
  }
}

}  // namespace binmorph::cuda
