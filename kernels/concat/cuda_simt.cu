#include "kernels/common/cuda/device.cuh"
#include "kernels/concat/cuda_concat.h"

namespace binmorph::cuda {

extern "C" __global__ void __launch_bounds__(kBlock) concat_u64_u64__cuda_simt(const ConcatParams p) {
  take_turn();
  const unsigned words = words_of(p.out_channels);
  const std::uint64_t item = thread_item(), pixel = item / words;
  if (pixel >= p.pixels) return;
  const int first = static_cast<int>(item % words * 64);
  std::uint64_t word = 0;
  int begin = 0;  // of the source's channels in the result
  for (unsigned s = 0; s < p.sources; ++s) {
    const int channels = static_cast<int>(p.channels[s]);
    if (begin < first + 64 && begin + channels > first) {
      const auto* src = static_cast<const std::uint64_t*>(p.src[s]) + pixel * words_of(p.channels[s]);
      word |= begin > first ? src[0] << (begin - first)
                            : bits_at(src, static_cast<unsigned>(first - begin), p.channels[s]);
    }
    begin += channels;
  }
  static_cast<std::uint64_t*>(p.dst)[item] = word;
}

extern "C" __global__ void __launch_bounds__(kBlock) concat_b32_b32__cuda_simt(const ConcatParams p) {
  take_turn();
  const std::uint64_t item = thread_item(), pixel = item / p.out_channels;
  if (pixel >= p.pixels) return;
  unsigned c = static_cast<unsigned>(item % p.out_channels), s = 0;
  for (; c >= p.channels[s]; ++s) c -= p.channels[s];
  static_cast<std::uint32_t*>(p.dst)[item] =
      static_cast<const std::uint32_t*>(p.src[s])[pixel * p.channels[s] + c];
}

}  // namespace binmorph::cuda
