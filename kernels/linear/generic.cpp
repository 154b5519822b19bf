#include "kernels/common/vec_f32.h"
#include "kernels/linear/algorithm.h"

namespace binmorph::kernels {
void linear_bits_u64_f32__generic(const std::uint64_t* x, std::size_t images, std::size_t bits,
                                  const float* weight, const float* bias, std::size_t padded, float* y) {
  linear_bits<VecF32>(x, images, bits, weight, bias, padded, y);
}

}  // namespace binmorph::kernels
