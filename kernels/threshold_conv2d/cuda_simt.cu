#include "kernels/threshold_conv2d/cuda_finish.cuh"

namespace binmorph::cuda {
namespace {

// A warp counts 32 outputs, a lane each, of kWindowPixels pixels: every mask that it reads serves them all.
template <bool use_minus, bool use_ones>
__device__ __forceinline__ void count_windows(const BitWindows& w, std::uint32_t first, std::uint32_t count,
                                              std::uint32_t block, Counts (&n)[kWindowPixels]) {
  const ConvGeometry& g = w.geometry;
  const unsigned lane = threadIdx.x % 32, words = words_of(g.channels), channels = group_channels(g);
  const std::uint32_t o = block * 32 + lane, output = o < g.out_channels ? o : g.out_channels - 1;
  const std::uint32_t begin = output / (g.out_channels / g.groups) * channels;  // the group's first channel
  Window window[kWindowPixels];
#pragma unroll
  for (unsigned k = 0; k < kWindowPixels; ++k) window[k] = window_of(g, k < count ? first + k : first);
  std::uint64_t mask = std::uint64_t{block} * taps(g) * tap_words(g) * 32 + lane;
  for (std::uint32_t i = 0; i < g.kernel_h; ++i)
    for (std::uint32_t j = 0; j < g.kernel_w; ++j) {
      const std::uint64_t* from[kWindowPixels];
#pragma unroll
      for (unsigned k = 0; k < kWindowPixels; ++k) {
        const std::uint64_t at = tap_of(g, window[k], i * g.dilation_h, j * g.dilation_w);
        const std::uint64_t image = std::uint64_t{window[k].image} * g.height * g.width;
        from[k] = at == kOutside ? nullptr : w.x + (image + at) * words;
      }
      for (unsigned c = 0; c < channels; c += 64, mask += 32) {
        const std::uint64_t plus = w.plus[mask], minus = use_minus ? w.minus[mask] : 0;
        const std::uint64_t group = low_bits(channels - c);
        const std::uint64_t outside = g.border == kernels::Border::ones ? group : 0;
#pragma unroll
        for (unsigned k = 0; k < kWindowPixels; ++k) {
          std::uint64_t x = outside;
          if (from[k] != nullptr)
            x = g.groups == 1 ? from[k][c / 64] : bits_at(from[k], begin + c, g.channels) & group;
          n[k].plus += __popcll(x & plus);
          if (use_minus) n[k].minus += __popcll(x & minus);
          if (use_ones) n[k].ones += __popcll(x);
        }
      }
    }
}

template <bool two_value, class Params>
__device__ __forceinline__ void count_all(const Params& p) {
  take_turn();
  const ConvGeometry& g = p.windows.geometry;
  const std::uint32_t warp = blockIdx.x * (kBlock / 32) + threadIdx.x / 32, block = blockIdx.y;
  const std::uint32_t first = warp * kWindowPixels, pixels = out_pixels(g);
  if (first >= pixels) return;
  const std::uint32_t count = pixels - first < kWindowPixels ? pixels - first : kWindowPixels;
  Counts n[kWindowPixels] = {};
  if (two_value || p.windows.form == kernels::ConvForm::sign)
    count_windows<false, true>(p.windows, first, count, block, n);
  else if (p.windows.form == kernels::ConvForm::ternary)
    count_windows<true, false>(p.windows, first, count, block, n);
  else
    count_windows<false, false>(p.windows, first, count, block, n);
#pragma unroll
  for (unsigned k = 0; k < kWindowPixels; ++k) {
    if (k >= count) break;
    const std::uint64_t row = class_of(p.windows.classes, window_of(g, first + k));
    finish(p, first + k, block, row * lanes_for(g.out_channels), n[k]);
  }
}

}  // namespace

BINMORPH_DEVICE_KERNEL(threshold_conv2d_u64_u64__cuda_simt, ThresholdConv2dParams, (kBlock, 3),
                       count_all<false>)
BINMORPH_DEVICE_KERNEL(count_conv2d_u64_i32__cuda_simt, CountConv2dParams, (kBlock, 3), count_all<false>)
BINMORPH_DEVICE_KERNEL(two_value_conv2d_u64_f32__cuda_simt, TwoValueConv2dParams, (kBlock, 3),
                       count_all<true>)

}  // namespace binmorph::cuda
