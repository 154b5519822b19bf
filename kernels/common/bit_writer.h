// Bits appended to a run of words.
#pragma once

#include <cstddef>
#include <cstdint>

namespace binmorph::kernels {
namespace {

// Bits below `used` of `pending` wait for the word to fill up.
struct BitWriter {
  std::uint64_t* dst;
  std::uint64_t pending = 0;
  std::size_t used = 0;

  // Appends `bits` (1 .. 64) bits of `word`, which has none above them.
  void append(std::uint64_t word, std::size_t bits) {
    pending |= word << used;
    if (used + bits < 64) {
      used += bits;
      return;
    }
    *dst++ = pending;
    pending = used == 0 ? 0 : word >> (64 - used);
    used = used + bits - 64;
  }

  // `bits` bits from the start of a word on; those of the last word past the end are zero.
  void append_row(const std::uint64_t* words, std::size_t bits) {
    for (; bits >= 64; bits -= 64) append(*words++, 64);
    if (bits != 0) append(*words, bits);
  }

  // Writes a word that is not full, and starts with the next.
  void finish() {
    if (used != 0) *dst++ = pending;
    pending = used = 0;
  }
};

}  // namespace
}  // namespace binmorph::kernels
