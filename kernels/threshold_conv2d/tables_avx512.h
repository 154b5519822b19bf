// Layout sextets: the tables of six inputs for their 64 codes, eight pixels in the bits of a byte.
#pragma once

#include <immintrin.h>

#include "kernels/threshold_conv2d/planes_avx512.h"

namespace binmorph::kernels {
namespace {

enum class Match { bit_and, bit_xor, and_not };

template <Match match>
inline __m512i matches(__m512i input, __m512i code) {
  if (match == Match::bit_and) return _mm512_and_si512(input, code);
  if (match == Match::bit_xor) return _mm512_xor_si512(input, code);
  return _mm512_ternarylogic_epi64(input, code, code, 0x0c);
}

struct Indices {
  alignas(64) std::uint8_t transpose[64];    // bytes of eight words: first all first ones
  alignas(64) std::uint8_t input[3][3][64];  // of 8 triples a batch: the triple's input, for all its codes
  alignas(64) std::uint8_t low[4][64], high[4][64];  // entries of a sextet's triples, of 4 sextets a batch
};

constexpr Indices make_indices() {
  Indices t{};
  for (unsigned i = 0; i < 64; ++i) {
    t.transpose[i] = static_cast<std::uint8_t>(i % 8 * 8 + i / 8);
    for (unsigned batch = 0; batch < 3; ++batch)
      for (unsigned input = 0; input < 3; ++input)
        t.input[batch][input][i] = static_cast<std::uint8_t>(24 * batch + i / 8 * 3 + input);
    for (unsigned sextet = 0; sextet < 4; ++sextet) {
      t.low[sextet][i] = static_cast<std::uint8_t>(16 * sextet + i % 8);
      t.high[sextet][i] = static_cast<std::uint8_t>(16 * sextet + 8 + i / 8);
    }
  }
  return t;
}

constexpr Indices kIndices = make_indices();

// Transposes the 8x8 bits in each group of eight bytes.
inline __m512i transpose_bits(__m512i v) {
  const auto swap = [](__m512i x, int shift, std::uint64_t mask) __attribute__((always_inline)) {
    const __m128i by = _mm_cvtsi32_si128(shift);
    const __m512i down = _mm512_maskz_srl_epi64(0xff, x, by);
    const __m512i moved = _mm512_ternarylogic_epi64(x, down, _mm512_set1_epi64(static_cast<long long>(mask)),
                                                    0x28);  // (x ^ down) & mask
    return parity(x, moved, _mm512_maskz_sll_epi64(0xff, moved, by));
  };
  v = swap(v, 7, 0x00aa00aa00aa00aau);
  v = swap(v, 14, 0x0000cccc0000ccccu);
  return swap(v, 28, 0x00000000f0f0f0f0u);
}

// The tables of a word of 64 channels. words: of the eight pixels.
template <Match match, bool whole>
inline void make_word_tables(const std::uint64_t* words, std::size_t steps, std::uint8_t* to) {
  if (whole) steps = kStepsPerWord;
  const __m512i inputs =
      transpose_bits(look_up(load(kIndices.transpose), load(words)));  // a byte per channel
  repeat<3>(BINMORPH_UNROLL(batch) {                                   // 24 channels
    if (static_cast<std::size_t>(4 * batch) >= steps) return;
    __m512i m[3];
    repeat<3>(BINMORPH_UNROLL(i) {
      constexpr std::uint64_t kCodeBits[3] = {0xff00ff00ff00ff00u, 0xffff0000ffff0000u, 0xffffffff00000000u};
      const __mmask64 exists = batch < 2 ? ~__mmask64{0} : (__mmask64{1} << (i == 0 ? 48 : 40)) - 1;
      const __m512i input = _mm512_maskz_permutexvar_epi8(exists, load(kIndices.input[batch][i]), inputs);
      m[i] = matches<match>(input, _mm512_set1_epi64(static_cast<long long>(kCodeBits[i])));
    });
    const __m512i ones = parity(m[0], m[1], m[2]), twos = majority(m[0], m[1], m[2]);
    repeat<4>(BINMORPH_UNROLL(i) {
      const std::size_t step = static_cast<std::size_t>(4 * batch + i);
      if (step >= steps || step >= kStepsPerWord) return;
      const __m512i low = load(kIndices.low[i]), high = load(kIndices.high[i]);
      const __m512i one_a = look_up(low, ones), one_b = look_up(high, ones);
      const __m512i two_a = look_up(low, twos), two_b = look_up(high, twos);
      const __m512i carry = _mm512_and_si512(one_a, one_b);
      std::uint8_t* table = to + step * kTable;
      store(table, _mm512_xor_si512(one_a, one_b));
      store(table + 64, parity(two_a, two_b, carry));
      store(table + 128, majority(two_a, two_b, carry));
    });
  });
}

template <Match match>
inline void make_tables(const std::uint64_t* words, std::size_t steps, std::uint8_t* to) {
  if (steps == kStepsPerWord)
    make_word_tables<match, true>(words, steps, to);
  else
    make_word_tables<match, false>(words, steps, to);
}

}  // namespace
}  // namespace binmorph::kernels
