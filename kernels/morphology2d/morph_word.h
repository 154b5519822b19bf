// The operations of morphology on one 64-bit word, dressed as a vector.
#pragma once

#include "kernels/common/vec_u64.h"

namespace binmorph::kernels {
namespace {

struct MorphWord : VecU64 {
  static constexpr std::size_t unroll = 4;
  static unsigned right_count(std::uint64_t bit) { return static_cast<unsigned>(bit); }
  static unsigned left_count(std::uint64_t bit) { return static_cast<unsigned>(64 - bit); }
  static Raw shift_right(Raw a, unsigned n) { return a >> n; }
  static Raw shift_left(Raw a, unsigned n) { return a << n; }
  template <bool kDilate>
  static Raw fold(Raw acc, Raw a) {
    return kDilate ? acc | a : acc & a;
  }
  // acc folded with a | b.
  template <bool kDilate>
  static Raw fold_halves(Raw acc, Raw a, Raw b) {
    return kDilate ? acc | a | b : acc & (a | b);
  }
};

}  // namespace
}  // namespace binmorph::kernels
