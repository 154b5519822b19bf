// Comparisons write mask registers, which are the packed bits; masked loads and stores handle the row ends.
#include <immintrin.h>

#include "kernels/pack/algorithm.h"

namespace binmorph::kernels {
namespace {

template <class Packer, class T>
inline void pack_rows_masked(Packer& packer, const T* src, std::size_t rows, std::size_t width,
                             std::uint64_t* dst) {
  const std::size_t full = width / 64;
  const std::uint64_t tail = width % 64 == 0 ? 0 : tail_mask(width);
  for (; rows != 0; --rows, src += width) {
    for (std::size_t w = 0; w < full; ++w) *dst++ = packer.pack64(src + 64 * w);
    if (tail != 0) *dst++ = packer.pack_some(src + 64 * full, tail) & tail;
  }
}

// Four comparisons of sixteen floats; a masked-off lane reads as 0.0f without touching memory.
template <class Compare>
inline std::uint64_t four_masks(const float* src, Compare compare) {
  const std::uint64_t a = compare(_mm512_loadu_ps(src));
  const std::uint64_t b = compare(_mm512_loadu_ps(src + 16));
  const std::uint64_t c = compare(_mm512_loadu_ps(src + 32));
  const std::uint64_t d = compare(_mm512_loadu_ps(src + 48));
  return a | b << 16 | c << 32 | d << 48;
}

template <class Compare>
inline std::uint64_t some_masks(const float* src, std::uint64_t present, Compare compare) {
  std::uint64_t word = 0;
  for (int i = 0; i < 64 && (present >> i) != 0; i += 16) {
    const __m512 x = _mm512_maskz_loadu_ps(static_cast<__mmask16>(present >> i), src + i);
    word |= std::uint64_t{compare(x)} << i;
  }
  return word;
}

struct LevelF32 {
  __m512 value;
  __mmask16 operator()(__m512 x) const { return _mm512_cmp_ps_mask(x, value, _CMP_GE_OQ); }
  std::uint64_t pack64(const float* src) const { return four_masks(src, *this); }
  std::uint64_t pack_some(const float* src, std::uint64_t present) const {
    return some_masks(src, present, *this);
  }
};

struct LevelU8 {
  __m512i t;
  std::uint64_t pack64(const std::uint8_t* src) const {
    return _mm512_cmpge_epu8_mask(_mm512_loadu_si512(src), t);
  }
  std::uint64_t pack_some(const std::uint8_t* src, std::uint64_t present) const {
    return _mm512_cmpge_epu8_mask(_mm512_maskz_loadu_epi8(present, src), t);
  }
};

struct BinaryF32 {
  __mmask16 good = 0xffff;
  __mmask16 ones(__m512 x) {
    const __mmask16 one = _mm512_cmp_ps_mask(x, _mm512_set1_ps(1.0f), _CMP_EQ_OQ);
    const __mmask16 zero = _mm512_cmp_ps_mask(x, _mm512_setzero_ps(), _CMP_EQ_OQ);
    good = _kand_mask16(good, _kor_mask16(one, zero));
    return one;
  }
  std::uint64_t pack64(const float* src) {
    return four_masks(src, [this](__m512 x) { return ones(x); });
  }
  std::uint64_t pack_some(const float* src, std::uint64_t present) {
    return some_masks(src, present, [this](__m512 x) { return ones(x); });
  }
};

struct BinaryU8 {
  __m512i any = _mm512_setzero_si512();
  std::uint64_t ones(__m512i x) {
    any = _mm512_or_si512(any, x);
    return _mm512_test_epi8_mask(x, _mm512_set1_epi8(1));
  }
  std::uint64_t pack64(const std::uint8_t* src) { return ones(_mm512_loadu_si512(src)); }
  std::uint64_t pack_some(const std::uint8_t* src, std::uint64_t present) {
    return ones(_mm512_maskz_loadu_epi8(present, src));
  }
};

}  // namespace

void level_set_f32_u64__x86_avx512(const float* src, std::size_t rows, std::size_t width, float value,
                                   std::uint64_t* dst) {
  LevelF32 packer{_mm512_set1_ps(value)};
  pack_rows_masked(packer, src, rows, width, dst);
}

void level_set_u8_u64__x86_avx512(const std::uint8_t* src, std::size_t rows, std::size_t width, float value,
                                  std::uint64_t* dst) {
  const std::uint32_t t = byte_threshold(value);
  if (t > 255) return clear_rows(rows, width, dst);
  LevelU8 packer{_mm512_set1_epi8(static_cast<char>(t))};
  pack_rows_masked(packer, src, rows, width, dst);
}

bool pack_binary_f32_u64__x86_avx512(const float* src, std::size_t rows, std::size_t width,
                                     std::uint64_t* dst) {
  BinaryF32 packer;
  pack_rows_masked(packer, src, rows, width, dst);
  return packer.good == 0xffff;
}

bool pack_binary_u8_u64__x86_avx512(const std::uint8_t* src, std::size_t rows, std::size_t width,
                                    std::uint64_t* dst) {
  BinaryU8 packer;
  pack_rows_masked(packer, src, rows, width, dst);
  return _mm512_test_epi8_mask(packer.any, _mm512_set1_epi8(static_cast<char>(0xfe))) == 0;
}

void unpack_u64_u8__x86_avx512(const std::uint64_t* src, std::size_t rows, std::size_t width, bool streams,
                               std::uint8_t* dst) {
  if (streams) {
    const auto whole = [](std::uint64_t bits, std::uint8_t* to) {
      _mm512_stream_si512(reinterpret_cast<__m512i*>(to), _mm512_maskz_set1_epi8(bits, 1));
    };
    const auto some = [](std::uint64_t bits, std::size_t count, std::uint8_t* to) {
      _mm512_mask_storeu_epi8(to, (std::uint64_t{1} << count) - 1, _mm512_maskz_set1_epi8(bits, 1));
    };
    unpack_aligned(whole, some, src, rows, width, dst);
    return _mm_sfence();
  }
  const std::size_t full = width / 64;
  const std::uint64_t tail = width % 64 == 0 ? 0 : tail_mask(width);
  for (; rows != 0; --rows, dst += width) {
    for (std::size_t w = 0; w < full; ++w)
      _mm512_storeu_si512(dst + 64 * w, _mm512_maskz_set1_epi8(*src++, 1));
    if (tail != 0) _mm512_mask_storeu_epi8(dst + 64 * full, tail, _mm512_maskz_set1_epi8(*src++, 1));
  }
}

}  // namespace binmorph::kernels
