#include "kernels/common/vec_avx2.h"
#include "kernels/sparse_conv2d/algorithm.h"
#include "kernels/sparse_conv2d/thresholds.h"

namespace binmorph::kernels {
namespace {

// 64 bytes, and 64 of the high bits where there are more than eight.
struct Values {
  struct Bytes {
    __m256i of[2] = {_mm256_setzero_si256(), _mm256_setzero_si256()};
  };
  Bytes low, high;
  bool wide;

  // Bit b of the numbers is word b * pitch of `planes`.
  Values(const std::uint64_t* planes, std::size_t pitch, std::size_t bits)
      : low(bytes(planes, pitch, bits < 8 ? bits : 8)), wide(bits > 8) {
    if (wide) high = bytes(planes + 8 * pitch, pitch, bits - 8);
  }
  static Bytes bytes(const std::uint64_t* planes, std::size_t pitch, std::size_t bits) {
    // Byte i of a vector looks at bit i % 8 of byte i / 8 of half a word.
    const __m256i from = _mm256_setr_epi8(0, 0, 0, 0, 0, 0, 0, 0, 1, 1, 1, 1, 1, 1, 1, 1, 2, 2, 2, 2, 2, 2, 2,
                                          2, 3, 3, 3, 3, 3, 3, 3, 3);
    const __m256i bit = _mm256_set1_epi64x(static_cast<long long>(0x8040201008040201u));
    Bytes sum;
    for (const std::uint64_t* plane = planes + bits * pitch; plane != planes;) {
      plane -= pitch;
      for (int half = 0; half < 2; ++half) {
        const __m256i word = _mm256_set1_epi32(static_cast<int>(*plane >> (32 * half)));
        const __m256i here = _mm256_and_si256(_mm256_shuffle_epi8(word, from), bit);
        __m256i& v = sum.of[half];
        v = _mm256_sub_epi8(_mm256_add_epi8(v, v), _mm256_cmpeq_epi8(here, bit));
      }
    }
    return sum;
  }
  static __m256i eight(const Bytes& bytes, std::size_t i) {
    const __m256i half = bytes.of[i / 4];
    const __m128i quarter = i / 2 % 2 != 0 ? _mm256_extracti128_si256(half, 1) : _mm256_castsi256_si128(half);
    return _mm256_cvtepu8_epi32(i % 2 != 0 ? _mm_srli_si128(quarter, 8) : quarter);
  }
  // body(number of eight outputs, their values).
  template <class Body>
  void parts(std::size_t count, const Body& body) const {
#pragma GCC unroll 8
    for (std::size_t i = 0; i < 8; ++i) {
      if (8 * i >= count) return;
      const __m256i v = eight(low, i);
      body(i, wide ? _mm256_or_si256(v, _mm256_slli_epi32(eight(high, i), 8)) : v);
    }
  }
  static __m256i there(std::size_t left) {
    const __m256i lanes = _mm256_setr_epi32(0, 1, 2, 3, 4, 5, 6, 7);
    return _mm256_cmpgt_epi32(_mm256_set1_epi32(static_cast<int>(left)), lanes);
  }
  void put(std::int32_t* to, std::size_t count) const {
    parts(count, [&](std::size_t i, __m256i v) {
      if (count - 8 * i >= 8)
        _mm256_storeu_si256(reinterpret_cast<__m256i*>(to + 8 * i), v);
      else
        _mm256_maskstore_epi32(to + 8 * i, there(count - 8 * i), v);
    });
  }
  void subtract(std::int32_t* to, std::size_t count) const {
    parts(count, [&](std::size_t i, __m256i v) {
      const __m256i mask = there(count - 8 * i), before = _mm256_maskload_epi32(to + 8 * i, mask);
      _mm256_maskstore_epi32(to + 8 * i, mask, _mm256_sub_epi32(before, v));
    });
  }
};

}  // namespace

void sparse_conv2d_u64_i32__x86_avx2(const SparseProgram& program, const std::uint64_t* planes,
                                     std::int32_t* y, std::size_t begin, std::size_t end,
                                     std::uint64_t* scratch) {
  count_image<VecAvx2, 2, VecAvx2, 1, Values>(program, planes, planes_to_images_u64_u64__x86_avx2, y, begin,
                                              end, scratch);
}

void sparse_threshold_u64_u64__x86_avx2(const SparseProgram& program, const SparseThresholds& thresholds,
                                        const std::uint64_t* planes, std::uint64_t* y, std::size_t begin,
                                        std::size_t end, std::uint64_t* scratch) {
  threshold_image<VecAvx2, 2, VecAvx2, 1>(program, thresholds, planes, planes_to_images_u64_u64__x86_avx2, y,
                                          begin, end, scratch);
}

}  // namespace binmorph::kernels
