#include <cstring>

#include "kernels/common/bits.h"
#include "kernels/concat/concat.h"

namespace binmorph::kernels {
namespace {

// copy(pixel, part, its channel, channel of the result) for every channel of the result.
template <class Copy>
std::size_t for_each_channel(const std::size_t* channels, std::size_t count, std::size_t pixels,
                             const Copy& copy) {
  std::size_t total = 0;
  for (std::size_t i = 0; i < count; total += channels[i++])
    for (std::size_t p = 0; p < pixels; ++p)
      for (std::size_t c = 0; c < channels[i]; ++c) copy(p, i, c, total + c);
  return total;
}

}  // namespace

void concat_values__reference(const void* const* parts, const std::size_t* channels, std::size_t count,
                              std::size_t pixels, void* dst) {
  const std::size_t total = for_each_channel(channels, count, 0, [](auto...) {});
  for_each_channel(channels, count, pixels, [&](std::size_t p, std::size_t i, std::size_t c, std::size_t to) {
    std::memcpy(static_cast<char*>(dst) + 4 * (p * total + to),
                static_cast<const char*>(parts[i]) + 4 * (p * channels[i] + c), 4);
  });
}

void concat_bits__reference(const std::uint64_t* const* parts, const std::size_t* channels, std::size_t count,
                            std::size_t pixels, std::uint64_t* dst) {
  const std::size_t words = words_for(for_each_channel(channels, count, 0, [](auto...) {}));
  for (std::size_t w = 0; w < pixels * words; ++w) dst[w] = 0;
  for_each_channel(channels, count, pixels, [&](std::size_t p, std::size_t i, std::size_t c, std::size_t to) {
    set_bit(dst + p * words, to, get_bit(parts[i] + p * words_for(channels[i]), c));
  });
}

}  // namespace binmorph::kernels
