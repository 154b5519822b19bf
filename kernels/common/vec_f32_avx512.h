// Sixteen floats. Only for files compiled for x86_avx512: everything has internal linkage.
#pragma once

#include <immintrin.h>

#include <cstddef>
#include <cstdint>

namespace binmorph::kernels {
namespace {

struct VecF32Avx512 {
  using Raw = __m512;
  using Mask = __mmask16;
  static constexpr std::size_t lanes = 16;
  // The first `count` lanes; all of them if there are fewer.
  static Mask first_lanes(std::size_t count) {
    return static_cast<Mask>(_bzhi_u32(0xffff, count < lanes ? static_cast<unsigned>(count) : 16));
  }
  static Raw load(const float* p) { return _mm512_loadu_ps(p); }
  static Raw load(const float* p, Mask m) { return _mm512_maskz_loadu_ps(m, p); }
  static Raw load(const std::int32_t* p) { return _mm512_maskz_cvtepi32_ps(0xffff, _mm512_loadu_si512(p)); }
  static Raw load(const std::int32_t* p, Mask m) {
    return _mm512_maskz_cvtepi32_ps(m, _mm512_maskz_loadu_epi32(m, p));
  }
  static Raw load(const std::int16_t* p) {
    const __m256i v = _mm256_loadu_si256(reinterpret_cast<const __m256i*>(p));
    return _mm512_maskz_cvtepi32_ps(0xffff, _mm512_maskz_cvtepi16_epi32(0xffff, v));
  }
  static Raw load(const std::int16_t* p, Mask m) {
    return _mm512_maskz_cvtepi32_ps(m, _mm512_maskz_cvtepi16_epi32(m, _mm256_maskz_loadu_epi16(m, p)));
  }
  static void store(float* p, Raw v) { _mm512_storeu_ps(p, v); }
  static void store(float* p, Raw v, Mask m) { _mm512_mask_storeu_ps(p, m, v); }
  static Raw fill(float v) { return _mm512_set1_ps(v); }
  static Raw fma(Raw a, Raw b, Raw c) { return _mm512_fmadd_ps(a, b, c); }
  static Raw add(Raw a, Raw b) { return _mm512_add_ps(a, b); }
  static Raw mul(Raw a, Raw b) { return _mm512_mul_ps(a, b); }
  static Raw div(Raw a, Raw b) { return _mm512_div_ps(a, b); }
  // a > b ? a : b, a < b ? a : b. Zero-masked forms: GCC 12 warns of the undefined vector inside the plain
  // ones.
  static Raw larger(Raw a, Raw b) { return _mm512_maskz_max_ps(0xffff, a, b); }
  static Raw smaller(Raw a, Raw b) { return _mm512_maskz_min_ps(0xffff, a, b); }
  // x if it is larger than m or NaN, else m.
  static Raw max_or_nan(Raw m, Raw x) {
    const Mask take = _mm512_cmp_ps_mask(x, m, _CMP_GT_OQ) | _mm512_cmp_ps_mask(x, x, _CMP_UNORD_Q);
    return _mm512_mask_blend_ps(take, m, x);
  }
  static bool any_nan(Raw v) { return _mm512_cmp_ps_mask(v, v, _CMP_UNORD_Q) != 0; }
  static Raw if_positive(Raw x, Raw a, Raw b) {
    return _mm512_mask_blend_ps(_mm512_cmp_ps_mask(x, _mm512_setzero_ps(), _CMP_GT_OQ), b, a);
  }
  static Mask at_least(Raw a, Raw b) { return _mm512_cmp_ps_mask(a, b, _CMP_GE_OQ); }
  // The lanes of several masks one after the other. Joined as masks: one move to a general register, not
  // four.
  static std::uint64_t word(const Mask (&m)[1]) { return m[0]; }
  static std::uint64_t word(const Mask (&m)[2]) { return _mm512_kunpackw(m[1], m[0]); }
  static std::uint64_t word(const Mask (&m)[4]) {
    return _mm512_kunpackd(_mm512_kunpackw(m[3], m[2]), _mm512_kunpackw(m[1], m[0]));
  }
};

}  // namespace
}  // namespace binmorph::kernels
