#include <immintrin.h>

#include "kernels/threshold_dense/threshold_dense.h"

namespace binmorph::kernels {
namespace {

// popcount by two 16-entry tables in vpshufb: bytes of 0..8. 31 of them fit a byte before vpsadbw must widen.
constexpr std::size_t kWordsPerByteSum = 31;

inline __m256i byte_counts(__m256i v) {
  const __m256i table = _mm256_setr_epi8(0, 1, 1, 2, 1, 2, 2, 3, 1, 2, 2, 3, 2, 3, 3, 4,  //
                                         0, 1, 1, 2, 1, 2, 2, 3, 1, 2, 2, 3, 2, 3, 3, 4);
  const __m256i nibble = _mm256_set1_epi8(0x0f);
  return _mm256_add_epi8(_mm256_shuffle_epi8(table, _mm256_and_si256(v, nibble)),
                         _mm256_shuffle_epi8(table, _mm256_and_si256(_mm256_srli_epi64(v, 4), nibble)));
}

inline __m256i load(const std::uint64_t* p) {
  return _mm256_loadu_si256(reinterpret_cast<const __m256i*>(p));
}

struct Counts {
  __m256i low, high;  // neurons 0..3 and 4..7 of the group
};

inline Counts count_group(const std::uint64_t* mask, const std::uint64_t* x, std::size_t words) {
  Counts total{_mm256_setzero_si256(), _mm256_setzero_si256()};
  for (std::size_t w = 0; w < words;) {
    const std::size_t stop = words - w < kWordsPerByteSum ? words : w + kWordsPerByteSum;
    __m256i low = _mm256_setzero_si256(), high = _mm256_setzero_si256();
    for (; w < stop; ++w) {
      const __m256i bits = _mm256_set1_epi64x(static_cast<long long>(x[w]));
      const std::uint64_t* m = mask + w * kDenseGroup;
      low = _mm256_add_epi8(low, byte_counts(_mm256_and_si256(bits, load(m))));
      high = _mm256_add_epi8(high, byte_counts(_mm256_and_si256(bits, load(m + 4))));
    }
    total.low = _mm256_add_epi64(total.low, _mm256_sad_epu8(low, _mm256_setzero_si256()));
    total.high = _mm256_add_epi64(total.high, _mm256_sad_epu8(high, _mm256_setzero_si256()));
  }
  return total;
}

inline std::int64_t popcount(const std::uint64_t* x, std::size_t words) {
  std::int64_t total = 0;
  for (std::size_t w = 0; w < words; ++w) total += _mm_popcnt_u64(x[w]);
  return total;
}

// Four bits: lane j of count >= lane j of threshold.
inline unsigned at_least(__m256i count, const std::int64_t* threshold) {
  const __m256i t = _mm256_loadu_si256(reinterpret_cast<const __m256i*>(threshold));
  return 15u ^ static_cast<unsigned>(_mm256_movemask_pd(_mm256_castsi256_pd(_mm256_cmpgt_epi64(t, count))));
}

}  // namespace

void threshold_dense_u64_u8__x86_avx2(const DenseProgram& program, const std::uint64_t* x, std::uint8_t* y,
                                      std::size_t begin, std::size_t end) {
  const std::size_t pitch = program.words * kDenseGroup;
  const __m256i ones = _mm256_set1_epi64x(program.sign ? popcount(x, program.words) : 0);
  for (std::size_t g = begin; g < end; ++g) {
    Counts count = count_group(program.plus + g * pitch, x, program.words);
    if (program.minus != nullptr) {
      const Counts negative = count_group(program.minus + g * pitch, x, program.words);
      count.low = _mm256_sub_epi64(count.low, negative.low);
      count.high = _mm256_sub_epi64(count.high, negative.high);
    }
    if (program.sign) {
      count.low = _mm256_sub_epi64(_mm256_add_epi64(count.low, count.low), ones);
      count.high = _mm256_sub_epi64(_mm256_add_epi64(count.high, count.high), ones);
    }
    const std::int64_t* threshold = program.threshold + g * kDenseGroup;
    const unsigned byte = at_least(count.low, threshold) | at_least(count.high, threshold + 4) << 4;
    y[g] = static_cast<std::uint8_t>(byte ^ program.invert[g]);
  }
}

}  // namespace binmorph::kernels
