#include "kernels/common/vec_avx512.h"
#include "kernels/sparse_conv2d/algorithm.h"
#include "kernels/sparse_conv2d/thresholds.h"

namespace binmorph::kernels {
namespace {

// 64 bytes, and 64 of the high bits where there are more than eight.
struct Values {
  __m512i low, high;
  bool wide;

  // Bit b of the numbers is word b * pitch of `planes`.
  Values(const std::uint64_t* planes, std::size_t pitch, std::size_t bits)
      : low(bytes(planes, pitch, bits < 8 ? bits : 8)), wide(bits > 8) {
    high = wide ? bytes(planes + 8 * pitch, pitch, bits - 8) : _mm512_setzero_si512();
  }
  static __m512i bytes(const std::uint64_t* planes, std::size_t pitch, std::size_t bits) {
    const __m512i one = _mm512_set1_epi8(1);
    __m512i sum = _mm512_setzero_si512();
    for (const std::uint64_t* plane = planes + bits * pitch; plane != planes;) {
      plane -= pitch;
      sum = _mm512_add_epi8(sum, sum);
      sum = _mm512_mask_add_epi8(sum, static_cast<__mmask64>(*plane), sum, one);
    }
    return sum;
  }
  template <int part>
  __m512i sixteen() const {
    const __m512i v = _mm512_maskz_cvtepu8_epi32(0xffff, _mm512_maskz_extracti32x4_epi32(0xf, low, part));
    if (!wide) return v;
    const __m512i h = _mm512_maskz_cvtepu8_epi32(0xffff, _mm512_maskz_extracti32x4_epi32(0xf, high, part));
    return _mm512_or_si512(v, _mm512_maskz_slli_epi32(0xffff, h, 8));
  }
  // body(which of 16 outputs are there, their values, where they go).
  template <class Body>
  void parts(std::int32_t* to, std::size_t count, const Body& body) const {
    const auto there = [&](std::size_t first) {
      return static_cast<__mmask16>(count >= first + 16 ? 0xffffu
                                    : count > first     ? (1u << (count - first)) - 1
                                                        : 0u);
    };
    body(there(0), sixteen<0>(), to);
    body(there(16), sixteen<1>(), to + 16);
    body(there(32), sixteen<2>(), to + 32);
    body(there(48), sixteen<3>(), to + 48);
  }
  void put(std::int32_t* to, std::size_t count) const {
    parts(to, count,
          [](__mmask16 mask, __m512i v, std::int32_t* at) { _mm512_mask_storeu_epi32(at, mask, v); });
  }
  void subtract(std::int32_t* to, std::size_t count) const {
    parts(to, count, [](__mmask16 mask, __m512i v, std::int32_t* at) {
      _mm512_mask_storeu_epi32(at, mask, _mm512_sub_epi32(_mm512_maskz_loadu_epi32(mask, at), v));
    });
  }
};

}  // namespace

void sparse_conv2d_u64_i32__x86_avx512(const SparseProgram& program, const std::uint64_t* planes,
                                       std::int32_t* y, std::size_t begin, std::size_t end,
                                       std::uint64_t* scratch) {
  count_image<VecAvx512, 1, VecAvx512Half, 1, Values>(program, planes, planes_to_images_u64_u64__x86_avx512,
                                                      y, begin, end, scratch);
}

void sparse_threshold_u64_u64__x86_avx512(const SparseProgram& program, const SparseThresholds& thresholds,
                                          const std::uint64_t* planes, std::uint64_t* y, std::size_t begin,
                                          std::size_t end, std::uint64_t* scratch) {
  threshold_image<VecAvx512, 1, VecAvx512Half, 1>(
      program, thresholds, planes, planes_to_images_u64_u64__x86_avx512, y, begin, end, scratch);
}

}  // namespace binmorph::kernels
