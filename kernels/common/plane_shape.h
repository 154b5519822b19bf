// Which words of bit planes a kernel reads and writes.
#pragma once

#include <cstddef>
#include <cstdint>
#include <type_traits>

namespace binmorph::kernels {

// `rows` rows of `row_words` words each: lane word w of row y reads src[y * src_row_pitch + w + offset], and
// output o of it is written to dst[o * dst_plane_pitch + y * row_words + w]. dst must not overlap src.
struct PlaneShape {
  std::size_t rows;
  std::size_t row_words;
  std::size_t src_row_pitch;
  std::size_t dst_plane_pitch;
};

namespace {

// Calls block(N, source, target) for N vectors V of words, a constant of the type, until all rows are
// written: kWidest as long as they fit, then fewer. The end of a row is a last vector that overlaps the one
// before (an output depends on the source alone, so writing it twice is harmless); rows must not be shorter
// than one.
template <class V, std::size_t kWidest, class Block>
inline void for_each_block(const PlaneShape& shape, const std::uint64_t* src, std::uint64_t* dst,
                           const Block& block) {
  const std::size_t n = shape.row_words;
  for (std::size_t y = 0; y < shape.rows; ++y) {
    const std::uint64_t* row = src + y * shape.src_row_pitch;
    std::uint64_t* out = dst + y * n;
    std::size_t i = 0;
    const auto next = [&](auto vectors) {
      block(vectors, row + i, out + i);
      i += vectors * V::words;
    };
    while (i + kWidest * V::words <= n) next(std::integral_constant<std::size_t, kWidest>{});
    if (kWidest > 4 && i + 4 * V::words <= n) next(std::integral_constant<std::size_t, 4>{});
    if (i + 2 * V::words <= n) next(std::integral_constant<std::size_t, 2>{});
    while (i < n) {
      if (i + V::words > n) i = n - V::words;
      next(std::integral_constant<std::size_t, 1>{});
    }
  }
}

}  // namespace
}  // namespace binmorph::kernels
