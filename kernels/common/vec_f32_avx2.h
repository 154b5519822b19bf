// Eight floats. Only for files compiled for x86_avx2: everything has internal linkage.
#pragma once

#include <immintrin.h>

#include <cstddef>
#include <cstdint>

namespace binmorph::kernels {
namespace {

struct VecF32Avx2 {
  using Raw = __m256;
  using Mask = __m256i;
  static constexpr std::size_t lanes = 8;
  // The first `count` lanes; all of them if there are fewer.
  static Mask first_lanes(std::size_t count) {
    const int n = count < lanes ? static_cast<int>(count) : static_cast<int>(lanes);
    return _mm256_cmpgt_epi32(_mm256_set1_epi32(n), _mm256_setr_epi32(0, 1, 2, 3, 4, 5, 6, 7));
  }
  static Raw load(const float* p) { return _mm256_loadu_ps(p); }
  static Raw load(const float* p, Mask m) { return _mm256_maskload_ps(p, m); }
  static Raw load(const std::int32_t* p) {
    return _mm256_cvtepi32_ps(_mm256_loadu_si256(reinterpret_cast<const __m256i*>(p)));
  }
  static Raw load(const std::int32_t* p, Mask m) { return _mm256_cvtepi32_ps(_mm256_maskload_epi32(p, m)); }
  static Raw load(const std::int16_t* p) {
    const __m128i v = _mm_loadu_si128(reinterpret_cast<const __m128i*>(p));
    return _mm256_cvtepi32_ps(_mm256_cvtepi16_epi32(v));
  }
  static Raw load(const std::int16_t* p, Mask m) {  // AVX2 has no mask of 16-bit lanes
    const auto bits = static_cast<unsigned>(_mm256_movemask_ps(_mm256_castsi256_ps(m)));
    if (bits == 0xff) return load(p);
    std::int16_t first[lanes] = {};
    for (std::size_t i = 0; i < lanes && (bits >> i & 1) != 0; ++i) first[i] = p[i];
    return load(first);
  }
  static void store(float* p, Raw v) { _mm256_storeu_ps(p, v); }
  static void store(float* p, Raw v, Mask m) { _mm256_maskstore_ps(p, m, v); }
  static Raw fill(float v) { return _mm256_set1_ps(v); }
  static Raw fma(Raw a, Raw b, Raw c) { return _mm256_fmadd_ps(a, b, c); }
  static Raw add(Raw a, Raw b) { return _mm256_add_ps(a, b); }
  static Raw mul(Raw a, Raw b) { return _mm256_mul_ps(a, b); }
  static Raw div(Raw a, Raw b) { return _mm256_div_ps(a, b); }
  static Raw larger(Raw a, Raw b) { return _mm256_max_ps(a, b); }   // a > b ? a : b
  static Raw smaller(Raw a, Raw b) { return _mm256_min_ps(a, b); }  // a < b ? a : b
  // x if it is larger than m or NaN, else m.
  static Raw max_or_nan(Raw m, Raw x) {
    const Raw take = _mm256_or_ps(_mm256_cmp_ps(x, m, _CMP_GT_OQ), _mm256_cmp_ps(x, x, _CMP_UNORD_Q));
    return _mm256_blendv_ps(m, x, take);
  }
  static bool any_nan(Raw v) { return _mm256_movemask_ps(_mm256_cmp_ps(v, v, _CMP_UNORD_Q)) != 0; }
  static Raw if_positive(Raw x, Raw a, Raw b) {
    return _mm256_blendv_ps(b, a, _mm256_cmp_ps(x, _mm256_setzero_ps(), _CMP_GT_OQ));
  }
  static Raw at_least(Raw a, Raw b) { return _mm256_cmp_ps(a, b, _CMP_GE_OQ); }
  // The lanes of several comparisons one after the other.
  template <std::size_t n>
  static std::uint64_t word(const Raw (&m)[n]) {
    std::uint64_t word = 0;
    for (std::size_t i = 0; i < n; ++i)
      word |= static_cast<std::uint64_t>(_mm256_movemask_ps(m[i])) << (i * lanes);
    return word;
  }
};

}  // namespace
}  // namespace binmorph::kernels
