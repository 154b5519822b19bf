// One float dressed as a vector, so that the generic kernels share their algorithm with the SIMD ones.
#pragma once

#include <cstddef>

namespace binmorph::kernels {
namespace {

struct VecF32 {
  using Raw = float;
  static constexpr std::size_t lanes = 1;
  static Raw load(const float* p) { return *p; }
  static void store(float* p, Raw v) { *p = v; }
  static Raw fill(float v) { return v; }
  static Raw add(Raw a, Raw b) { return a + b; }
};

}  // namespace
}  // namespace binmorph::kernels
