// What every kernel but the reference starts from: the image with its padding, each group's channels in whole
// units (words of 16 or 64 bits) of their own. A row of a window is then one run of units (dilation 1) or one
// run per tap.
#pragma once

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <cstring>

#include "kernels/common/bits.h"
#include "kernels/threshold_conv2d/threshold_conv2d.h"

namespace binmorph::kernels {
namespace {

// Up to 64 bits from bit `first` on; reads no word that holds none of them.
inline std::uint64_t read_bits(const std::uint64_t* words, std::size_t first, std::size_t count) {
  const unsigned shift = static_cast<unsigned>(first % 64);
  std::uint64_t bits = words[first / 64] >> shift;
  if (shift + count > 64) bits |= words[first / 64 + 1] << (64 - shift);
  return bits & tail_mask(count);
}

template <class Unit>
struct Extended {
  static constexpr std::size_t kBits = 8 * sizeof(Unit);
  std::size_t units;        // of a pixel (of one group)
  std::size_t row_pitch;    // units
  std::size_t group_pitch;  // units
  const Unit* first;        // row `first_row` of group 0
  std::size_t first_row;    // in extended rows

  const Unit* pixel(const ConvShape& s, std::size_t g, std::size_t y, std::size_t x) const {
    return first + g * group_pitch + (y * s.stride_h - first_row) * row_pitch + x * s.stride_w * units;
  }
};

template <class Unit>
std::size_t extended_units(const ConvShape& s) {
  return (s.group_channels() + 8 * sizeof(Unit) - 1) / (8 * sizeof(Unit));
}

// Fills `dst` with the rows that output rows [begin, end) read. Without padding, groups or spare units, the
// image itself will do.
template <class Unit>
Extended<Unit> extend(const ConvShape& s, const std::uint64_t* x, std::size_t begin, std::size_t end,
                      Unit* dst) {
  constexpr std::size_t bits = 8 * sizeof(Unit);
  const std::size_t units = extended_units<Unit>(s), words = words_for(s.channels);
  const std::size_t first_row = begin * s.stride_h;
  const std::size_t last_row = (end - 1) * s.stride_h + s.window_h();
  const std::size_t row_pitch = s.extended_width() * units;
  Extended<Unit> e{units, row_pitch, (last_row - first_row) * row_pitch, dst, first_row};
  const bool whole_words = s.groups == 1 && units * sizeof(Unit) == words * sizeof(std::uint64_t);
  if (whole_words && s.top + s.bottom + s.left + s.right == 0) {
    e.first = reinterpret_cast<const Unit*>(x) + first_row * row_pitch;
    return e;
  }
  for (std::size_t g = 0; g < s.groups; ++g) {
    const std::size_t channels = s.group_channels(), offset = g * channels;
    const auto pad = [&](Unit* to, std::size_t pixels) {
      for (std::size_t i = 0; i < pixels * units; ++i) {
        const std::size_t from = i % units * bits;
        to[i] = s.pad_bit
                    ? static_cast<Unit>(tail_mask(std::min(bits, channels - from)) & tail_mask(bits % 64))
                    : Unit{0};
      }
    };
    for (std::size_t row = first_row; row < last_row; ++row, dst += row_pitch) {
      if (row < s.top || row >= s.top + s.height) {
        pad(dst, s.extended_width());
        continue;
      }
      const std::uint64_t* from = x + (row - s.top) * s.width * words;
      Unit* to = dst + s.left * units;
      pad(dst, s.left);
      pad(to + s.width * units, s.right);
      if (whole_words) {
        std::memcpy(to, from, s.width * words * sizeof(std::uint64_t));
        continue;
      }
      for (std::size_t column = 0; column < s.width; ++column, from += words)
        for (std::size_t u = 0; u < units; ++u)
          *to++ = static_cast<Unit>(read_bits(from, offset + u * bits, std::min(bits, channels - u * bits)));
    }
  }
  return e;
}

// Units from a pixel of the extended image to the taps of its window, as runs of the same length.
struct Runs {
  std::size_t count, columns;  // columns: runs in a row of the window
  std::size_t units;           // of a run
  std::size_t row_step, column_step;
  std::size_t operator[](std::size_t r) const { return r / columns * row_step + r % columns * column_step; }
};

template <class Unit>
Runs window_runs(const ConvShape& s, const Extended<Unit>& e) {
  const bool joined = s.dilation_w == 1;
  const std::size_t columns = joined ? 1 : s.kernel_w;
  return {s.kernel_h * columns, columns, joined ? s.kernel_w * e.units : e.units, s.dilation_h * e.row_pitch,
          s.dilation_w * e.units};
}

// Moves lanes to output channels. lanes: [groups][group_lanes] bits of one pixel, in bytes.
inline void finish_pixel(const ConvProgram& p, const std::uint8_t* lanes, std::uint64_t* y) {
  const ConvShape& s = p.shape;
  const std::size_t words = words_for(s.out_channels), outputs = s.group_outputs();
  y[words - 1] = 0;
  if (s.groups == 1) {
    std::memcpy(y, lanes, p.group_lanes / 8);
    y[words - 1] &= tail_mask(outputs);
    return;
  }
  std::fill_n(y, words, 0);
  for (std::size_t g = 0; g < s.groups; ++g) {
    const std::uint8_t* from = lanes + g * p.group_lanes / 8;
    for (std::size_t o = 0; o < outputs; o += 8) {
      const std::uint64_t byte = from[o / 8] & tail_mask(std::min<std::size_t>(8, outputs - o));
      const std::size_t at = g * outputs + o;
      y[at / 64] |= byte << (at % 64);
      if (at % 64 > 56 && at / 64 + 1 < words) y[at / 64 + 1] |= byte >> (64 - at % 64);
    }
  }
}

template <class Sum>
void finish_pixel(const ConvProgram& p, const Sum* lanes, Sum* y) {
  const std::size_t outputs = p.shape.group_outputs();
  for (std::size_t g = 0; g < p.shape.groups; ++g)
    std::copy_n(lanes + g * p.group_lanes, outputs, y + g * outputs);
}

}  // namespace
}  // namespace binmorph::kernels
