// Loops over the registers of a tile.
#pragma once

namespace binmorph::kernels {
namespace {

// body(0), body(1), ..: unrolled before the compiler decides what lives in registers. A plain loop over an
// array of vectors is unrolled after that, and the array stays in memory.
template <int n, class Body>
[[gnu::always_inline]] inline void repeat(const Body& body) {
  if constexpr (n > 1) repeat<n - 1>(body);
  body(n - 1);
}

#define BINMORPH_UNROLL(i) [&](int i) __attribute__((always_inline))

}  // namespace
}  // namespace binmorph::kernels
