#include <algorithm>

#include "kernels/window/algorithm.h"

namespace binmorph::kernels {

void window_rows_u64_u64__generic(const WindowShape& shape, const std::uint64_t* src, std::uint64_t* dst) {
  window_rows(shape, src, dst);
}

// Copies whole pixels of lane_words words; nothing here depends on the ISA.
void window_planes_u64_u64__generic(const WindowShape& shape, std::size_t lane_words,
                                    const std::uint64_t* src, std::uint64_t* dst) {
  const std::size_t src_row = shape.width * lane_words, dst_row = shape.extended_width() * lane_words;
  const std::uint64_t constant = shape.border == Border::ones ? ~std::uint64_t{0} : 0;
  const bool replicate = shape.border == Border::replicate;
  // Columns of dst that hold columns of the image: [begin, end).
  const std::size_t begin = std::min(shape.left(), shape.extended_width());
  const std::size_t end = std::min(shape.left() + shape.width, shape.extended_width());
  for (std::size_t c = 0; c < shape.channels; ++c, src += shape.height * src_row)
    for (std::size_t r = 0; r < shape.extended_height(); ++r, dst += dst_row) {
      const bool inside = r >= shape.top() && r < shape.top() + shape.height;
      if (!inside && !replicate) {
        std::fill_n(dst, dst_row, constant);
        continue;
      }
      const std::size_t y = r < shape.top() ? 0 : std::min(r - shape.top(), shape.height - 1);
      const std::uint64_t* row = src + y * src_row;
      const auto fill = [&](std::size_t from, std::size_t to, const std::uint64_t* pixel) {
        for (std::size_t x = from; x < to; ++x) {
          if (replicate)
            std::copy_n(pixel, lane_words, dst + x * lane_words);
          else
            std::fill_n(dst + x * lane_words, lane_words, constant);
        }
      };
      fill(0, begin, row);
      std::copy_n(row, (end - begin) * lane_words, dst + begin * lane_words);
      fill(end, shape.extended_width(), row + src_row - lane_words);
    }
}

}  // namespace binmorph::kernels
