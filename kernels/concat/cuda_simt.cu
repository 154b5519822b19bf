#include "kernels/common/cuda/device.cuh"
#include "kernels/concat/cuda_concat.h"

namespace binmorph::cuda {

extern "C" __global__ void __launch_bounds__(kBlock) concat_u64_u64__cuda_simt(const ConcatParams p) {
  take_turn();
  const unsigned words = concat_words(p);
  const std::uint64_t item = thread_item(), pixel = item / words;
  if (pixel >= p.pixels) return;
  const auto at = static_cast<unsigned>(item % words) + p.first / 64;
  auto* dst = static_cast<std::uint64_t*>(p.dst) + pixel * words_of(p.out_channels) + at;
  const int first = static_cast<int>(at * 64);
  int begin = static_cast<int>(p.first);  // of the source's channels in the result
  std::uint64_t word = begin > first ? *dst : 0;
  for (unsigned s = 0; s < p.sources; ++s) {
    const int channels = static_cast<int>(p.channels[s]);
    if (begin < first + 64 && begin + channels > first) {
      const auto* src = static_cast<const std::uint64_t*>(p.src[s]) + pixel * words_of(p.channels[s]);
      word |= begin > first ? src[0] << (begin - first)
                            : bits_at(src, static_cast<unsigned>(first - begin), p.channels[s]);
    }
    begin += channels;
  }
  *dst = word;
}

extern "C" __global__ void __launch_bounds__(kBlock) concat_b32_b32__cuda_simt(const ConcatParams p) {
  take_turn();
  const std::uint64_t item = thread_item(), pixel = item / p.count;
  if (pixel >= p.pixels) return;
  unsigned c = static_cast<unsigned>(item % p.count), s = 0;
  auto* dst = static_cast<std::uint32_t*>(p.dst) + pixel * p.out_channels + p.first + c;
  for (; c >= p.channels[s]; ++s) c -= p.channels[s];
  *dst = static_cast<const std::uint32_t*>(p.src[s])[pixel * p.channels[s] + c];
}

}  // namespace binmorph::cuda
