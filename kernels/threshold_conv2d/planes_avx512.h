// Counts in planes: bit i of 512 numbers is one vector. Full adders are two vpternlogq.
#pragma once

#include <immintrin.h>

#include "kernels/common/unroll.h"
#include "kernels/threshold_conv2d/sextets.h"

namespace binmorph::kernels {
namespace {

constexpr std::size_t kLevels = 10;  // planes of the counts of a pass

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
  __m512i sum[kLevels], waiting[kLevels];
  bool waits[kLevels];
};

template <std::size_t level>
[[gnu::always_inline]] inline void push(Counter& c, __m512i bit) {
  if constexpr (level < kLevels) {
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

template <int steps>
[[gnu::always_inline]] inline void count_steps(Counter& c, const std::uint8_t*& codes,
                                               const std::uint8_t*& table) {
  repeat<steps>(BINMORPH_UNROLL(i) {
    __m512i code = load(codes + i * kSextetLanes);
    asm("" : "+v"(code));  // the compiler would load it for each plane
    push<0>(c, look_up(code, load(table + i * kTable)));
    push<1>(c, look_up(code, load(table + i * kTable + 64)));
    push<2>(c, look_up(code, load(table + i * kTable + 128)));
  });
  settle<0>(c);
  codes += steps * kSextetLanes;
  table += steps * kTable;
}

// One pass for a byte of pixels and 64 outputs.
inline void count_pass(const std::uint8_t* codes, const SextetRun* run, const std::uint8_t* column,
                       __m512i* to) {
  Counter c;
  repeat<kLevels>(BINMORPH_UNROLL(i) {
    c.sum[i] = _mm512_setzero_si512();
    c.waits[i] = false;
  });
  do {
    const std::uint8_t* table = column + run->offset;
    std::uint32_t steps = run->steps;
    for (; steps >= 3 * kStepsPerWord; steps -= 3 * kStepsPerWord)
      count_steps<3 * kStepsPerWord>(c, codes, table);
    for (; steps >= kStepsPerWord; steps -= kStepsPerWord) count_steps<kStepsPerWord>(c, codes, table);
    for (; steps >= 4; steps -= 4) count_steps<4>(c, codes, table);
    for (; steps > 0; --steps) count_steps<1>(c, codes, table);
  } while (!run++->last);
  repeat<kLevels>(BINMORPH_UNROLL(i) { to[i] = c.sum[i]; });
}

// sum += former, in planes; sum has those of one pass, former all.
inline void add_planes(__m512i* sum, const std::uint8_t* former, std::size_t planes) {
  __m512i carry = _mm512_setzero_si512();
  for (std::size_t i = 0; i < planes; ++i) {
    const __m512i a = load(former + 64 * i);
    if (i < kLevels) {
      const __m512i b = sum[i];
      sum[i] = parity(a, b, carry);
      carry = majority(a, b, carry);
    } else {
      sum[i] = _mm512_xor_si512(a, carry);
      carry = _mm512_and_si512(a, carry);
    }
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
