// One 64-bit word dressed as a vector, so that the generic kernels share their algorithm with the SIMD ones.
#pragma once

#include <cstddef>
#include <cstdint>

namespace binmorph::kernels {
namespace {

struct VecU64 {
  using Raw = std::uint64_t;
  static constexpr std::size_t words = 1;
  static Raw load(const std::uint64_t* p) {  // like the wider ones, from any address
    Raw v;
    __builtin_memcpy(&v, p, sizeof v);
    return v;
  }
  static void store(std::uint64_t* p, Raw v) { *p = v; }
  static Raw fill(std::uint64_t word) { return word; }
  static bool equals(Raw a, Raw b) { return a == b; }
  static Raw bit_and(Raw a, Raw b) { return a & b; }
  static Raw bit_or(Raw a, Raw b) { return a | b; }
  static Raw bit_xor(Raw a, Raw b) { return a ^ b; }
  static Raw and_not(Raw a, Raw b) { return a & ~b; }
  static Raw or_not(Raw a, Raw b) { return a | ~b; }
  static Raw choose(Raw select, Raw high, Raw low) { return low ^ (select & (high ^ low)); }
  // Returns a + b + c modulo 2, and leaves the carry in `carry`.
  static Raw full_add(Raw a, Raw b, Raw c, Raw& carry) {
    const Raw half = a ^ b;
    carry = (a & b) | (half & c);
    return half ^ c;
  }
};

}  // namespace
}  // namespace binmorph::kernels
