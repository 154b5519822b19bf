#include "window_totals.h"

#include "kernels/threshold_conv2d/extend.h"

namespace binmorph {
namespace {

std::int32_t popcount(std::uint64_t v) {
  v -= (v >> 1) & 0x5555555555555555u;
  v = (v & 0x3333333333333333u) + ((v >> 2) & 0x3333333333333333u);
  v = (v + (v >> 4)) & 0x0f0f0f0f0f0f0f0fu;
  return static_cast<std::int32_t>((v * 0x0101010101010101u) >> 56);
}

}  // namespace

WindowTotals::WindowTotals(const kernels::ConvShape& s, std::int32_t factor,
                           const std::vector<std::int32_t>& constant, const PixelClasses& classes)
    : shape_(s), factor_(factor), constant_(constant), classes_(classes) {
  const std::size_t pixels = s.extended_height() * s.extended_width() * s.groups;
  scratch_words = (pixels + 1) / 2;
  const auto taps = static_cast<double>(s.kernel_h * s.kernel_w * s.groups);
  cycles = static_cast<double>(pixels * words_for(s.group_channels())) * 5 +
           static_cast<double>(s.out_height() * s.out_width()) * taps * 2;
}

void WindowTotals::run(const std::uint64_t* x, std::int32_t* totals, std::uint64_t* scratch) const {
  const kernels::ConvShape& s = shape_;
  const std::size_t words = words_for(s.channels), channels = s.group_channels(), groups = s.groups;
  const std::size_t width = s.extended_width();
  auto* pixels = reinterpret_cast<std::int32_t*>(scratch);  // with the padding
  std::fill_n(pixels, s.extended_height() * width * groups,
              s.pad_bit ? static_cast<std::int32_t>(channels) : 0);
  for (std::size_t y = 0; y < s.height; ++y) {
    std::int32_t* to = pixels + ((y + s.top) * width + s.left) * groups;
    for (std::size_t column = 0; column < s.width; ++column, x += words)
      for (std::size_t g = 0; g < groups; ++g, ++to) {
        *to = 0;
        for (std::size_t c = 0; c < channels; c += 64)
          *to += popcount(kernels::read_bits(x, g * channels + c, std::min<std::size_t>(64, channels - c)));
      }
  }
  for (std::size_t y = 0; y < s.out_height(); ++y)
    for (std::size_t column = 0; column < s.out_width(); ++column, totals += groups) {
      const std::int32_t constant = constant_[classes_.of(y, column)];
      const std::int32_t* first = pixels + (y * s.stride_h * width + column * s.stride_w) * groups;
      for (std::size_t g = 0; g < groups; ++g) {
        std::int32_t total = 0;
        for (std::size_t i = 0; i < s.kernel_h; ++i)
          for (std::size_t j = 0; j < s.kernel_w; ++j)
            total += first[(i * s.dilation_h * width + j * s.dilation_w) * groups + g];
        totals[g] = factor_ * total + constant;
      }
    }
}

}  // namespace binmorph
