#include "kernels/common/bits.h"
#include "kernels/threshold_dense/threshold_dense.h"

namespace binmorph::kernels {

void threshold_dense_u64_u64__reference(const DenseProgram& p, const std::uint64_t* x, std::size_t images,
                                        std::uint64_t* y, std::size_t begin, std::size_t end,
                                        std::uint64_t*) {
  const std::size_t x_words = words_for(p.inputs), y_words = words_for(p.outputs), words = p.pitch;
  for (std::size_t image = 0; image < images; ++image, x += x_words, y += y_words)
    for (std::size_t o = begin * 64 * words; o < end * 64 * words && o < 64 * y_words; ++o) {
      const std::size_t column = o / (64 * words), lane = o % (64 * words);
      const std::uint64_t* rows = p.rows + column * p.column_rows() * words;
      std::int64_t sum = 0, limit = (std::int64_t{1} << p.bits) - 1;
      for (std::size_t b = 0; b < p.bits; ++b)
        limit -= static_cast<std::int64_t>(get_bit(p.start + (column * p.bits + b) * words, lane)) << b;
      if (p.form != DenseForm::mask) limit -= static_cast<std::int64_t>(p.inputs);
      for (std::size_t i = 0; i < p.inputs; ++i) {
        if (!get_bit(x, i)) continue;
        const std::uint64_t* row = rows + i * p.copies() * words;
        const bool plus = get_bit(row, lane);
        sum += plus;
        if (p.form == DenseForm::sign) sum -= !plus;
        if (p.form == DenseForm::ternary) sum -= !get_bit(row + words, lane);
      }
      set_bit(y, o, (sum >= limit) != get_bit(p.invert + column * words, lane));
    }
}

}  // namespace binmorph::kernels
