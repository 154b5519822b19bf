#include "kernels/common/cuda/device.cuh"
#include "kernels/transpose/cuda_transpose.h"

namespace binmorph::cuda {

// Neighbouring threads read the same words: 64 pixels of a row share one, as do 64 channels of a pixel.

extern "C" __global__ void __launch_bounds__(kBlock)
    rows_to_channels_u64_u64__cuda_simt(const RepackParams p) {
  take_turn();
  const unsigned words = words_of(p.channels), row_words = words_of(p.width);
  std::uint64_t item = thread_item();
  if (item >= static_cast<std::uint64_t>(p.images) * p.height * p.width * words) return;
  const unsigned x = static_cast<unsigned>(item % p.width);
  item /= p.width;
  const unsigned y = static_cast<unsigned>(item % p.height);
  item /= p.height;
  const unsigned w = static_cast<unsigned>(item % words);
  const std::uint64_t image = item / words;
  const unsigned end = p.channels - w * 64 < 64 ? p.channels - w * 64 : 64;
  const std::uint64_t channel_words = static_cast<std::uint64_t>(p.height) * row_words;
  const std::uint64_t* src = p.src + (image * p.channels + w * 64) * channel_words + y * row_words + x / 64;
  std::uint64_t word = 0;
  for (unsigned c = 0; c < end; ++c) word |= (src[c * channel_words] >> (x % 64) & 1) << c;
  p.dst[((image * p.height + y) * p.width + x) * words + w] = word;
}

extern "C" __global__ void __launch_bounds__(kBlock)
    channels_to_rows_u64_u64__cuda_simt(const RepackParams p) {
  take_turn();
  const unsigned words = words_of(p.channels), row_words = words_of(p.width);
  std::uint64_t item = thread_item();
  if (item >= static_cast<std::uint64_t>(p.images) * p.channels * p.height * row_words) return;
  const unsigned c = static_cast<unsigned>(item % p.channels);
  item /= p.channels;
  const unsigned w = static_cast<unsigned>(item % row_words);
  item /= row_words;
  const unsigned y = static_cast<unsigned>(item % p.height);
  const std::uint64_t image = item / p.height;
  const unsigned end = p.width - w * 64 < 64 ? p.width - w * 64 : 64;
  const std::uint64_t* src = p.src + ((image * p.height + y) * p.width + w * 64) * words + c / 64;
  std::uint64_t word = 0;
  for (unsigned x = 0; x < end; ++x)
    word |= (src[static_cast<std::uint64_t>(x) * words] >> (c % 64) & 1) << x;
  p.dst[((image * p.channels + c) * p.height + y) * row_words + w] = word;
}

}  // namespace binmorph::cuda
