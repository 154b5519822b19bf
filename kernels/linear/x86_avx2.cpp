#include <immintrin.h>

#include "kernels/linear/algorithm.h"

namespace binmorph::kernels {
namespace {

struct FloatAvx2 {
  using Raw = __m256;
  static constexpr std::size_t lanes = 8;
  static Raw load(const float* p) { return _mm256_loadu_ps(p); }
  static void store(float* p, Raw v) { _mm256_storeu_ps(p, v); }
  static Raw add(Raw a, Raw b) { return _mm256_add_ps(a, b); }
};

}  // namespace

void linear_bits_u64_f32__x86_avx2(const std::uint64_t* x, std::size_t images, std::size_t bits,
                                   const float* weight, const float* bias, std::size_t padded, float* y) {
  linear_bits<FloatAvx2>(x, images, bits, weight, bias, padded, y);
}

}  // namespace binmorph::kernels
