// Vertical counters: plane i holds bit i of a number in every lane. Rows of bits are added up by carry-save
// adders, two operations on AVX-512 and five elsewhere for every row.
#pragma once

#include <cstddef>
#include <cstdint>

namespace binmorph::kernels {
namespace {

// N neighbouring vectors: the address of a row is worked out once for all of them.
template <class V, std::size_t N>
struct Lanes {
  static constexpr std::size_t words = N * V::words;
  typename V::Raw v[N];

  static Lanes load(const std::uint64_t* p) {
    Lanes x;
    for (std::size_t k = 0; k < N; ++k) x.v[k] = V::load(p + k * V::words);
    return x;
  }
  static Lanes fill(bool bit) {
    Lanes x;
    for (auto& v : x.v) v = V::fill(bit ? ~std::uint64_t{0} : 0);
    return x;
  }
  void store(std::uint64_t* p) const {
    for (std::size_t k = 0; k < N; ++k) V::store(p + k * V::words, v[k]);
  }
};

// Returns the carry of a + b + sum and leaves the sum bit in `sum`.
template <class V, std::size_t N>
inline Lanes<V, N> full_add(const Lanes<V, N>& a, const Lanes<V, N>& b, Lanes<V, N>& sum) {
  Lanes<V, N> carry;
  for (std::size_t k = 0; k < N; ++k) sum.v[k] = V::full_add(a.v[k], b.v[k], sum.v[k], carry.v[k]);
  return carry;
}

constexpr std::size_t bit_length(std::size_t n) {
  std::size_t bits = 0;
  for (; n != 0; n >>= 1) ++bits;
  return bits;
}

// How many rows a list is filled up to a multiple of, with entries of a row of zeros.
inline constexpr std::size_t kRowsTogether = 8;
constexpr std::size_t padded_rows(std::size_t n) {
  return (n + kRowsTogether - 1) / kRowsTogether * kRowsTogether;
}

// Adds up row(i), 0 <= i < n, n a multiple of kRowsTogether, no more than `limit` of which have ones. Writes
// bit_length(limit) planes of Lanes::words words, plane_pitch words apart.
template <class V, std::size_t N, class Row>
inline void count_rows(const Row& row, std::size_t n, std::size_t limit, std::uint64_t* planes,
                       std::size_t plane_pitch = Lanes<V, N>::words) {
  using L = Lanes<V, N>;
  constexpr std::size_t kInRegisters = 4, kMostBits = 33;
  const std::size_t bits = bit_length(limit);
  L ones = L::fill(false), twos = ones, fours = ones, eights = ones;
  L high[kMostBits], waiting[kMostBits];
  for (std::size_t b = kInRegisters; b < bits; ++b) high[b] = L::fill(false);
  const auto add_four = [&](std::size_t i) {
    const L first = full_add(row(i), row(i + 1), ones), second = full_add(row(i + 2), row(i + 3), ones);
    return full_add(first, second, twos);
  };
  const auto add_eight = [&](std::size_t i) {
    const L first = add_four(i);
    return full_add(first, add_four(i + 4), fours);
  };
  // A carry waits for the next of its weight: then an adder takes both.
  std::size_t carries = 0;
  const auto add_carry = [&](L carry) {
    std::size_t b = kInRegisters;
    for (std::size_t c = carries++; c % 2 != 0; c /= 2, ++b) carry = full_add(waiting[b], carry, high[b]);
    waiting[b] = carry;
  };
  std::size_t i = 0;
  for (; i + 16 <= n; i += 16) {
    const L first = add_eight(i);
    add_carry(full_add(first, add_eight(i + 8), eights));
  }
  if (i < n) add_carry(full_add(add_eight(i), L::fill(false), eights));

  const L low[kInRegisters] = {ones, twos, fours, eights};
  for (std::size_t b = 0; b < bits && b < kInRegisters; ++b) low[b].store(planes + b * plane_pitch);
  L carry = L::fill(false);
  for (std::size_t b = kInRegisters; b < bits; ++b, carries /= 2) {
    carry = full_add(carries % 2 != 0 ? waiting[b] : L::fill(false), carry, high[b]);
    high[b].store(planes + b * plane_pitch);
  }
}

}  // namespace
}  // namespace binmorph::kernels
