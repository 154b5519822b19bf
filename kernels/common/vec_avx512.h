// 512-bit words of bits. Only for files compiled for x86_avx512: everything has internal linkage.
#pragma once

#include <immintrin.h>

#include <cstddef>
#include <cstdint>

#include "kernels/common/vec_avx2.h"

namespace binmorph::kernels {
namespace {

struct VecAvx512 {
  using Raw = __m512i;
  static constexpr std::size_t words = 8;
  static Raw load(const std::uint64_t* p) { return _mm512_loadu_si512(p); }
  static void store(std::uint64_t* p, Raw v) { _mm512_storeu_si512(p, v); }
  static Raw fill(std::uint64_t word) { return _mm512_set1_epi64(static_cast<long long>(word)); }
  static bool equals(Raw a, Raw b) { return _mm512_cmpneq_epi64_mask(a, b) == 0; }
  static Raw bit_and(Raw a, Raw b) { return _mm512_and_si512(a, b); }
  static Raw bit_or(Raw a, Raw b) { return _mm512_or_si512(a, b); }
  static Raw bit_xor(Raw a, Raw b) { return _mm512_xor_si512(a, b); }
  static Raw and_not(Raw a, Raw b) { return _mm512_ternarylogic_epi64(a, b, b, 0x30); }
  // vpternlogq immediates are truth tables over (a, b, c) = bits 4, 2, 1 of the index.
  static Raw or_not(Raw a, Raw b) { return _mm512_ternarylogic_epi64(a, b, b, 0xF3); }
  static Raw choose(Raw select, Raw high, Raw low) {
    return _mm512_ternarylogic_epi64(select, high, low, 0xCA);
  }
  static Raw full_add(Raw a, Raw b, Raw c, Raw& carry) {
    // The instruction overwrites an operand: a carry from a, b and the sum spares the copy of c.
    const Raw sum = _mm512_ternarylogic_epi64(c, b, a, 0x96);  // parity
    carry = _mm512_ternarylogic_epi64(a, b, sum, 0xD4);        // a where a = b, else not the sum
    return sum;
  }
};

// AVX-512's three-operand logic on 256 bits, for planes of exactly four words (256 images, one pixel).
struct VecAvx512Half : VecAvx2 {
  static Raw or_not(Raw a, Raw b) { return _mm256_ternarylogic_epi64(a, b, b, 0xF3); }
  static Raw choose(Raw select, Raw high, Raw low) {
    return _mm256_ternarylogic_epi64(select, high, low, 0xCA);
  }
  static Raw full_add(Raw a, Raw b, Raw c, Raw& carry) {
    const Raw sum = _mm256_ternarylogic_epi64(c, b, a, 0x96);
    carry = _mm256_ternarylogic_epi64(a, b, sum, 0xD4);
    return sum;
  }
};

}  // namespace
}  // namespace binmorph::kernels
