// Pools over a float vector type V: channels side by side, four vectors at a time while there are as many.
#pragma once

#include <cstddef>
#include <type_traits>

#include "kernels/common/unroll.h"
#include "kernels/float_pool/float_pool.h"

namespace binmorph::kernels {
namespace {

// The taps of one output pixel that lie inside the image.
struct PoolWindow {
  const float* first;
  std::size_t rows, columns;
  std::size_t row_pitch, pitch;
};

inline void clip(std::size_t at, std::size_t kernel, std::size_t padding, std::size_t size,
                 std::size_t& begin, std::size_t& count) {
  begin = at > padding ? at - padding : 0;
  const std::size_t end = at + kernel - padding;  // at + kernel > padding, as padding < kernel
  count = (end < size ? end : size) - begin;
}

struct FoldMax {
  template <class V>
  static typename V::Raw fold(typename V::Raw m, typename V::Raw x) {
    return V::max_or_nan(m, x);
  }
  template <class V>
  static typename V::Raw finish(typename V::Raw m, typename V::Raw) {
    return m;
  }
};

struct FoldAverage {
  template <class V>
  static typename V::Raw fold(typename V::Raw sum, typename V::Raw x) {
    return V::add(sum, x);
  }
  template <class V>
  static typename V::Raw finish(typename V::Raw sum, typename V::Raw taps) {
    return V::div(sum, taps);
  }
};

// take(tap of the first vector) for all but the first.
template <class Take>
[[gnu::always_inline]] inline void each_further_tap(const PoolWindow& window, const Take& take) {
  std::size_t column = 1;
  for (std::size_t row = 0; row < window.rows; ++row, column = 0)
    for (; column < window.columns; ++column)
      take(window.first + row * window.row_pitch + column * window.pitch);
}

// The maxima if no tap is NaN. One instruction keeps the larger of two; a sum, which the other adder makes at
// the same time, tells whether there was a NaN (or infinities of both signs).
template <class V, int vectors, class... Mask>
inline bool pool_ordered(const PoolWindow& window, float* dst, Mask... mask) {
  typename V::Raw value[vectors], sum[vectors];
  repeat<vectors>(BINMORPH_UNROLL(v) { value[v] = sum[v] = V::load(window.first + v * V::lanes, mask...); });
  each_further_tap(window, [&](const float* from) __attribute__((always_inline)) {
    repeat<vectors>(BINMORPH_UNROLL(v) {
      const typename V::Raw x = V::load(from + v * V::lanes, mask...);
      value[v] = V::larger(x, value[v]);
      sum[v] = V::add(sum[v], x);
    });
  });
  repeat<vectors>(BINMORPH_UNROLL(v) {
    V::store(dst + v * V::lanes, value[v], mask...);
    if (v > 0) sum[0] = V::add(sum[0], sum[v]);
  });
  return !V::any_nan(sum[0]);
}

template <class V, class Fold, int vectors, class... Mask>
inline void pool_pixel(const PoolWindow& window, typename V::Raw taps, float* dst, Mask... mask) {
  if constexpr (std::is_same_v<Fold, FoldMax> && V::lanes > 1) {
    if (pool_ordered<V, vectors>(window, dst, mask...)) return;
  }
  typename V::Raw value[vectors];
  repeat<vectors>(BINMORPH_UNROLL(v) { value[v] = V::load(window.first + v * V::lanes, mask...); });
  each_further_tap(window, [&](const float* from) __attribute__((always_inline)) {
    repeat<vectors>(BINMORPH_UNROLL(v) {
      value[v] = Fold::template fold<V>(value[v], V::load(from + v * V::lanes, mask...));
    });
  });
  repeat<vectors>(BINMORPH_UNROLL(v) {
    V::store(dst + v * V::lanes, Fold::template finish<V>(value[v], taps), mask...);
  });
}

template <class V, class Fold>
inline void pool_rows(const PoolShape& s, const float* src, float* dst, std::size_t row_begin,
                      std::size_t row_end) {
  const std::size_t width = s.out_width(), pitch = s.channels, row_pitch = s.width * s.channels;
  const typename V::Raw taps = V::fill(static_cast<float>(s.kernel_h * s.kernel_w));
  dst += row_begin * width * pitch;
  for (std::size_t y = row_begin; y < row_end; ++y)
    for (std::size_t x = 0; x < width; ++x) {
      std::size_t row, column;
      PoolWindow window{src, 0, 0, row_pitch, pitch};
      clip(y * s.stride_h, s.kernel_h, s.padding_h, s.height, row, window.rows);
      clip(x * s.stride_w, s.kernel_w, s.padding_w, s.width, column, window.columns);
      window.first += row * row_pitch + column * pitch;
      std::size_t left = s.channels;
      const auto advance = [&](std::size_t channels) {
        window.first += channels;
        dst += channels;
        left -= channels;
      };
      for (; left >= 4 * V::lanes; advance(4 * V::lanes)) pool_pixel<V, Fold, 4>(window, taps, dst);
      for (; left >= V::lanes; advance(V::lanes)) pool_pixel<V, Fold, 1>(window, taps, dst);
      if constexpr (V::lanes > 1) {
        if (left > 0) pool_pixel<V, Fold, 1>(window, taps, dst, V::first_lanes(left));
      }
      dst += left;
    }
}

template <class V>
inline void pool_f32(const PoolShape& s, PoolKind kind, const float* src, float* dst, std::size_t row_begin,
                     std::size_t row_end) {
  if (kind == PoolKind::max)
    pool_rows<V, FoldMax>(s, src, dst, row_begin, row_end);
  else
    pool_rows<V, FoldAverage>(s, src, dst, row_begin, row_end);
}

}  // namespace
}  // namespace binmorph::kernels
