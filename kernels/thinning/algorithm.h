// Thinning rules on neighbour planes, in plain loops that the compiler vectorises for the file's ISA.
#pragma once

#include <cstddef>
#include <cstdint>

#include "kernels/common/bits.h"
#include "kernels/thinning/choices.h"

namespace binmorph::kernels {
namespace {

constexpr std::size_t kChunk = 64;  // words of a row at a time

// kChunk words of a row with one more on either side; zeros where there is no row or no word.
inline void load_chunk(const Word* row, std::size_t words, std::size_t first, Word* chunk) {
  for (std::size_t i = 0; i < kChunk + 2; ++i) {
    const std::size_t w = first + i - 1;  // wraps to a huge number before the row
    chunk[i] = row != nullptr && w < words ? row[w] : 0;
  }
}

template <ThinRule kRule>
inline bool thin_rows(std::size_t height, std::size_t width, const Word* src, Word* dst, std::size_t begin,
                      std::size_t end) {
  const std::size_t words = words_for(width);
  const auto row = [&](std::size_t y) { return y < height ? src + y * words : nullptr; };  // y - 1 wraps at 0
  Word gone_anywhere = 0;
  for (std::size_t first = 0; first < words; first += kChunk) {
    Word rows[3][kChunk + 2], result[kChunk];
    const std::size_t count = words - first < kChunk ? words - first : kChunk;
    load_chunk(row(begin - 1), words, first, rows[(begin + 2) % 3]);
    load_chunk(row(begin), words, first, rows[begin % 3]);
    for (std::size_t y = begin; y < end; ++y) {
      load_chunk(row(y + 1), words, first, rows[(y + 1) % 3]);
      const Word *up = rows[(y + 2) % 3] + 1, *here = rows[y % 3] + 1, *down = rows[(y + 1) % 3] + 1;
      Word gone = 0;
      for (std::size_t i = 0; i < count; ++i) {
        // The next words are to the east: bit 0 is the westernmost pixel of a word.
        const auto east = [i](const Word* r) { return r[i] >> 1 | r[i + 1] << 63; };
        const auto west = [i](const Word* r) { return r[i] << 1 | *(r + i - 1) >> 63; };
        const Word around[8] = {east(here), east(up),   up[i],   west(up),
                                west(here), west(down), down[i], east(down)};
        const Word go = here[i] & removed<kRule, 0, 256, 7>(around);
        result[i] = here[i] & ~go;
        gone |= go;
      }
      for (std::size_t i = 0; i < count; ++i) dst[y * words + first + i] = result[i];
      gone_anywhere |= gone;
    }
  }
  return gone_anywhere != 0;
}

inline bool thin_pass(ThinRule rule, std::size_t height, std::size_t width, const Word* src, Word* dst,
                      std::size_t begin, std::size_t end) {
  switch (rule) {
    case ThinRule::guo_hall_1:
      return thin_rows<ThinRule::guo_hall_1>(height, width, src, dst, begin, end);
    case ThinRule::guo_hall_2:
      return thin_rows<ThinRule::guo_hall_2>(height, width, src, dst, begin, end);
    case ThinRule::zhang_suen_1:
      return thin_rows<ThinRule::zhang_suen_1>(height, width, src, dst, begin, end);
    case ThinRule::zhang_suen_2:
      return thin_rows<ThinRule::zhang_suen_2>(height, width, src, dst, begin, end);
  }
  return false;
}

}  // namespace
}  // namespace binmorph::kernels
