#include <immintrin.h>

#include <cstring>

#include "kernels/common/conv_sums_tile.h"
#include "kernels/pixel_conv2d/pixel_conv2d.h"

namespace binmorph::kernels {
namespace {

struct Pairs {
  using Weight = std::int16_t;
  using Sum = std::int32_t;
  using Raw = __m256i;
  using Mask = __m256i;
  static constexpr std::size_t lanes = 8;
  static constexpr int pixels(int) { return 4; }  // 8 sums, 2 weights, an input and its products
  static Mask first_lanes(std::size_t count) {
    const int n = count < lanes ? static_cast<int>(count) : static_cast<int>(lanes);
    return _mm256_cmpgt_epi32(_mm256_set1_epi32(n), _mm256_setr_epi32(0, 1, 2, 3, 4, 5, 6, 7));
  }
  static Raw load(const std::int32_t* p) { return _mm256_loadu_si256(reinterpret_cast<const __m256i*>(p)); }
  static void store(std::int32_t* p, Raw v) { _mm256_storeu_si256(reinterpret_cast<__m256i*>(p), v); }
  static void store(std::int32_t* p, Raw v, Mask m) { _mm256_maskstore_epi32(p, m, v); }
  static Raw load_weights(const std::int16_t* p) {
    return _mm256_loadu_si256(reinterpret_cast<const __m256i*>(p));
  }
  static Raw broadcast(const std::int16_t* p) {
    std::int32_t pair;
    std::memcpy(&pair, p, sizeof pair);
    return _mm256_set1_epi32(pair);
  }
  static Raw multiply_add(Raw sum, Raw w, Raw x) { return _mm256_add_epi32(sum, _mm256_madd_epi16(w, x)); }
};

}  // namespace

void pixel_conv2d_i16_i32__x86_avx2(const PixelConv2dProgram& program, const std::int16_t* extended,
                                    const SumRange& range, std::int32_t* y, std::size_t y_pitch) {
  conv_sums<Pairs, 2>(program, extended, range, y, y_pitch);
}

}  // namespace binmorph::kernels
