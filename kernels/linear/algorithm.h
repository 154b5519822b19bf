// Rows of weights added under the set bits of x, written once over a float vector type V and compiled per
// ISA.
//
// Additions to one output never change order, so every ISA rounds alike; only outputs are vectorised. Several
// vectors per pass hide the latency of the addition, which bounds a pass over few of them.
#pragma once

#include <cstddef>
#include <cstdint>

#include "kernels/common/bits.h"
#include "kernels/linear/linear.h"

namespace binmorph::kernels {
namespace {

template <class V, std::size_t Vectors>
inline void add_selected_rows(const std::uint64_t* x, std::size_t words, const float* weight,
                              const float* bias, std::size_t padded, float* y) {
  typename V::Raw acc[Vectors];
  for (std::size_t v = 0; v < Vectors; ++v) acc[v] = V::load(bias + v * V::lanes);
  for (std::size_t w = 0; w < words; ++w) {
    const float* rows = weight + 64 * w * padded;
    for (std::uint64_t left = x[w]; left != 0; left &= left - 1) {
      const float* row = rows + static_cast<std::size_t>(__builtin_ctzll(left)) * padded;
      for (std::size_t v = 0; v < Vectors; ++v) acc[v] = V::add(acc[v], V::load(row + v * V::lanes));
    }
  }
  for (std::size_t v = 0; v < Vectors; ++v) V::store(y + v * V::lanes, acc[v]);
}

template <class V>
inline void linear_bits(const std::uint64_t* x, std::size_t bits, const float* weight, const float* bias,
                        std::size_t padded, float* y) {
  constexpr std::size_t kWide = 4 * kLinearLanes;
  const std::size_t words = words_for(bits);
  std::size_t o = 0;
  for (; o + kWide <= padded; o += kWide)
    add_selected_rows<V, kWide / V::lanes>(x, words, weight + o, bias + o, padded, y + o);
  for (; o < padded; o += kLinearLanes)
    add_selected_rows<V, kLinearLanes / V::lanes>(x, words, weight + o, bias + o, padded, y + o);
}

}  // namespace
}  // namespace binmorph::kernels
