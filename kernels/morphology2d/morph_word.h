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
  template <bool kDilate>
  static Raw fold3(Raw a, Raw b, Raw c) {
    return kDilate ? a | b | c : a & b & c;
  }
  static Raw left(Raw a, unsigned n) { return a << n; }
  static Raw right(Raw a, unsigned n) { return a >> n; }
  // The vectors one word before and after `here`, given its neighbours.
  static Raw previous_words(Raw before, Raw) { return before; }
  static Raw next_words(Raw, Raw after) { return after; }
  // The first `count` words, at least one, the others zero.
  static Raw load_some(const std::uint64_t* p, std::size_t) { return *p; }
  static void store_some(std::uint64_t* p, Raw a, std::size_t) { *p = a; }
  // acc folded with a | b.
  template <bool kDilate>
  static Raw fold_halves(Raw acc, Raw a, Raw b) {
    return kDilate ? acc | a | b : acc & (a | b);
  }
};

}  // namespace
}  // namespace binmorph::kernels
