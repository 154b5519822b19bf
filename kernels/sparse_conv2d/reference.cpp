#include "kernels/sparse_conv2d/sparse_conv2d.h"

namespace binmorph::kernels {

namespace {

std::int32_t count(const SparseProgram& p, const std::uint64_t* planes, std::size_t row, std::size_t column,
                   std::size_t output) {
  const std::size_t outputs = p.shape.out_channels;
  std::int32_t sum = 0;
  for (std::size_t list = output; list < (p.minus ? 2 : 1) * outputs; list += outputs)
    for (std::size_t i = 0; i < p.size[list]; ++i) {
      const std::size_t bit =
          8 * std::size_t{p.entries[p.first[list] + i]} + row * p.planes.row_bits + column;
      sum += list < outputs ? get_bit(planes, bit) : -get_bit(planes, bit);
    }
  return sum;
}

}  // namespace

void sparse_conv2d_u64_i32__reference(const SparseProgram& p, const std::uint64_t* planes, std::int32_t* y,
                                      std::size_t begin, std::size_t end, std::uint64_t*) {
  const std::size_t outputs = p.shape.out_channels, width = p.shape.out_width();
  for (std::size_t o = begin * kSparseBlock; o < end * kSparseBlock && o < outputs; ++o)
    for (std::size_t row = 0; row < p.shape.out_height(); ++row)
      for (std::size_t column = 0; column < width; ++column)
        y[(row * width + column) * outputs + o] = count(p, planes, row, column, o);
}

void sparse_threshold_u64_u64__reference(const SparseProgram& p, const SparseThresholds& t,
                                         const std::uint64_t* planes, std::uint64_t* y, std::size_t begin,
                                         std::size_t end, std::uint64_t*) {
  const std::size_t outputs = p.shape.out_channels, width = p.shape.out_width(), words = words_for(outputs);
  for (std::size_t row = 0; row < p.shape.out_height(); ++row)
    for (std::size_t column = 0; column < width; ++column) {
      std::size_t c = 0;
      while (c + 1 < t.classes && !get_bit(t.masks + c * t.mask_words, row * p.planes.row_bits + column)) ++c;
      for (std::size_t block = begin; block < end; ++block) {
        std::uint64_t word = t.invert[block];
        for (std::size_t o = block * kSparseBlock; o < (block + 1) * kSparseBlock && o < outputs; ++o)
          word ^= std::uint64_t{count(p, planes, row, column, o) >= t.threshold[c * outputs + o]} << o % 64;
        y[(row * width + column) * words + block] = word;
      }
    }
}

}  // namespace binmorph::kernels
