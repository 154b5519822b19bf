// One vpmovmskb per 32 values.
#include <immintrin.h>

#include "kernels/pack/algorithm.h"

namespace binmorph::kernels {
namespace {

inline __m256i load_u8x32(const std::uint8_t* p) {
  return _mm256_loadu_si256(reinterpret_cast<const __m256i*>(p));
}

inline std::uint32_t top_bits(__m256i v_u8x32) {
  return static_cast<std::uint32_t>(_mm256_movemask_epi8(v_u8x32));
}

// Narrows four vectors of 32-bit truth values to bytes. The saturating packs work within 128-bit lanes, so
// the dwords come out as a0 b0 c0 d0 a1 b1 c1 d1 and one permutation restores a0 a1 b0 b1 c0 c1 d0 d1.
inline std::uint32_t truth_bits(__m256 a, __m256 b, __m256 c, __m256 d) {
  const __m256i ab_i16x16 = _mm256_packs_epi32(_mm256_castps_si256(a), _mm256_castps_si256(b));
  const __m256i cd_i16x16 = _mm256_packs_epi32(_mm256_castps_si256(c), _mm256_castps_si256(d));
  const __m256i mixed_i8x32 = _mm256_packs_epi16(ab_i16x16, cd_i16x16);
  return top_bits(_mm256_permutevar8x32_epi32(mixed_i8x32, _mm256_setr_epi32(0, 4, 1, 5, 2, 6, 3, 7)));
}

struct LevelF32 {
  __m256 value;
  __m256 ge(const float* src) const { return _mm256_cmp_ps(_mm256_loadu_ps(src), value, _CMP_GE_OQ); }
  std::uint32_t pack32(const float* src) const {
    return truth_bits(ge(src), ge(src + 8), ge(src + 16), ge(src + 24));
  }
};

// There is no unsigned byte comparison, but x >= t exactly when max(x, t) = x.
struct LevelU8 {
  __m256i t;
  std::uint32_t pack32(const std::uint8_t* src) const {
    const __m256i x = load_u8x32(src);
    return top_bits(_mm256_cmpeq_epi8(_mm256_max_epu8(x, t), x));
  }
};

struct BinaryF32 {
  __m256 good = _mm256_castsi256_ps(_mm256_set1_epi32(-1));
  __m256 ones(const float* src) {
    const __m256 x = _mm256_loadu_ps(src);
    const __m256 one = _mm256_cmp_ps(x, _mm256_set1_ps(1.0f), _CMP_EQ_OQ);
    const __m256 zero = _mm256_cmp_ps(x, _mm256_setzero_ps(), _CMP_EQ_OQ);
    good = _mm256_and_ps(good, _mm256_or_ps(one, zero));
    return one;
  }
  std::uint32_t pack32(const float* src) {
    const __m256 a = ones(src), b = ones(src + 8), c = ones(src + 16), d = ones(src + 24);
    return truth_bits(a, b, c, d);
  }
};

struct BinaryU8 {
  __m256i any = _mm256_setzero_si256();
  std::uint32_t pack32(const std::uint8_t* src) {
    const __m256i x = load_u8x32(src);
    any = _mm256_or_si256(any, x);
    return top_bits(
        _mm256_slli_epi16(x, 7));  // bit 0 of every byte to its top; what crosses bytes stays below
  }
};

// Byte i gets a copy of byte i / 8 of the bits, keeps bit i % 8 of it and is clamped to 1.
struct Unpack32 {
  static __m256i bytes(std::uint32_t bits) {
    const __m256i spread = _mm256_setr_epi8(0, 0, 0, 0, 0, 0, 0, 0, 1, 1, 1, 1, 1, 1, 1, 1,  //
                                            2, 2, 2, 2, 2, 2, 2, 2, 3, 3, 3, 3, 3, 3, 3, 3);
    const __m256i select = _mm256_set1_epi64x(static_cast<long long>(0x8040201008040201));
    const __m256i copies = _mm256_shuffle_epi8(_mm256_set1_epi32(static_cast<int>(bits)), spread);
    return _mm256_min_epu8(_mm256_and_si256(copies, select), _mm256_set1_epi8(1));
  }
  void operator()(std::uint32_t bits, std::uint8_t* dst) const {
    _mm256_storeu_si256(reinterpret_cast<__m256i*>(dst), bytes(bits));
  }
};

}  // namespace

void level_set_f32_u64__x86_avx2(const float* src, std::size_t rows, std::size_t width, float value,
                                 std::uint64_t* dst) {
  LevelF32 packer{_mm256_set1_ps(value)};
  pack_rows(packer, src, rows, width, dst);
}

void level_set_u8_u64__x86_avx2(const std::uint8_t* src, std::size_t rows, std::size_t width, float value,
                                std::uint64_t* dst) {
  const std::uint32_t t = byte_threshold(value);
  if (t > 255) return clear_rows(rows, width, dst);
  LevelU8 packer{_mm256_set1_epi8(static_cast<char>(t))};
  pack_rows(packer, src, rows, width, dst);
}

bool pack_binary_f32_u64__x86_avx2(const float* src, std::size_t rows, std::size_t width,
                                   std::uint64_t* dst) {
  BinaryF32 packer;
  pack_rows(packer, src, rows, width, dst);
  return _mm256_movemask_ps(packer.good) == 0xff;
}

bool pack_binary_u8_u64__x86_avx2(const std::uint8_t* src, std::size_t rows, std::size_t width,
                                  std::uint64_t* dst) {
  BinaryU8 packer;
  pack_rows(packer, src, rows, width, dst);
  return _mm256_testz_si256(packer.any, _mm256_set1_epi8(static_cast<char>(0xfe))) != 0;
}

void unpack_u64_u8__x86_avx2(const std::uint64_t* src, std::size_t rows, std::size_t width, bool streams,
                             std::uint8_t* dst) {
  if (!streams) return unpack_rows(Unpack32{}, src, rows, width, dst);
  const auto whole = [](std::uint64_t bits, std::uint8_t* to) {
    const auto low = static_cast<std::uint32_t>(bits), high = static_cast<std::uint32_t>(bits >> 32);
    _mm256_stream_si256(reinterpret_cast<__m256i*>(to), Unpack32::bytes(low));
    _mm256_stream_si256(reinterpret_cast<__m256i*>(to + 32), Unpack32::bytes(high));
  };
  const auto some = [](std::uint64_t bits, std::size_t count, std::uint8_t* to) {
    for (std::size_t i = 0; i < count; ++i) to[i] = (bits >> i) & 1;
  };
  unpack_aligned(whole, some, src, rows, width, dst);
  _mm_sfence();
}

}  // namespace binmorph::kernels
