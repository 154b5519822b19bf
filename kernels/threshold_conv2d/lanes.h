// Where a kernel leaves its lanes: in the output itself, or in scratch when the output's channels lie
// otherwise.
#pragma once

#include "kernels/threshold_conv2d/extend.h"

namespace binmorph::kernels {
namespace {

constexpr std::size_t round_up(std::size_t n, std::size_t multiple) {
  return (n + multiple - 1) / multiple * multiple;
}

// Scratch is dealt out in whole cache lines.
template <class T>
constexpr std::size_t scratch_words_for(std::size_t n) {
  return round_up(n * sizeof(T), 64) / sizeof(std::uint64_t);
}

// The extended image, all of it.
template <class Unit>
std::size_t extended_words(const ConvShape& s) {
  return scratch_words_for<Unit>(s.groups * s.extended_height() * s.extended_width() *
                                 extended_units<Unit>(s));
}

// T = uint8_t: one bit per lane. T = int32_t, int16_t: accumulators.
template <class T>
struct Lanes {
  static constexpr std::size_t kPerElement = sizeof(T) == 1 ? 8 : 1;
  T* first;  // of output row `first_row`
  std::size_t pitch;
  std::size_t first_row, out_width;
  T* at(std::size_t y, std::size_t x, std::size_t lane) const {
    return first + ((y - first_row) * out_width + x) * pitch + lane / kPerElement;
  }
};

inline Lanes<std::uint8_t> place_lanes(const ConvProgram& p, const ConvRange& range, std::uint64_t* y,
                                       std::size_t, std::uint64_t* spare) {
  const std::size_t pitch = p.lanes() / 8;
  if (conv_lanes_are_outputs(p)) return {reinterpret_cast<std::uint8_t*>(y), pitch, 0, p.shape.out_width()};
  return {reinterpret_cast<std::uint8_t*>(spare), pitch, range.row_begin, p.shape.out_width()};
}

template <class Sum>
Lanes<Sum> place_lanes(const ConvProgram& p, const ConvRange& range, Sum* y, std::size_t y_pitch,
                       std::uint64_t* spare) {
  if (!conv_lanes_are_outputs(p))
    return {reinterpret_cast<Sum*>(spare), p.lanes(), range.row_begin, p.shape.out_width()};
  const std::size_t skipped = conv_blocks(p) == 1 ? 0 : range.block_begin * kConvBlock;
  return {y - skipped, y_pitch, range.row_begin, p.shape.out_width()};
}

inline void finish_lanes(const ConvProgram& p, const ConvRange& range, const Lanes<std::uint8_t>& lanes,
                         std::uint64_t* y, std::size_t) {
  if (conv_lanes_are_outputs(p)) return;
  const std::size_t pitch = words_for(p.shape.out_channels), width = p.shape.out_width();
  for (std::size_t row = range.row_begin; row < range.row_end; ++row)
    for (std::size_t column = 0; column < width; ++column)
      finish_pixel(p, lanes.at(row, column, 0), y + (row * width + column) * pitch);
}

template <class Sum>
void finish_lanes(const ConvProgram& p, const ConvRange& range, const Lanes<Sum>& lanes, Sum* y,
                  std::size_t y_pitch) {
  if (conv_lanes_are_outputs(p)) return;
  for (std::size_t row = range.row_begin; row < range.row_end; ++row)
    for (std::size_t column = 0; column < p.shape.out_width(); ++column, y += y_pitch)
      finish_pixel(p, lanes.at(row, column, 0), y);
}

// Blocks of the range, as lanes of each group: body(group, first lane, last lane).
template <class Body>
void for_each_group(const ConvProgram& p, const ConvRange& range, const Body& body) {
  const bool whole = conv_blocks(p) == 1;
  const std::size_t begin = whole ? 0 : range.block_begin * kConvBlock;
  const std::size_t end = whole ? p.lanes() : range.block_end * kConvBlock;
  for (std::size_t g = begin / p.group_lanes; g * p.group_lanes < end; ++g) {
    const std::size_t first = g * p.group_lanes;
    body(g, std::max(begin, first) - first, std::min(end, first + p.group_lanes) - first);
  }
}

}  // namespace
}  // namespace binmorph::kernels

// The kernels of a file, by its run<T>: T = uint8_t compares the lanes, T = int32_t and int16_t leave their
// sums.
#define BINMORPH_CONV2D_KERNELS(name)                                                                       \
  void threshold_conv2d_u64_u64__##name(const ConvProgram& program, const std::uint64_t* x,                 \
                                        std::uint64_t* y, const ConvRange& range, std::uint64_t* scratch) { \
    run<std::uint8_t>(program, x, y, 0, range, scratch);                                                    \
  }                                                                                                         \
  void accumulate_conv2d_u64_i32__##name(const ConvProgram& program, const std::uint64_t* x,                \
                                         std::int32_t* y, std::size_t y_pitch, const ConvRange& range,      \
                                         std::uint64_t* scratch) {                                          \
    run<std::int32_t>(program, x, y, y_pitch, range, scratch);                                              \
  }                                                                                                         \
  void accumulate_conv2d_u64_i16__##name(const ConvProgram& program, const std::uint64_t* x,                \
                                         std::int16_t* y, std::size_t y_pitch, const ConvRange& range,      \
                                         std::uint64_t* scratch) {                                          \
    run<std::int16_t>(program, x, y, y_pitch, range, scratch);                                              \
  }
