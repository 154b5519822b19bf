// Counts in planes: bit i of 512 numbers is one vector. Full adders are two vpternlogq.
#pragma once

#include <immintrin.h>

#include <type_traits>

#include "kernels/common/unroll.h"
#include "kernels/threshold_conv2d/sextets.h"

namespace binmorph::kernels {
namespace {

constexpr std::size_t kLevels = 10;  // planes that a pass counts in: one carry leaves them at most

inline __m512i load(const void* p) { return _mm512_loadu_si512(p); }
inline void store(void* p, __m512i v) { _mm512_storeu_si512(p, v); }
inline __m512i parity(__m512i a, __m512i b, __m512i c) { return _mm512_ternarylogic_epi64(a, b, c, 0x96); }
inline __m512i majority(__m512i a, __m512i b, __m512i c) { return _mm512_ternarylogic_epi64(a, b, c, 0xe8); }
// Zero-masked forms, here and below: GCC 12 warns of the undefined vector inside the plain ones.
inline __m512i look_up(__m512i index, __m512i table) {
  return _mm512_maskz_permutexvar_epi8(~__mmask64{0}, index, table);
}
inline __m512i bytes(int value) { return _mm512_set1_epi8(static_cast<char>(value)); }

// A number per lane. A bit that arrives at a level waits there for a second one: then a full adder takes
// both.
struct Counter {
  __m512i sum[kLevels], waiting[kLevels], carry;
  bool waits[kLevels];
};

template <std::size_t level>
[[gnu::always_inline]] inline void push(Counter& c, __m512i bit) {
  if constexpr (level == kLevels) {
    c.carry = _mm512_or_si512(c.carry, bit);
  } else {
    c.waits[level] = !c.waits[level];
    if (c.waits[level]) {
      c.waiting[level] = bit;
    } else {
      const __m512i sum = c.sum[level], waiting = c.waiting[level];
      c.sum[level] = parity(sum, waiting, bit);
      push<level + 1>(c, majority(sum, waiting, bit));
    }
  }
}

template <std::size_t level>
[[gnu::always_inline]] inline void settle(Counter& c) {
  if constexpr (level < kLevels) {
    if (c.waits[level]) {
      c.waits[level] = false;
      const __m512i sum = c.sum[level], waiting = c.waiting[level];
      c.sum[level] = _mm512_xor_si512(sum, waiting);
      push<level + 1>(c, _mm512_and_si512(sum, waiting));
    }
    settle<level + 1>(c);
  }
}

// Units, unrolled: which levels wait is known, and only after the last unit do they settle.
template <int units>
[[gnu::always_inline]] inline void count_units(Counter& c, const std::uint8_t* codes,
                                               const std::uint8_t* column, const std::size_t* offset) {
  repeat<units>(BINMORPH_UNROLL(unit) {
    const std::uint8_t* table = column + offset[unit];
    repeat<kUnitSteps>(BINMORPH_UNROLL(i) {
      __m512i code = load(codes + unit * static_cast<int>(kUnitCodes) + i * 64);
      asm("" : "+v"(code));  // the compiler would load it for each plane
      const auto affine = [&](int of) __attribute__((always_inline)) {
        long long rows;
        std::memcpy(&rows, table + kUnitAffine + 8 * of, sizeof rows);
        return _mm512_gf2p8affine_epi64_epi8(code, _mm512_set1_epi64(rows), 0);
      };
      push<1>(c, affine(i));
      push<2>(c, look_up(code, load(table + 64 * i)));
      if (i == kUnitSteps - 1) push<0>(c, affine(i + 1));
    });
  });
  settle<0>(c);
}

// One pass for a byte of pixels and 64 outputs: to = from + the counts of the units, in planes.
inline void count_pass(const std::uint8_t* codes, const std::uint8_t* column, const std::size_t* offset,
                       std::size_t units, const std::uint8_t* from, std::uint8_t* to, std::size_t planes) {
  Counter c;
  repeat<kLevels>(BINMORPH_UNROLL(i) {
    c.sum[i] = load(from + 64 * i);
    c.waits[i] = false;
  });
  c.carry = _mm512_setzero_si512();
  const auto count = [&](auto some) __attribute__((always_inline)) {
    count_units<some>(c, codes, column, offset);
    codes += some * kUnitCodes;
    offset += some;
    units -= some;
  };
  if (units == kPassUnits) {
    count(std::integral_constant<int, kPassUnits>{});
  } else {
    while (units >= 4) count(std::integral_constant<int, 4>{});
    if (units >= 2) count(std::integral_constant<int, 2>{});
    if (units > 0) count(std::integral_constant<int, 1>{});
  }
  repeat<kLevels>(BINMORPH_UNROLL(i) { store(to + 64 * i, c.sum[i]); });
  for (std::size_t i = kLevels; i < planes; ++i) {
    const __m512i sum = load(from + 64 * i);
    store(to + 64 * i, _mm512_xor_si512(sum, c.carry));
    c.carry = _mm512_and_si512(sum, c.carry);
  }
}

// Eight planes of eight pixels become eight pixels of eight bits.
inline void transpose_planes(__m512i* v) {
  const auto swap = [&](int a, int distance, int mask) __attribute__((always_inline)) {
    const __m128i by = _mm_cvtsi32_si128(distance);
    const __m512i moved =
        _mm512_ternarylogic_epi64(_mm512_srl_epi16(v[a], by), v[a + distance], bytes(mask), 0x28);
    v[a + distance] = _mm512_xor_si512(v[a + distance], moved);
    v[a] = _mm512_xor_si512(v[a], _mm512_sll_epi16(moved, by));
  };
  repeat<4>(BINMORPH_UNROLL(i) { swap(i, 4, 0x0f); });
  repeat<4>(BINMORPH_UNROLL(i) { swap(i / 2 * 4 + i % 2, 2, 0x33); });
  repeat<4>(BINMORPH_UNROLL(i) { swap(2 * i, 1, 0x55); });
}

}  // namespace
}  // namespace binmorph::kernels
