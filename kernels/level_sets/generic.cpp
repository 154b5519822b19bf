#include "kernels/common/bits.h"
#include "kernels/level_sets/level_sets.h"

namespace binmorph::kernels {
namespace {

// The bits of a pixel are one run: each is shifted into a word that is written when it is full.
template <class T>
void level_sets(const T* src, std::size_t pixels, std::size_t channels, std::size_t levels,
                const float* values, std::uint64_t* dst) {
  for (; pixels != 0; --pixels, src += channels) {
    const float* value = values;
    std::uint64_t word = 0;
    unsigned used = 0;
    for (std::size_t c = 0; c < channels; ++c) {
      const auto x = static_cast<float>(src[c]);
      for (std::size_t i = 0; i < levels; ++i) {
        word |= std::uint64_t{x >= *value++} << used;
        if (++used == 64) {
          *dst++ = word;
          word = used = 0;
        }
      }
    }
    if (used != 0) *dst++ = word;
  }
}

}  // namespace

void level_sets_f32_u64__generic(const float* src, std::size_t pixels, std::size_t channels,
                                 std::size_t levels, const float* values, std::uint64_t* dst) {
  level_sets(src, pixels, channels, levels, values, dst);
}

void level_sets_i32_u64__generic(const std::int32_t* src, std::size_t pixels, std::size_t channels,
                                 std::size_t levels, const float* values, std::uint64_t* dst) {
  level_sets(src, pixels, channels, levels, values, dst);
}

}  // namespace binmorph::kernels
