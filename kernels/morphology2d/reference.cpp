#include "kernels/common/bits.h"
#include "kernels/morphology2d/morphology2d.h"

namespace binmorph::kernels {

void morphology2d_u64_u64__reference(const SeProgram& program, const MorphShape& shape,
                                     const std::uint64_t* src, std::uint64_t* dst, std::size_t begin,
                                     std::size_t end, std::uint64_t*) {
  const std::size_t words = words_for(shape.row_bits);
  const auto height = static_cast<std::ptrdiff_t>(shape.height);
  const auto width = static_cast<std::ptrdiff_t>(shape.row_bits);
  const std::ptrdiff_t pixel = shape.lanes == 0 ? 1 : static_cast<std::ptrdiff_t>(64 * shape.lanes);
  for (std::size_t y = begin; y < end; ++y, dst += words) {
    for (std::size_t x = 0; x < 64 * words; ++x) {
      bool result = !shape.dilate;
      for (std::size_t i = 0; i < program.point_count; ++i) {
        const std::ptrdiff_t from_y = static_cast<std::ptrdiff_t>(y) + program.points[i].dy;
        const std::ptrdiff_t from_x = static_cast<std::ptrdiff_t>(x) + program.points[i].dx * pixel;
        const bool inside = from_y >= 0 && from_y < height && from_x >= 0 && from_x < width;
        bool bit = shape.border;
        if (inside)
          bit = get_bit(src + (static_cast<std::size_t>(from_y) - shape.src_first) * words,
                        static_cast<std::size_t>(from_x));
        result = shape.dilate ? result || bit : result && bit;
      }
      set_bit(dst, x, result && x < shape.row_bits);
    }
  }
}

}  // namespace binmorph::kernels
