// Row-packed windows: whole words at a time. A shifted row is two neighbouring words funnelled together; the
// pixels past the border are OR-ed in as ready-made masks. Plain loops: the compiler vectorises them for the
// file's ISA.
#pragma once

#include <algorithm>
#include <cstddef>
#include <cstdint>

#include "kernels/common/bits.h"
#include "kernels/window/window.h"

namespace binmorph::kernels {
namespace {

// Bits [from, to) of word number w.
inline std::uint64_t range_mask(std::ptrdiff_t from, std::ptrdiff_t to, std::size_t w) {
  const std::ptrdiff_t low = static_cast<std::ptrdiff_t>(64 * w);
  from = std::clamp<std::ptrdiff_t>(from - low, 0, 64);
  to = std::clamp<std::ptrdiff_t>(to - low, 0, 64);
  if (from >= to) return 0;
  return tail_mask(static_cast<std::size_t>(to - from)) << from;
}

// One shifted copy: bit x of a row = input pixel x + shift.
struct Shift {
  std::ptrdiff_t shift;
  std::size_t width, out_width;
  Border border;
  std::ptrdiff_t inside_begin() const { return std::clamp<std::ptrdiff_t>(-shift, 0, out()); }
  std::ptrdiff_t inside_end() const {
    return std::clamp<std::ptrdiff_t>(static_cast<std::ptrdiff_t>(width) - shift, inside_begin(), out());
  }
  std::ptrdiff_t out() const { return static_cast<std::ptrdiff_t>(out_width); }
};

// Rows of a single word each (width and out_width up to 64): one loop over the rows of the plane.
inline void shift_narrow(const Shift& s, const std::uint64_t* src, std::size_t rows, std::uint64_t* dst) {
  const std::uint64_t inside = range_mask(s.inside_begin(), s.inside_end(), 0);
  const std::uint64_t left = range_mask(0, s.inside_begin(), 0);
  const std::uint64_t right = range_mask(s.inside_end(), s.out(), 0);
  const bool ones = s.border == Border::ones;
  const std::uint64_t constant = ones ? left | right : 0;
  const std::uint64_t left_copy = s.border == Border::replicate ? left : 0;
  const std::uint64_t right_copy = s.border == Border::replicate ? right : 0;
  const unsigned last = static_cast<unsigned>(s.width - 1);
  const unsigned down = static_cast<unsigned>(std::clamp<std::ptrdiff_t>(s.shift, 0, 63));
  const unsigned up = static_cast<unsigned>(std::clamp<std::ptrdiff_t>(-s.shift, 0, 63));
  for (std::size_t r = 0; r < rows; ++r) {
    const std::uint64_t row = src[r];
    const std::uint64_t first_pixel = 0 - (row & 1), last_pixel = 0 - ((row >> last) & 1);
    dst[r] =
        (((row >> down) << up) & inside) | (first_pixel & left_copy) | (last_pixel & right_copy) | constant;
  }
}

inline void shift_wide(const Shift& s, const std::uint64_t* src, std::uint64_t* dst) {
  const std::ptrdiff_t src_words = static_cast<std::ptrdiff_t>(words_for(s.width));
  const std::size_t dst_words = words_for(s.out_width);
  const std::ptrdiff_t whole = s.shift >= 0 ? s.shift / 64 : -((-s.shift + 63) / 64);  // floor(shift / 64)
  const unsigned part = static_cast<unsigned>(s.shift - 64 * whole);
  const auto word = [&](std::ptrdiff_t w) { return w >= 0 && w < src_words ? src[w] : 0; };
  const std::ptrdiff_t safe_begin = std::max<std::ptrdiff_t>(0, -whole);
  const std::ptrdiff_t safe_end =
      std::max(safe_begin, std::min(static_cast<std::ptrdiff_t>(dst_words), src_words - whole - 1));
  const auto funnel = [&](std::ptrdiff_t w) {
    return part == 0 ? word(w + whole) : (word(w + whole) >> part) | (word(w + whole + 1) << (64 - part));
  };
  for (std::ptrdiff_t w = 0; w < std::min(safe_begin, static_cast<std::ptrdiff_t>(dst_words)); ++w)
    dst[w] = funnel(w);
  if (part == 0) {
    std::copy(src + safe_begin + whole, src + safe_end + whole, dst + safe_begin);
  } else {
    const std::uint64_t* low = src + whole;
    for (std::ptrdiff_t w = safe_begin; w < safe_end; ++w)
      dst[w] = (low[w] >> part) | (low[w + 1] << (64 - part));
  }
  for (std::ptrdiff_t w = safe_end; w < static_cast<std::ptrdiff_t>(dst_words); ++w) dst[w] = funnel(w);

  const auto fill = [&](std::ptrdiff_t from, std::ptrdiff_t to, bool bit) {
    if (from >= to) return;
    for (std::size_t w = static_cast<std::size_t>(from) / 64; w <= static_cast<std::size_t>(to - 1) / 64;
         ++w) {
      const std::uint64_t mask = range_mask(from, to, w);
      dst[w] = bit ? dst[w] | mask : dst[w] & ~mask;
    }
  };
  const bool replicate = s.border == Border::replicate, ones = s.border == Border::ones;
  fill(0, s.inside_begin(), replicate ? get_bit(src, 0) : ones);
  fill(s.inside_end(), s.out(), replicate ? get_bit(src, s.width - 1) : ones);
  dst[dst_words - 1] &= tail_mask(s.out_width);
}

inline void window_rows(const WindowShape& shape, const std::uint64_t* src, std::uint64_t* dst) {
  const std::size_t src_words = words_for(shape.width), dst_words = words_for(shape.out_width());
  const std::ptrdiff_t height = static_cast<std::ptrdiff_t>(shape.height);
  const std::ptrdiff_t extended = static_cast<std::ptrdiff_t>(shape.extended_height());
  const std::ptrdiff_t top = static_cast<std::ptrdiff_t>(shape.top());
  // Rows of dst that hold rows of the image: [begin, end).
  const std::ptrdiff_t begin = std::min(top, extended), end = std::min(top + height, extended);
  for (std::size_t c = 0; c < shape.channels; ++c, src += shape.height * src_words)
    for (std::size_t j = 0; j < shape.kernel_w; ++j, dst += static_cast<std::size_t>(extended) * dst_words) {
      const Shift shift{static_cast<std::ptrdiff_t>(j) - static_cast<std::ptrdiff_t>(shape.left()),
                        shape.width, shape.out_width(), shape.border};
      if (src_words == 1 && dst_words == 1) {
        shift_narrow(shift, src, static_cast<std::size_t>(end - begin), dst + begin);
      } else {
        for (std::ptrdiff_t r = begin; r < end; ++r)
          shift_wide(shift, src + static_cast<std::size_t>(r - begin) * src_words,
                     dst + static_cast<std::size_t>(r) * dst_words);
      }
      const auto fill_row = [&](std::ptrdiff_t r, std::ptrdiff_t nearest) {
        std::uint64_t* row = dst + static_cast<std::size_t>(r) * dst_words;
        if (shape.border == Border::replicate) {
          std::copy_n(dst + static_cast<std::size_t>(nearest) * dst_words, dst_words, row);
        } else {
          std::fill_n(row, dst_words, shape.border == Border::ones ? ~std::uint64_t{0} : 0);
          row[dst_words - 1] &= tail_mask(shape.out_width());
        }
      };
      for (std::ptrdiff_t r = 0; r < begin; ++r) fill_row(r, begin);
      for (std::ptrdiff_t r = end; r < extended; ++r) fill_row(r, end - 1);
    }
}

}  // namespace
}  // namespace binmorph::kernels
