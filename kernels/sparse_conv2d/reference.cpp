#include "kernels/sparse_conv2d/sparse_conv2d.h"

namespace binmorph::kernels {

void sparse_conv2d_u64_i32__reference(const SparseProgram& p, const std::uint64_t* planes, std::int32_t* y,
                                      std::size_t begin, std::size_t end, std::uint64_t*) {
  const std::size_t outputs = p.shape.out_channels, width = p.shape.out_width();
  for (std::size_t o = begin * kSparseBlock; o < end * kSparseBlock && o < outputs; ++o)
    for (std::size_t row = 0; row < p.shape.out_height(); ++row)
      for (std::size_t column = 0; column < width; ++column) {
        std::int32_t sum = 0;
        for (std::size_t list = o; list < (p.minus ? 2 : 1) * outputs; list += outputs)
          for (std::size_t i = 0; i < p.size[list]; ++i) {
            const std::size_t bit =
                8 * std::size_t{p.entries[p.first[list] + i]} + row * p.planes.row_bits + column;
            sum += list < outputs ? get_bit(planes, bit) : -get_bit(planes, bit);
          }
        y[(row * width + column) * outputs + o] = sum;
      }
}

}  // namespace binmorph::kernels
