#include <immintrin.h>

#include "kernels/linear/algorithm.h"

namespace binmorph::kernels {
namespace {

struct FloatAvx512 {
  using Raw = __m512;
  static constexpr std::size_t lanes = 16;
  static Raw load(const float* p) { return _mm512_loadu_ps(p); }
  static void store(float* p, Raw v) { _mm512_storeu_ps(p, v); }
  static Raw add(Raw a, Raw b) { return _mm512_add_ps(a, b); }
};

}  // namespace

void linear_bits_u64_f32__x86_avx512(const std::uint64_t* x, std::size_t images, std::size_t bits,
                                     const float* weight, const float* bias, std::size_t padded, float* y) {
  linear_bits<FloatAvx512>(x, images, bits, weight, bias, padded, y);
}

}  // namespace binmorph::kernels
