// Layout nibbles: look up four inputs of 32 outputs at once by vpshufb. The weights' nibbles are the indices;
// the table holds the counts of the four inputs for every nibble, of TWO pixels, one in each half of a byte.
#pragma once

#include <immintrin.h>

#include "kernels/common/unroll.h"
#include "kernels/threshold_conv2d/nibbles.h"

namespace binmorph::kernels {
namespace {

// Row (a | b << 4): byte n counts the matches of weights n with inputs a, and 16 times those with inputs b.
struct Table {
  alignas(64) std::uint8_t rows[256][16];
};

constexpr unsigned popcount4(unsigned v) { return (v & 1) + (v >> 1 & 1) + (v >> 2 & 1) + (v >> 3 & 1); }

enum class Match { bit_and, bit_xor, and_not };

constexpr unsigned matches(Match match, unsigned n, unsigned x) {
  return popcount4(match == Match::bit_and ? n & x : match == Match::bit_xor ? n ^ x : n & ~x);
}

constexpr Table make_table(Match match) {
  Table t{};
  for (unsigned row = 0; row < 256; ++row)
    for (unsigned n = 0; n < 16; ++n)
      t.rows[row][n] =
          static_cast<std::uint8_t>(matches(match, n, row & 15) | matches(match, n, row >> 4) << 4);
  return t;
}

constexpr Table kAndTable = make_table(Match::bit_and);
constexpr Table kXorTable = make_table(Match::bit_xor);
constexpr Table kAndNotTable = make_table(Match::and_not);

// The compiler would reorder the sums, and then spill them.
inline void keep(__m256i& v) { asm("" : "+x"(v)); }

inline __m256i load(const void* p) { return _mm256_loadu_si256(static_cast<const __m256i*>(p)); }
inline void store(void* p, __m256i v) { _mm256_storeu_si256(static_cast<__m256i*>(p), v); }

inline void add_to(__m256i& sum, __m256i v) { sum = _mm256_add_epi16(sum, v); }

inline std::size_t code_at(const std::uint16_t* p) { return *p; }

inline __m256i table_row(const std::uint8_t* table, std::size_t code) {
  return _mm256_broadcastsi128_si256(_mm_load_si128(reinterpret_cast<const __m128i*>(table + code)));
}

// Adds what the pieces count of a pair of pixels to 16-bit counts, [vectors][4]: even and odd bytes of the
// first pixel, then of the second.
template <int vectors>
[[gnu::always_inline]] inline void count_pair(const Piece* piece, const Piece* last,
                                              const std::uint16_t* codes, const std::uint8_t* weights,
                                              std::size_t pitch, const std::uint8_t* const* tables,
                                              __m256i (&counts)[4 * vectors]) {
  constexpr std::size_t vector_triple = kNibblesSummed * kNibbleLanes;
  const __m256i low_nibbles = _mm256_set1_epi8(0x0f), low_bytes = _mm256_set1_epi16(0x00ff);
  __m256i low[vectors], high[vectors];
  repeat<vectors>(BINMORPH_UNROLL(v) { low[v] = high[v] = _mm256_setzero_si256(); });
  for (; piece != last; ++piece) {
    const std::uint16_t* code = codes + piece->code;
    const std::uint8_t* table = tables[piece->table];
    const auto count_triple = [&](int i) __attribute__((always_inline)) {
      const std::uint16_t* c = code + i * kNibblesSummed;
      const __m256i t0 = table_row(table, code_at(c)), t1 = table_row(table, code_at(c + 1)),
                    t2 = table_row(table, code_at(c + 2));
      repeat<vectors>(BINMORPH_UNROLL(v) {
        const std::uint8_t* w = weights + i * vector_triple + v * pitch;
        __m256i both = _mm256_add_epi8(_mm256_shuffle_epi8(t0, load(w)),
                                       _mm256_shuffle_epi8(t1, load(w + kNibbleLanes)));
        both = _mm256_add_epi8(both, _mm256_shuffle_epi8(t2, load(w + 2 * kNibbleLanes)));
        keep(both);
        low[v] = _mm256_add_epi8(low[v], _mm256_and_si256(both, low_nibbles));
        keep(low[v]);
        high[v] = _mm256_add_epi16(high[v], _mm256_srli_epi16(both, 4));
        keep(high[v]);
      });
    };
    for (unsigned i = piece->triples / 2; i != 0; --i) {
      count_triple(0), count_triple(1);
      code += 2 * kNibblesSummed, weights += 2 * vector_triple;
    }
    if (piece->triples % 2 != 0) count_triple(0), weights += vector_triple;
    if (!piece->widen) continue;
    repeat<vectors>(BINMORPH_UNROLL(v) {
      // high = H0 + 16 L1 + 256 H1 per 16 bits, where L and H are the two pixels' counts of the two lanes.
      const __m256i odd = _mm256_srli_epi16(low[v], 8);
      const __m256i second = _mm256_sub_epi16(high[v], _mm256_slli_epi16(odd, 4));
      add_to(counts[4 * v], _mm256_and_si256(low[v], low_bytes));
      add_to(counts[4 * v + 1], odd);
      add_to(counts[4 * v + 2], _mm256_and_si256(second, low_bytes));
      add_to(counts[4 * v + 3], _mm256_srli_epi16(second, 8));
      low[v] = high[v] = _mm256_setzero_si256();
    });
  }
}

}  // namespace
}  // namespace binmorph::kernels
