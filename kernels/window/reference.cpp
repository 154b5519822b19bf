#include <algorithm>

#include "kernels/common/bits.h"
#include "kernels/window/window.h"

namespace binmorph::kernels {
namespace {

using Position = std::ptrdiff_t;

// Where a tap at position p of an axis of n pixels reads, or -1 when it sees the constant outside the image.
Position source_of(Position p, std::size_t n, Border border) {
  const Position last = static_cast<Position>(n) - 1;
  if (p >= 0 && p <= last) return p;
  return border == Border::replicate ? std::clamp<Position>(p, 0, last) : -1;
}

}  // namespace

void window_rows_u64_u64__reference(const WindowShape& shape, const std::uint64_t* src, std::uint64_t* dst) {
  const std::size_t src_words = words_for(shape.width), dst_words = words_for(shape.out_width());
  for (std::size_t c = 0; c < shape.channels; ++c)
    for (std::size_t j = 0; j < shape.kernel_w; ++j)
      for (std::size_t r = 0; r < shape.extended_height(); ++r) {
        const Position y = source_of(static_cast<Position>(r) - static_cast<Position>(shape.top()),
                                     shape.height, shape.border);
        for (std::size_t x = 0; x < 64 * dst_words; ++x) {
          const Position sx = source_of(static_cast<Position>(x + j) - static_cast<Position>(shape.left()),
                                        shape.width, shape.border);
          bool bit = false;
          if (x < shape.out_width())
            bit = y < 0 || sx < 0
                      ? shape.border == Border::ones
                      : get_bit(src + (c * shape.height + static_cast<std::size_t>(y)) * src_words,
                                static_cast<std::size_t>(sx));
          set_bit(dst, x, bit);
        }
        dst += dst_words;
      }
}

void window_planes_u64_u64__reference(const WindowShape& shape, std::size_t lane_words,
                                      const std::uint64_t* src, std::uint64_t* dst) {
  for (std::size_t c = 0; c < shape.channels; ++c)
    for (std::size_t r = 0; r < shape.extended_height(); ++r)
      for (std::size_t q = 0; q < shape.extended_width(); ++q) {
        const Position y = source_of(static_cast<Position>(r) - static_cast<Position>(shape.top()),
                                     shape.height, shape.border);
        const Position x = source_of(static_cast<Position>(q) - static_cast<Position>(shape.left()),
                                     shape.width, shape.border);
        for (std::size_t lane = 0; lane < 64 * lane_words; ++lane) {
          bool bit = shape.border == Border::ones;
          if (y >= 0 && x >= 0) {
            const std::size_t pixel =
                (c * shape.height + static_cast<std::size_t>(y)) * shape.width + static_cast<std::size_t>(x);
            bit = get_bit(src + pixel * lane_words, lane);
          }
          set_bit(dst, lane, bit);
        }
        dst += lane_words;
      }
}

}  // namespace binmorph::kernels
