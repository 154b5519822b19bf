#include <algorithm>
#include <cstring>

#include "kernels/common/bit_writer.h"
#include "kernels/flatten/flatten.h"

namespace binmorph::kernels {
namespace {

constexpr std::size_t kTile = 16;  // values of four bytes: a cache line in each direction

}  // namespace

void flatten_u64_u64__generic(const std::uint64_t* src, std::size_t rows, std::size_t width,
                              std::uint64_t* dst) {
  const std::size_t full = width / 64;
  const std::size_t rest = width % 64;
  if (rest == 0) {
    if (rows * full != 0) std::memcpy(dst, src, rows * full * sizeof(std::uint64_t));
    return;
  }
  BitWriter out{dst};
  for (std::size_t r = 0; r < rows; ++r, src += full + 1) out.append_row(src, width);
  out.finish();
}

void flatten_values__generic(const void* src, std::size_t pixels, std::size_t channels, void* dst) {
  const auto* from = static_cast<const char*>(src);
  auto* to = static_cast<char*>(dst);
  for (std::size_t p = 0; p < pixels; p += kTile)
    for (std::size_t c = 0; c < channels; c += kTile)
      for (std::size_t j = c; j < std::min(c + kTile, channels); ++j)
        for (std::size_t i = p; i < std::min(p + kTile, pixels); ++i)
          std::memcpy(to + 4 * (j * pixels + i), from + 4 * (i * channels + j), 4);
}

}  // namespace binmorph::kernels
