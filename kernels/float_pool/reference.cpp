#include "kernels/float_pool/float_pool.h"

namespace binmorph::kernels {
namespace {

// fold(sum of the taps so far, tap), from the first tap inside on.
template <class Fold, class Finish>
void pool(const PoolShape& s, const float* src, float* dst, std::size_t row_begin, std::size_t row_end,
          const Fold& fold, const Finish& finish) {
  for (std::size_t y = row_begin; y < row_end; ++y)
    for (std::size_t x = 0; x < s.out_width(); ++x)
      for (std::size_t c = 0; c < s.channels; ++c) {
        bool first = true;
        float value = 0;
        for (std::size_t i = 0; i < s.kernel_h; ++i)
          for (std::size_t j = 0; j < s.kernel_w; ++j) {
            const std::size_t row = y * s.stride_h + i, column = x * s.stride_w + j;
            if (row < s.padding_h || row >= s.padding_h + s.height) continue;
            if (column < s.padding_w || column >= s.padding_w + s.width) continue;
            const float tap = src[((row - s.padding_h) * s.width + column - s.padding_w) * s.channels + c];
            value = first ? tap : fold(value, tap);
            first = false;
          }
        dst[(y * s.out_width() + x) * s.channels + c] = finish(value);
      }
}

}  // namespace

void float_pool__reference(const PoolShape& shape, PoolKind kind, const float* src, float* dst,
                           std::size_t row_begin, std::size_t row_end) {
  if (kind == PoolKind::max) {
    const auto fold = [](float m, float x) { return x > m || x != x ? x : m; };
    pool(shape, src, dst, row_begin, row_end, fold, [](float m) { return m; });
  } else {
    const auto taps = static_cast<float>(shape.kernel_h * shape.kernel_w);
    const auto fold = [](float sum, float x) { return sum + x; };
    pool(shape, src, dst, row_begin, row_end, fold, [&](float sum) { return sum / taps; });
  }
}

}  // namespace binmorph::kernels
