// Packed bits: least significant bit first in 64-bit words; the bits of the last word past the end are zero.
#pragma once

#include <cstddef>
#include <cstdint>

namespace binmorph {

constexpr std::size_t words_for(std::size_t bits) { return (bits + 63) / 64; }

// Ones in the positions of the last word that hold data.
constexpr std::uint64_t tail_mask(std::size_t bits) {
  return bits % 64 == 0 ? ~std::uint64_t{0} : (std::uint64_t{1} << (bits % 64)) - 1;
}

inline bool get_bit(const std::uint64_t* words, std::size_t i) { return (words[i / 64] >> (i % 64)) & 1; }

inline void set_bit(std::uint64_t* words, std::size_t i, bool value) {
  const std::uint64_t bit = std::uint64_t{1} << (i % 64);
  words[i / 64] = value ? words[i / 64] | bit : words[i / 64] & ~bit;
}

}  // namespace binmorph
