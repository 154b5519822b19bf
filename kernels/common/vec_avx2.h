// 256-bit words of bits. Only for files compiled for x86_avx2: everything has internal linkage.
#pragma once

#include <immintrin.h>

#include <cstddef>
#include <cstdint>

namespace binmorph::kernels {
namespace {

struct VecAvx2 {
  using Raw = __m256i;
  static constexpr std::size_t words = 4;
  static Raw load(const std::uint64_t* p) { return _mm256_loadu_si256(reinterpret_cast<const __m256i*>(p)); }
  static void store(std::uint64_t* p, Raw v) { _mm256_storeu_si256(reinterpret_cast<__m256i*>(p), v); }
  static Raw fill(std::uint64_t word) { return _mm256_set1_epi64x(static_cast<long long>(word)); }
  static bool equals(Raw a, Raw b) {
    const __m256i different = _mm256_xor_si256(a, b);
    return _mm256_testz_si256(different, different);
  }
  static Raw bit_and(Raw a, Raw b) { return _mm256_and_si256(a, b); }
  static Raw bit_or(Raw a, Raw b) { return _mm256_or_si256(a, b); }
  static Raw bit_xor(Raw a, Raw b) { return _mm256_xor_si256(a, b); }
  static Raw and_not(Raw a, Raw b) { return _mm256_andnot_si256(b, a); }
  static Raw or_not(Raw a, Raw b) { return _mm256_or_si256(a, _mm256_xor_si256(b, fill(~std::uint64_t{0}))); }
  static Raw choose(Raw select, Raw high, Raw low) {
    return bit_or(bit_and(select, high), _mm256_andnot_si256(select, low));
  }
  static Raw full_add(Raw a, Raw b, Raw c, Raw& carry) {
    const Raw half = bit_xor(a, b);
    carry = bit_or(bit_and(a, b), bit_and(half, c));
    return bit_xor(half, c);
  }
};

}  // namespace
}  // namespace binmorph::kernels
