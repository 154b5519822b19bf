#include "kernels/common/cuda/device.cuh"
#include "kernels/max_pool/cuda_pool.h"

namespace binmorph::cuda {
namespace {

// Calls tap(offset) for the taps inside the image, in row-major order; `pitch`: elements of a pixel.
template <class Tap>
__device__ __forceinline__ void for_each_tap(const ConvGeometry& g, std::uint64_t pixel, unsigned pitch,
                                             Tap tap) {
  const int column = static_cast<int>(pixel % g.out_width * g.stride_w) - g.left;
  const int row = static_cast<int>(pixel / g.out_width % g.out_height * g.stride_h) - g.top;
  const std::uint64_t image = pixel / g.out_width / g.out_height * g.height;
  for (int y = row; y < row + static_cast<int>(g.kernel_h); ++y) {
    if (y < 0 || y >= static_cast<int>(g.height)) continue;
    for (int x = column; x < column + static_cast<int>(g.kernel_w); ++x)
      if (x >= 0 && x < static_cast<int>(g.width))
        tap(((image + static_cast<unsigned>(y)) * g.width + static_cast<unsigned>(x)) * pitch);
  }
}

}  // namespace

extern "C" __global__ void __launch_bounds__(kBlock) max_pool_u64_u64__cuda_simt(const PoolParams p) {
  take_turn();
  const unsigned words = words_of(p.geometry.channels);
  const std::uint64_t item = thread_item();
  if (item >= static_cast<std::uint64_t>(out_pixels(p.geometry)) * words) return;
  const auto* src = static_cast<const std::uint64_t*>(p.src) + item % words;
  std::uint64_t any = 0;
  for_each_tap(p.geometry, item / words, words, [&](std::uint64_t at) { any |= src[at]; });
  static_cast<std::uint64_t*>(p.dst)[item] = any;
}

extern "C" __global__ void __launch_bounds__(kBlock) max_pool_f32_f32__cuda_simt(const PoolParams p) {
  take_turn();
  const unsigned channels = p.geometry.channels;
  const std::uint64_t item = thread_item();
  if (item >= static_cast<std::uint64_t>(out_pixels(p.geometry)) * channels) return;
  const auto* src = static_cast<const float*>(p.src) + item % channels;
  float most = 0;
  bool first = true;
  for_each_tap(p.geometry, item / channels, channels, [&](std::uint64_t at) {
    const float value = src[at];
    most = first || value > most || value != value ? value : most;  // a NaN stays, as in torch
    first = false;
  });
  static_cast<float*>(p.dst)[item] = most;
}

extern "C" __global__ void __launch_bounds__(kBlock) avg_pool_f32_f32__cuda_simt(const PoolParams p) {
  take_turn();
  const unsigned channels = p.geometry.channels;
  const std::uint64_t item = thread_item();
  if (item >= static_cast<std::uint64_t>(out_pixels(p.geometry)) * channels) return;
  const auto* src = static_cast<const float*>(p.src) + item % channels;
  float sum = 0;
  bool first = true;
  for_each_tap(p.geometry, item / channels, channels, [&](std::uint64_t at) {
    sum = first ? src[at] : __fadd_rn(sum, src[at]);
    first = false;
  });
  static_cast<float*>(p.dst)[item] = __fdiv_rn(sum, static_cast<float>(taps(p.geometry)));
}

}  // namespace binmorph::cuda
