#include <cstring>

#include "kernels/common/bit_writer.h"
#include "kernels/common/bits.h"
#include "kernels/concat/concat.h"

namespace binmorph::kernels {

void concat_values__generic(const void* const* parts, const std::size_t* channels, std::size_t count,
                            std::size_t pixels, void* dst) {
  auto* to = static_cast<char*>(dst);
  for (std::size_t p = 0; p < pixels; ++p)
    for (std::size_t i = 0; i < count; ++i) {
      const std::size_t bytes = 4 * channels[i];
      std::memcpy(to, static_cast<const char*>(parts[i]) + p * bytes, bytes);
      to += bytes;
    }
}

void concat_bits__generic(const std::uint64_t* const* parts, const std::size_t* channels, std::size_t count,
                          std::size_t pixels, std::uint64_t* dst) {
  BitWriter out{dst};
  for (std::size_t p = 0; p < pixels; ++p) {
    for (std::size_t i = 0; i < count; ++i)
      out.append_row(parts[i] + p * words_for(channels[i]), channels[i]);
    out.finish();
  }
}

}  // namespace binmorph::kernels
