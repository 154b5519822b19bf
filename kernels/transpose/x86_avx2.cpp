// Four blocks side by side: 256 images, one word each.
#include "kernels/common/vec_avx2.h"
#include "kernels/transpose/block_u64.h"

namespace binmorph::kernels {
namespace {

struct BlockAvx2 : VecAvx2 {
  static Raw gather(const std::uint64_t* src, std::size_t stride) {
    const auto lane = [&](std::size_t l) { return static_cast<long long>(src[l * stride]); };
    return _mm256_setr_epi64x(lane(0), lane(1), lane(2), lane(3));
  }
  static void scatter(std::uint64_t* dst, std::size_t stride, Raw v) {
    const __m128i low = _mm256_castsi256_si128(v), high = _mm256_extracti128_si256(v, 1);
    dst[0] = static_cast<std::uint64_t>(_mm_cvtsi128_si64(low));
    dst[stride] = static_cast<std::uint64_t>(_mm_extract_epi64(low, 1));
    dst[2 * stride] = static_cast<std::uint64_t>(_mm_cvtsi128_si64(high));
    dst[3 * stride] = static_cast<std::uint64_t>(_mm_extract_epi64(high, 1));
  }
  // Stages 32 and 16 are blends of whole elements; below, a masked exchange is shorter.
  template <unsigned S>
  static void swap(Raw& a, Raw& b) {
    if constexpr (S == 32) {
      const Raw first = _mm256_blend_epi32(a, _mm256_slli_epi64(b, 32), 0xaa);
      b = _mm256_blend_epi32(_mm256_srli_epi64(a, 32), b, 0xaa);
      a = first;
    } else if constexpr (S == 16) {
      const Raw first = _mm256_blend_epi16(a, _mm256_slli_epi32(b, 16), 0xaa);
      b = _mm256_blend_epi16(_mm256_srli_epi32(a, 16), b, 0xaa);
      a = first;
    } else {
      const Raw differ = bit_and(bit_xor(_mm256_srli_epi64(a, S), b), fill(lower_columns(S)));
      b = bit_xor(b, differ);
      a = bit_xor(a, _mm256_slli_epi64(differ, S));
    }
  }
};

}  // namespace

void images_to_planes_u64_u64__x86_avx2(const std::uint64_t* images, std::size_t count,
                                        std::size_t image_words, std::size_t bits, std::uint64_t* planes,
                                        std::size_t lane_words) {
  images_to_planes<BlockAvx2, BlockU64>(images, count, image_words, bits, planes, lane_words);
}

void planes_to_images_u64_u64__x86_avx2(const std::uint64_t* planes, std::size_t lane_words, std::size_t bits,
                                        std::uint64_t* images, std::size_t count, std::size_t image_words) {
  planes_to_images<BlockAvx2, BlockU64>(planes, lane_words, bits, images, count, image_words);
}

}  // namespace binmorph::kernels
