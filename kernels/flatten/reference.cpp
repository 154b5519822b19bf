#include "kernels/common/bits.h"
#include "kernels/flatten/flatten.h"

namespace binmorph::kernels {

void flatten_u64_u64__reference(const std::uint64_t* src, std::size_t rows, std::size_t width,
                                std::uint64_t* dst) {
  for (std::size_t i = 0; i < words_for(rows * width); ++i) dst[i] = 0;
  for (std::size_t r = 0; r < rows; ++r)
    for (std::size_t i = 0; i < width; ++i)
      set_bit(dst, r * width + i, get_bit(src + r * words_for(width), i));
}

}  // namespace binmorph::kernels
