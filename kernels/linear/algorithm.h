// Rows of weights added under the set bits of x, written once over a float vector type V and compiled per
// ISA.
//
// Additions to one output never change order, so every ISA rounds alike; only outputs are vectorised. Several
// vectors per pass hide the latency of the addition, which bounds a pass over few of them.
#pragma once

#include <cstddef>
#include <cstdint>

#include "kernels/common/bits.h"
#include "kernels/common/unroll.h"
#include "kernels/linear/linear.h"

namespace binmorph::kernels {
namespace {

// Of images that have no more set bits in a word: a sum plus -0 is that sum, of either sign of zero, too.
constexpr float kNoRow[kLinearLanes] = {-0.0f, -0.0f, -0.0f, -0.0f, -0.0f, -0.0f, -0.0f, -0.0f,
                                        -0.0f, -0.0f, -0.0f, -0.0f, -0.0f, -0.0f, -0.0f, -0.0f};

// The set bits of all images in turn: each waits for its own last addition only.
template <class V, int Vectors, int Images>
inline void add_selected_rows(const std::uint64_t* x, std::size_t words, const float* weight,
                              const float* bias, std::size_t padded, float* y) {
  typename V::Raw acc[Images * Vectors];
  repeat<Images * Vectors>(BINMORPH_UNROLL(n) { acc[n] = V::load(bias + n % Vectors * V::lanes); });
  for (std::size_t w = 0; w < words; ++w) {
    const float* rows = weight + 64 * w * padded;
    std::uint64_t left[Images], any = 0;
    repeat<Images>(BINMORPH_UNROLL(i) { any |= left[i] = x[i * words + w]; });
    while (any != 0) {
      any = 0;
      repeat<Images>(BINMORPH_UNROLL(i) {
        const float* row = rows + static_cast<std::size_t>(__builtin_ctzll(left[i])) * padded;
        if (Images > 1) row = left[i] != 0 ? row : kNoRow;
        repeat<Vectors>(BINMORPH_UNROLL(v) {
          acc[i * Vectors + v] = V::add(acc[i * Vectors + v], V::load(row + v * V::lanes));
        });
        any |= left[i] &= left[i] - 1;
      });
    }
  }
  repeat<Images * Vectors>(
      BINMORPH_UNROLL(n) { V::store(y + n / Vectors * padded + n % Vectors * V::lanes, acc[n]); });
}

template <class V, int Vectors>
inline void add_rows(const std::uint64_t* x, std::size_t images, std::size_t words, const float* weight,
                     const float* bias, std::size_t padded, float* y) {
  constexpr std::size_t kTogether = Vectors <= 2 ? 4 : 1;  // more vectors hide the latency of one image
  std::size_t i = 0;
  for (; i + kTogether <= images; i += kTogether)
    add_selected_rows<V, Vectors, kTogether>(x + i * words, words, weight, bias, padded, y + i * padded);
  for (; i < images; ++i)
    add_selected_rows<V, Vectors, 1>(x + i * words, words, weight, bias, padded, y + i * padded);
}

template <class V>
inline void linear_bits(const std::uint64_t* x, std::size_t images, std::size_t bits, const float* weight,
                        const float* bias, std::size_t padded, float* y) {
  constexpr std::size_t kWide = 4 * kLinearLanes;
  const std::size_t words = words_for(bits);
  std::size_t o = 0;
  for (; o + kWide <= padded; o += kWide)
    add_rows<V, kWide / V::lanes>(x, images, words, weight + o, bias + o, padded, y + o);
  for (; o < padded; o += kLinearLanes)
    add_rows<V, kLinearLanes / V::lanes>(x, images, words, weight + o, bias + o, padded, y + o);
}

}  // namespace
}  // namespace binmorph::kernels
