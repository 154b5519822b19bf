// The operations of morphology on one 64-bit word, dressed as a vector.
#pragma once

#include "kernels/common/vec_u64.h"

namespace binmorph::kernels {
namespace {

struct MorphWord : VecU64 {
  static constexpr std::size_t unroll = 4;
  static constexpr std::size_t longest_run = 8;  // of reads that fold_four beats one by one
  template <bool kDilate>
  static Raw fold(Raw acc, Raw a) {
    return kDilate ? acc | a : acc & a;
  }
  template <bool kDilate>
  static Raw fold3(Raw a, Raw b, Raw c) {
    return kDilate ? a | b | c : a & b & c;
  }
  // Moved by n < 64 bits towards the high (left: the pixels to the left come in) or the low end.
  static Raw shift_in_left(Raw a, Raw before, std::uint64_t n) { return a << n | before >> 1 >> (63 - n); }
  static Raw shift_in_right(Raw a, Raw after, std::uint64_t n) { return a >> n | after << 1 << (63 - n); }
  // The vectors one word before and after `here`, given its neighbours.
  static Raw previous_words(Raw before, Raw) { return before; }
  static Raw next_words(Raw, Raw after) { return after; }
  // The first `count` words, at least one, the others zero.
  static Raw load_some(const std::uint64_t* p, std::size_t) { return *p; }
  static void store_some(std::uint64_t* p, Raw a, std::size_t) { *p = a; }
};

}  // namespace
}  // namespace binmorph::kernels
