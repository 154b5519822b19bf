#include <cstring>

#include "kernels/common/bits.h"
#include "kernels/flatten/flatten.h"

namespace binmorph::kernels {
namespace {

// Bits below `used` of `pending` wait for the word to fill up.
struct BitWriter {
  std::uint64_t* dst;
  std::uint64_t pending = 0;
  std::size_t used = 0;

  // Appends `bits` (1 .. 64) bits of `word`, which has none above them.
  void append(std::uint64_t word, std::size_t bits) {
    pending |= word << used;
    if (used + bits < 64) {
      used += bits;
      return;
    }
    *dst++ = pending;
    pending = used == 0 ? 0 : word >> (64 - used);
    used = used + bits - 64;
  }
};

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
  for (std::size_t r = 0; r < rows; ++r) {
    for (std::size_t w = 0; w < full; ++w) out.append(*src++, 64);
    out.append(*src++, rest);
  }
  if (out.used != 0) *out.dst = out.pending;
}

}  // namespace binmorph::kernels
