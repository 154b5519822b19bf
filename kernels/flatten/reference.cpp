#include <cstring>

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

void flatten_values__reference(const void* src, std::size_t pixels, std::size_t channels, void* dst) {
  for (std::size_t c = 0; c < channels; ++c)
    for (std::size_t p = 0; p < pixels; ++p)
      std::memcpy(static_cast<char*>(dst) + 4 * (c * pixels + p),
                  static_cast<const char*>(src) + 4 * (p * channels + c), 4);
}

}  // namespace binmorph::kernels
