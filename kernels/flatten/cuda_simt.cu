#include "kernels/common/cuda/device.cuh"
#include "kernels/flatten/cuda_flatten.h"

namespace binmorph::cuda {

// Bit c * pixels + i of the result is bit c of pixel i.
extern "C" __global__ void __launch_bounds__(kBlock) flatten_u64_u64__cuda_simt(const FlattenParams p) {
  take_turn();
  const std::uint64_t bits = p.pixels * p.channels, words = (bits + 63) / 64, item = thread_item();
  if (item >= p.images * words) return;
  const unsigned pixel_words = words_of(p.channels);
  const auto* src = static_cast<const std::uint64_t*>(p.src) + item / words * p.pixels * pixel_words;
  const std::uint64_t first = item % words * 64;
  const unsigned end = bits - first < 64 ? static_cast<unsigned>(bits - first) : 64;
  std::uint64_t c = first / p.pixels, pixel = first % p.pixels, word = 0;
  for (unsigned i = 0; i < end; ++i) {
    word |= (src[pixel * pixel_words + c / 64] >> (c % 64) & 1) << i;
    if (++pixel == p.pixels) {
      pixel = 0;
      ++c;
    }
  }
  static_cast<std::uint64_t*>(p.dst)[item] = word;
}

extern "C" __global__ void __launch_bounds__(kBlock) flatten_b32_b32__cuda_simt(const FlattenParams p) {
  take_turn();
  const std::uint64_t item = thread_item();
  if (item >= p.images * p.pixels * p.channels) return;
  const std::uint64_t pixel = item % p.pixels, c = item / p.pixels % p.channels;
  const std::uint64_t image = item / p.pixels / p.channels;
  static_cast<std::uint32_t*>(p.dst)[item] =
      static_cast<const std::uint32_t*>(p.src)[(image * p.pixels + pixel) * p.channels + c];
}

}  // namespace binmorph::cuda
