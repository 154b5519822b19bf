#include <immintrin.h>

#include "kernels/threshold_dense/threshold_dense.h"

namespace binmorph::kernels {
namespace {

// One vpopcntq counts a word of all eight neurons; two accumulators hide the latency of the addition.
inline __m512i count_group(const std::uint64_t* mask, const std::uint64_t* x, std::size_t words) {
  const auto term = [&](std::size_t w) {
    const __m512i bits = _mm512_set1_epi64(static_cast<long long>(x[w]));
    return _mm512_popcnt_epi64(_mm512_and_si512(bits, _mm512_loadu_si512(mask + w * kDenseGroup)));
  };
  __m512i even = _mm512_setzero_si512(), odd = _mm512_setzero_si512();
  std::size_t w = 0;
  for (; w + 2 <= words; w += 2) {
    even = _mm512_add_epi64(even, term(w));
    odd = _mm512_add_epi64(odd, term(w + 1));
  }
  if (w < words) even = _mm512_add_epi64(even, term(w));
  return _mm512_add_epi64(even, odd);
}

inline std::int64_t popcount(const std::uint64_t* x, std::size_t words) {
  std::int64_t total = 0;
  for (std::size_t w = 0; w < words; ++w) total += _mm_popcnt_u64(x[w]);
  return total;
}

}  // namespace

void threshold_dense_u64_u8__x86_avx512(const DenseProgram& program, const std::uint64_t* x, std::uint8_t* y,
                                        std::size_t begin, std::size_t end) {
  const std::size_t pitch = program.words * kDenseGroup;
  const __m512i ones = _mm512_set1_epi64(program.sign ? popcount(x, program.words) : 0);
  for (std::size_t g = begin; g < end; ++g) {
    __m512i count = count_group(program.plus + g * pitch, x, program.words);
    if (program.minus != nullptr)
      count = _mm512_sub_epi64(count, count_group(program.minus + g * pitch, x, program.words));
    if (program.sign) count = _mm512_sub_epi64(_mm512_add_epi64(count, count), ones);
    const __m512i threshold = _mm512_loadu_si512(program.threshold + g * kDenseGroup);
    y[g] = static_cast<std::uint8_t>(_mm512_cmpge_epi64_mask(count, threshold) ^ program.invert[g]);
  }
}

}  // namespace binmorph::kernels
