#include "kernels/common/bits.h"
#include "kernels/linear/linear.h"

namespace binmorph::kernels {

void linear_bits_u64_f32__reference(const std::uint64_t* x, std::size_t images, std::size_t bits,
                                    const float* weight, const float* bias, std::size_t padded, float* y) {
  for (std::size_t i = 0; i < images; ++i)
    for (std::size_t o = 0; o < padded; ++o) {
      float sum = bias[o];
      for (std::size_t k = 0; k < bits; ++k)
        if (get_bit(x + i * words_for(bits), k)) sum += weight[k * padded + o];
      y[i * padded + o] = sum;
    }
}

}  // namespace binmorph::kernels
