#include "kernels/common/bits.h"
#include "kernels/thinning/rules.h"

namespace binmorph::kernels {
bool thin_pass_u64_u64__reference(ThinRule rule, std::size_t height, std::size_t width,
                                  const std::uint64_t* src, std::uint64_t* dst, std::size_t begin,
                                  std::size_t end) {
  constexpr int kRow[8] = {0, -1, -1, -1, 0, 1, 1, 1}, kColumn[8] = {1, 1, 0, -1, -1, -1, 0, 1};
  const std::size_t words = words_for(width);
  bool changed = false;
  for (std::size_t y = begin; y < end; ++y)
    for (std::size_t x = 0; x < 64 * words; ++x) {
      bool pixel = get_bit(src + y * words, x);
      if (pixel) {
        unsigned n = 0;
        for (int i = 0; i < 8; ++i) {
          const std::size_t ny = y + static_cast<std::size_t>(kRow[i]),
                            nx = x + static_cast<std::size_t>(kColumn[i]);
          if (ny < height && nx < width && get_bit(src + ny * words, nx)) n |= 1u << i;
        }
        pixel = !removes(rule, n);
        changed |= !pixel;
      }
      set_bit(dst + y * words, x, pixel);
    }
  return changed;
}

}  // namespace binmorph::kernels
