#include "kernels/linear/algorithm.h"

namespace binmorph::kernels {
namespace {

struct Float {
  using Raw = float;
  static constexpr std::size_t lanes = 1;
  static Raw load(const float* p) { return *p; }
  static void store(float* p, Raw v) { *p = v; }
  static Raw add(Raw a, Raw b) { return a + b; }
};

}  // namespace

void linear_bits_u64_f32__generic(const std::uint64_t* x, std::size_t bits, const float* weight,
                                  const float* bias, std::size_t padded, float* y) {
  linear_bits<Float>(x, bits, weight, bias, padded, y);
}

}  // namespace binmorph::kernels
