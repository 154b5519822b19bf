// One block: eight vectors of eight rows. Bytes are exchanged by vpermb and words by shuffles; within 8 x 8
// bits, the product of a matrix over GF(2) with the identity is the transposition.
#include <immintrin.h>

#include <algorithm>

#include "kernels/common/bits.h"
#include "kernels/common/unroll.h"
#include "kernels/transpose/transpose.h"

namespace binmorph::kernels {
namespace {

struct Orders {
  alignas(64) std::uint8_t bytes[64];     // 8 x 8 bytes transposed
  alignas(64) std::uint8_t reversed[64];  // and the bytes of each word from the last to the first
};

constexpr Orders make_orders() {
  Orders o{};
  for (unsigned i = 0; i < 64; ++i) {
    o.bytes[i] = static_cast<std::uint8_t>(i % 8 * 8 + i / 8);
    o.reversed[i] = static_cast<std::uint8_t>((7 - i % 8) * 8 + i / 8);
  }
  return o;
}

constexpr Orders kOrders = make_orders();

// Zero-masked forms, here and below: GCC 12 warns of the undefined vector inside the plain ones.
inline __m512i reorder(const std::uint8_t* order, __m512i v) {
  return _mm512_maskz_permutexvar_epi8(~__mmask64{0}, _mm512_load_si512(order), v);
}

// Word j of vector i becomes word i of vector j.
inline void transpose_words(__m512i (&v)[8]) {
  __m512i pairs[8], fours[8];
  repeat<4>(BINMORPH_UNROLL(i) {
    pairs[2 * i] = _mm512_maskz_unpacklo_epi64(0xff, v[2 * i], v[2 * i + 1]);
    pairs[2 * i + 1] = _mm512_maskz_unpackhi_epi64(0xff, v[2 * i], v[2 * i + 1]);
  });
  repeat<2>(BINMORPH_UNROLL(i) {
    repeat<2>(BINMORPH_UNROLL(j) {
      const __m512i low = pairs[4 * i + j], high = pairs[4 * i + j + 2];
      fours[4 * i + j] = _mm512_maskz_shuffle_i64x2(0xff, low, high, 0x88);
      fours[4 * i + j + 2] = _mm512_maskz_shuffle_i64x2(0xff, low, high, 0xdd);
    });
  });
  repeat<4>(BINMORPH_UNROLL(j) {
    v[j] = _mm512_maskz_shuffle_i64x2(0xff, fours[j], fours[j + 4], 0x88);
    v[j + 4] = _mm512_maskz_shuffle_i64x2(0xff, fours[j], fours[j + 4], 0xdd);
  });
}

inline __m512i load_rows(const std::uint64_t* from, std::size_t pitch, std::size_t count) {
  if (pitch == 1) return _mm512_maskz_loadu_epi64(static_cast<__mmask8>((1u << count) - 1), from);
  const auto row = [&](std::size_t i) { return i < count ? static_cast<long long>(from[i * pitch]) : 0; };
  if (count < 8) return _mm512_setr_epi64(row(0), row(1), row(2), row(3), row(4), row(5), row(6), 0);
  const auto known = [&](std::size_t i) { return static_cast<long long>(from[i * pitch]); };
  return _mm512_setr_epi64(known(0), known(1), known(2), known(3), known(4), known(5), known(6), known(7));
}

inline void store_rows(__m512i v, std::uint64_t* to, std::size_t pitch, std::size_t count) {
  if (pitch == 1) return _mm512_mask_storeu_epi64(to, static_cast<__mmask8>((1u << count) - 1), v);
  std::uint64_t rows[8];
  _mm512_storeu_si512(rows, v);
  for (std::size_t i = 0; i < count; ++i) to[i * pitch] = rows[i];
}

// Bit j of word i becomes bit i of word j; words from `count` on read as zero, and `wanted` are written.
inline void transpose_block(const std::uint64_t* from, std::size_t from_pitch, std::size_t count,
                            std::uint64_t* to, std::size_t to_pitch, std::size_t wanted) {
  const __m512i identity = _mm512_set1_epi64(static_cast<long long>(0x8040201008040201u));
  __m512i v[8];
  repeat<8>(BINMORPH_UNROLL(i) {
    const std::size_t first = 8 * i, rows = count > first ? std::min<std::size_t>(8, count - first) : 0;
    const __m512i bytes = reorder(kOrders.reversed, load_rows(from + first * from_pitch, from_pitch, rows));
    v[i] = _mm512_gf2p8affine_epi64_epi8(identity, bytes, 0);
  });
  transpose_words(v);
  repeat<8>(BINMORPH_UNROLL(i) {
    const std::size_t first = 8 * i;
    if (wanted > first)
      store_rows(reorder(kOrders.bytes, v[i]), to + first * to_pitch, to_pitch,
                 std::min<std::size_t>(8, wanted - first));
  });
}

}  // namespace

void images_to_planes_u64_u64__x86_avx512(const std::uint64_t* images, std::size_t count,
                                          std::size_t image_words, std::size_t bits, std::uint64_t* planes,
                                          std::size_t lane_words) {
  for (std::size_t w = 0; w < words_for(bits); ++w)
    for (std::size_t lane = 0; lane < lane_words; ++lane) {
      const std::size_t first = std::min(count, 64 * lane);
      transpose_block(images + first * image_words + w, image_words, count - first,
                      planes + 64 * w * lane_words + lane, lane_words, bits - 64 * w);
    }
}

void planes_to_images_u64_u64__x86_avx512(const std::uint64_t* planes, std::size_t lane_words,
                                          std::size_t bits, std::uint64_t* images, std::size_t count,
                                          std::size_t image_words) {
  for (std::size_t lane = 0; 64 * lane < count; ++lane)
    for (std::size_t w = 0; w < words_for(bits); ++w)
      transpose_block(planes + 64 * w * lane_words + lane, lane_words, bits - 64 * w,
                      images + 64 * lane * image_words + w, image_words, count - 64 * lane);
}

}  // namespace binmorph::kernels
