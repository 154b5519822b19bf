// Layout sextets: the tables of a word's steps, eight pixels in the bits of a byte.
#pragma once

#include <immintrin.h>

#include "kernels/threshold_conv2d/planes_avx512.h"

namespace binmorph::kernels {
namespace {

struct Indices {
  alignas(64) std::uint8_t channels[64];     // byte i of eight pixels' words, the last pixel first
  alignas(64) std::uint8_t inputs[64];       // of eight inputs, the last one first
  alignas(64) std::uint8_t pixels[64];       // byte i of 8 x 8 becomes byte of word i
  alignas(64) std::uint8_t input[2][3][64];  // of 8 triples a batch: the triple's input, for all its codes
  alignas(64) std::uint8_t high[4][64];      // entries of a sextet's second triple, of 4 sextets a batch
  alignas(64) std::uint8_t next[3][64];      // the byte 1, 2, 4 further on
  alignas(64) std::uint8_t late[64], last[64];
  alignas(
      64) std::uint8_t fields[2][64];    // where the inputs of steps 0 to 7, and 8 to 12 and 12, lie in words
  alignas(64) std::uint8_t rows[2][64];  // for six inputs of a pixel: its row of the matrix for h, and for p
};

constexpr Indices make_indices() {
  Indices t{};
  for (unsigned i = 0; i < 64; ++i) {
    t.channels[i] = static_cast<std::uint8_t>((7 - i % 8) * 8 + i / 8);
    t.inputs[i] = static_cast<std::uint8_t>(i / 8 * 8 + 7 - i % 8);
    t.pixels[i] = static_cast<std::uint8_t>(i % 8 * 8 + i / 8);
    for (unsigned batch = 0; batch < 2; ++batch)
      for (unsigned input = 0; input < 3; ++input)
        t.input[batch][input][i] = static_cast<std::uint8_t>(24 * batch + i / 8 * 3 + input);
    for (unsigned sextet = 0; sextet < 4; ++sextet)
      t.high[sextet][i] = static_cast<std::uint8_t>(16 * sextet + 8 + i / 8);
    for (unsigned by = 0; by < 3; ++by) t.next[by][i] = static_cast<std::uint8_t>((i + (1u << by)) % 64);
    t.late[i] = static_cast<std::uint8_t>(i < 16 ? 48 + i : 64 + (i - 16) * 6 % 64);
    t.last[i] = static_cast<std::uint8_t>(i == 26 ? 12 : 18);
    t.fields[0][i] = static_cast<std::uint8_t>(i % 8 * 6);
    t.fields[1][i] = static_cast<std::uint8_t>(i % 8 < 5 ? i % 8 * 6 : 24);
    unsigned ones = 0;
    for (unsigned bit = 0; bit < 6; ++bit) ones += i >> bit & 1;
    t.rows[0][i] = static_cast<std::uint8_t>((i ^ (ones % 2 ? 63 : 0)) | 1 << 6 | pairs(ones) << 7);
    t.rows[1][i] = static_cast<std::uint8_t>(63 | ones % 2 << 7);
  }
  return t;
}

constexpr Indices kIndices = make_indices();

// Transposes the 8x8 bits in each group of eight bytes, of which the last one is the first row.
inline __m512i transpose_bits(__m512i v) {
  return _mm512_gf2p8affine_epi64_epi8(_mm512_set1_epi64(static_cast<long long>(0x8040201008040201u)), v, 0);
}

// Byte i: the parity of the bytes from i to i + 5.
inline __m512i parities(__m512i v) {
  const __m512i two = _mm512_xor_si512(v, look_up(load(kIndices.next[0]), v));
  return parity(two, look_up(load(kIndices.next[1]), two), look_up(load(kIndices.next[2]), two));
}

// The affine maps of a word of 64 channels of eight pixels. The pixels become, a byte per input, the channels
// and what steps 8 to 12 take, the last channels and the parities. Apart from make_tables, for a row at a
// time: the long chain of one word runs beside those of the next ones.
inline void make_maps(std::uint64_t* pixels_then_inputs, std::uint8_t* to) {
  const __m512i pixels = load(pixels_then_inputs);
  const __m512i channels = transpose_bits(look_up(load(kIndices.channels), pixels));
  __m512i late = _mm512_maskz_permutex2var_epi8((__mmask64{1} << 26) - 1, channels, load(kIndices.late),
                                                parities(channels));
  late = _mm512_mask_permutexvar_epi8(late, __mmask64{3} << 26, load(kIndices.last), parities(late));

  const __m512i late_pixels =
      look_up(load(kIndices.pixels), transpose_bits(look_up(load(kIndices.inputs), late)));
  repeat<2>(BINMORPH_UNROLL(half) {
    const __m512i field = _mm512_maskz_multishift_epi64_epi8(~__mmask64{0}, load(kIndices.fields[half]),
                                                             half == 0 ? pixels : late_pixels);
    __m512i rows = look_up(field, load(kIndices.rows[0]));
    if (half == 1)
      rows = _mm512_mask_permutexvar_epi8(rows, 0x2020202020202020u, field, load(kIndices.rows[1]));
    store(to + kUnitAffine + 64 * half, look_up(load(kIndices.channels), rows));
  });
  store(pixels_then_inputs, channels);
  store(pixels_then_inputs + kStrips, late);
}

inline void make_tables(const std::uint64_t* inputs, std::uint8_t* to) {
  const __m512i channels = load(inputs), late = load(inputs + kStrips);
  repeat<4>(BINMORPH_UNROLL(batch) {  // four steps each
    constexpr std::uint64_t kCodeBits[3] = {0xff00ff00ff00ff00u, 0xffff0000ffff0000u, 0xffffffff00000000u};
    __m512i m[3];
    repeat<3>(BINMORPH_UNROLL(i) {
      m[i] = _mm512_xor_si512(look_up(load(kIndices.input[batch % 2][i]), batch < 2 ? channels : late),
                              _mm512_set1_epi64(static_cast<long long>(kCodeBits[i])));
    });
    const __m512i ones = parity(m[0], m[1], m[2]), twos = majority(m[0], m[1], m[2]);
    alignas(64) std::uint64_t low_ones[8], low_twos[8];  // to broadcast those of a step's first triple
    store(low_ones, ones);
    store(low_twos, twos);
    asm("" : "+m"(low_ones), "+m"(low_twos));  // the compiler would shuffle instead
    repeat<4>(BINMORPH_UNROLL(i) {
      const std::size_t step = static_cast<std::size_t>(4 * batch + i);
      if (step >= kUnitSteps) return;
      const __m512i carry = _mm512_and_si512(_mm512_set1_epi64(static_cast<long long>(low_ones[2 * i])),
                                             look_up(load(kIndices.high[i]), ones));
      store(to + 64 * step, majority(carry, _mm512_set1_epi64(static_cast<long long>(low_twos[2 * i])),
                                     look_up(load(kIndices.high[i]), twos)));
    });
  });
}

}  // namespace
}  // namespace binmorph::kernels
