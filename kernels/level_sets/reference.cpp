#include "kernels/common/bits.h"
#include "kernels/level_sets/level_sets.h"

namespace binmorph::kernels {
namespace {

template <class T>
void level_sets(const T* src, std::size_t pixels, std::size_t channels, std::size_t levels,
                const float* values, std::uint64_t* dst) {
  const std::size_t words = words_for(channels * levels);
  for (std::size_t p = 0; p < pixels; ++p) {
    std::uint64_t* to = dst + p * words;
    for (std::size_t w = 0; w < words; ++w) to[w] = 0;
    for (std::size_t c = 0; c < channels; ++c)
      for (std::size_t i = 0; i < levels; ++i)
        set_bit(to, c * levels + i, static_cast<float>(src[p * channels + c]) >= values[c * levels + i]);
  }
}

}  // namespace

void level_sets_f32_u64__reference(const float* src, std::size_t pixels, std::size_t channels,
                                   std::size_t levels, const float* values, std::uint64_t* dst) {
  level_sets(src, pixels, channels, levels, values, dst);
}

void level_sets_i32_u64__reference(const std::int32_t* src, std::size_t pixels, std::size_t channels,
                                   std::size_t levels, const float* values, std::uint64_t* dst) {
  level_sets(src, pixels, channels, levels, values, dst);
}

}  // namespace binmorph::kernels
