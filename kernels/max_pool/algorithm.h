// OR over windows, written once and compiled per ISA.
//
// Rows, stride 1 or 2: the rows of a window are ORed word by word, then shifted copies of the result; stride
// 2 keeps the even bits of two such words. Any other stride reads its window bit run by bit run.
#pragma once

#include <cstddef>
#include <cstdint>

#include "kernels/common/bits.h"
#include "kernels/max_pool/max_pool.h"

namespace binmorph::kernels {
namespace {

// The kernel_h rows under one output row.
struct Band {
  const std::uint64_t* rows;
  std::size_t words;
  std::size_t kernel_h;

  std::uint64_t word(std::size_t w) const {
    if (w >= words) return 0;
    std::uint64_t v = rows[w];
    for (std::size_t i = 1; i < kernel_h; ++i) v |= rows[i * words + w];
    return v;
  }

  // Bit x: any bit in columns 64 w + x .. 64 w + x + kernel_w - 1, for kernel_w <= 64.
  std::uint64_t window_word(std::size_t w, std::size_t kernel_w) const {
    const std::uint64_t low = word(w);
    const std::uint64_t high = kernel_w == 1 ? 0 : word(w + 1);
    std::uint64_t v = low;
    for (std::size_t j = 1; j < kernel_w; ++j) v |= low >> j | high << (64 - j);
    return v;
  }

  bool any(std::size_t first, std::size_t last) const {
    std::uint64_t v = 0;
    for (std::size_t w = first / 64; w <= last / 64; ++w) {
      std::uint64_t mask = ~std::uint64_t{0};
      if (w == first / 64) mask <<= first % 64;
      if (w == last / 64) mask &= tail_mask(last + 1);
      v |= word(w) & mask;
    }
    return v != 0;
  }
};

template <class EvenBits>
inline std::uint64_t pooled_word(const Band& band, const PoolShape& shape, std::size_t w,
                                 std::size_t out_width, EvenBits even_bits) {
  if (shape.kernel_w <= 64 && shape.stride_w == 1) return band.window_word(w, shape.kernel_w);
  if (shape.kernel_w <= 64 && shape.stride_w == 2)
    return even_bits(band.window_word(2 * w, shape.kernel_w)) |
           even_bits(band.window_word(2 * w + 1, shape.kernel_w)) << 32;
  std::uint64_t result = 0;
  for (std::size_t x = 64 * w; x < 64 * w + 64 && x < out_width; ++x) {
    const std::size_t first = x * shape.stride_w;
    result |= std::uint64_t{band.any(first, first + shape.kernel_w - 1)} << (x % 64);
  }
  return result;
}

// 2 x 2, stride 2: a pair of columns never straddles two words.
template <class EvenBits>
inline void pool_two_rows(const std::uint64_t* src, std::size_t words, std::uint64_t* dst,
                          std::size_t out_words, EvenBits even_bits) {
  const auto pairs = [&](std::size_t w) {
    const std::uint64_t v = src[w] | src[words + w];
    return even_bits(v | v >> 1);
  };
  std::size_t w = 0;
  for (; 2 * w + 1 < words; ++w) dst[w] = pairs(2 * w) | pairs(2 * w + 1) << 32;
  if (w < out_words) dst[w] = pairs(2 * w);
}

// `even_bits` moves bits 0, 2 .. 62 of a word to its lower half.
template <class EvenBits>
inline void max_pool_rows(const PoolShape& shape, const std::uint64_t* src, std::uint64_t* dst,
                          EvenBits even_bits) {
  const std::size_t words = words_for(shape.width);
  const std::size_t out_height = shape.out_height(), out_width = shape.out_width();
  const std::size_t out_words = words_for(out_width);
  const bool two_by_two = shape.kernel_h == 2 && shape.kernel_w == 2 && shape.stride_w == 2;
  for (std::size_t c = 0; c < shape.channels; ++c, src += shape.height * words) {
    for (std::size_t y = 0; y < out_height; ++y, dst += out_words) {
      const std::uint64_t* rows = src + y * shape.stride_h * words;
      if (two_by_two) {
        pool_two_rows(rows, words, dst, out_words, even_bits);
      } else {
        const Band band{rows, words, shape.kernel_h};
        for (std::size_t w = 0; w < out_words; ++w)
          dst[w] = pooled_word(band, shape, w, out_width, even_bits);
      }
      dst[out_words - 1] &= tail_mask(out_width);
    }
  }
}

// Windows of kSide x kSide, or of any size (0).
template <class V, std::size_t kSide>
inline void pool_windows(const PoolShape& shape, std::size_t lane_words, const std::uint64_t* src,
                         std::uint64_t* dst) {
  const std::size_t kernel_h = kSide == 0 ? shape.kernel_h : kSide,
                    kernel_w = kSide == 0 ? shape.kernel_w : kSide;
  const std::size_t row_pitch = shape.width * lane_words;
  const std::size_t out_height = shape.out_height(), out_width = shape.out_width();
  for (std::size_t c = 0; c < shape.channels; ++c, src += shape.height * row_pitch) {
    for (std::size_t y = 0; y < out_height; ++y) {
      for (std::size_t x = 0; x < out_width; ++x, dst += lane_words) {
        const std::uint64_t* window = src + y * shape.stride_h * row_pitch + x * shape.stride_w * lane_words;
        for (std::size_t i = 0; i < lane_words; i += V::words) {
          if (i + V::words > lane_words) i = lane_words - V::words;
          typename V::Raw v = V::fill(0);
          for (std::size_t ky = 0; ky < kernel_h; ++ky)
            for (std::size_t kx = 0; kx < kernel_w; ++kx)
              v = V::bit_or(v, V::load(window + ky * row_pitch + kx * lane_words + i));
          V::store(dst + i, v);
        }
      }
    }
  }
}

// V is as wide as the pixel allows; the last vector overlaps the one before.
template <class V, class... Narrower>
inline void max_pool_planes(const PoolShape& shape, std::size_t lane_words, const std::uint64_t* src,
                            std::uint64_t* dst) {
  if constexpr (sizeof...(Narrower) > 0) {
    if (lane_words < V::words) return max_pool_planes<Narrower...>(shape, lane_words, src, dst);
  }
  if (shape.kernel_h == 2 && shape.kernel_w == 2) return pool_windows<V, 2>(shape, lane_words, src, dst);
  pool_windows<V, 0>(shape, lane_words, src, dst);
}

}  // namespace
}  // namespace binmorph::kernels
