// Channels of several values, one after another, on the device.
#pragma once

#include <cstddef>
#include <vector>

#include "kernels/common/cuda/launch.h"

namespace binmorph::cuda {

inline constexpr std::uint32_t kConcatSources = 16;  // of one launch; more are several, one after the other

// Pixels of words_for(channels) words, or of 32-bit elements.
struct ConcatParams {
  const void* src[kConcatSources];
  std::uint32_t channels[kConcatSources];
  std::uint32_t sources;
  std::uint32_t first, count;  // channels of the result that they are; those before are there already
  std::uint32_t out_channels;
  void* dst;
  std::uint64_t pixels;  // of all images
};

// The launches for sources of so many channels, kConcatSources of them each, without memory and pixels.
inline std::vector<ConcatParams> concat_launches(const std::vector<std::uint32_t>& channels) {
  std::vector<ConcatParams> launches;
  std::uint32_t first = 0;
  for (std::size_t i = 0; i < channels.size(); ++i) {
    if (i % kConcatSources == 0) launches.emplace_back().first = first;
    ConcatParams& p = launches.back();
    p.channels[p.sources++] = channels[i];
    p.count += channels[i];
    first += channels[i];
  }
  for (ConcatParams& p : launches) p.out_channels = first;
  return launches;
}

// Words of the result that hold some of its channels.
constexpr std::uint32_t concat_words(const ConcatParams& p) {
  return (p.first + p.count + 63) / 64 - p.first / 64;
}

inline LaunchShape launch_concat_bits(const ConcatParams& p) {
  return launch_items(p.pixels * concat_words(p));
}
inline LaunchShape launch_concat_b32(const ConcatParams& p) { return launch_items(p.pixels * p.count); }

}  // namespace binmorph::cuda
