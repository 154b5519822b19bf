// Planes of channels to pixels of channels; portable.
#pragma once

#include <cstddef>

namespace binmorph::kernels {

template <std::size_t known, class From, class To>
void interleave_known(const From* planes, std::size_t pitch, std::size_t channels, std::size_t pixels,
                      To* to) {
  const std::size_t count = known != 0 ? known : channels;
  for (std::size_t p = 0; p < pixels; ++p)
    for (std::size_t c = 0; c < count; ++c) to[p * count + c] = static_cast<To>(planes[c * pitch + p]);
}

// to[pixel][channel] = planes[channel][pixel]; a plane starts `pitch` elements behind the one before. A
// number of channels that the compiler knows lets it shuffle vectors.
template <class From, class To>
void interleave(const From* planes, std::size_t pitch, std::size_t channels, std::size_t pixels, To* to) {
  if (channels == 3) return interleave_known<3>(planes, pitch, 3, pixels, to);
  interleave_known<0>(planes, pitch, channels, pixels, to);
}

}  // namespace binmorph::kernels
