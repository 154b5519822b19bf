// Counts the taps of 64 outputs for a vector of pixels in vertical counters (carry_save.h), turns the
// counters over so that a word has one bit of the 64 outputs of one pixel, and puts the bits of each number
// together.
#pragma once

#include "kernels/common/carry_save.h"
#include "kernels/sparse_conv2d/sparse_conv2d.h"
#include "kernels/transpose/transpose.h"

namespace binmorph::kernels {
namespace {

// One vector of pixels from word `at` of the planes on. Values: 64 numbers of 16 bits, of the instruction
// set.
template <class V, std::size_t N, class Values>
inline void count_pixels(const SparseProgram& p, const std::uint64_t* planes, std::size_t at,
                         std::size_t block, PlanesToImages* to_images, std::int32_t* y,
                         std::uint64_t* scratch) {
  using L = Lanes<V, N>;
  const ConvShape& s = p.shape;
  const std::size_t outputs = s.out_channels, first = block * kSparseBlock;
  const std::size_t count = outputs - first < kSparseBlock ? outputs - first : kSparseBlock;
  const std::size_t width = s.out_width(), pitch = p.planes.row_bits;
  const std::size_t all = s.out_height() * pitch, left = all - 64 * at;
  const std::size_t pixels = left < 64 * L::words ? left : 64 * L::words;
  const auto* bytes = reinterpret_cast<const char*>(planes + at);
  std::uint64_t* turned = scratch + p.bits * kSparseBlock * L::words;
  for (std::size_t sign = 0; sign < (p.minus ? 2 : 1); ++sign) {
    const std::uint32_t *starts = p.first + sign * outputs + first, *sizes = p.size + sign * outputs + first;
    std::size_t most = 0;
    for (std::size_t o = 0; o < count; ++o) most = most < sizes[o] ? sizes[o] : most;
    const std::size_t bits = bit_length(most);
    for (std::size_t o = 0; o < count; ++o) {
      const std::uint32_t* entries = p.entries + starts[o];
      const auto row = [&](std::size_t i) {
        return L::load(reinterpret_cast<const std::uint64_t*>(bytes + entries[i]));
      };
      count_rows<V, N>(row, padded_rows(sizes[o]), most, scratch + o * L::words, kSparseBlock * L::words);
    }
    for (std::size_t b = 0; b < bits; ++b)
      to_images(scratch + b * kSparseBlock * L::words, L::words, count, turned + b * 64 * L::words, pixels,
                1);
    std::size_t row = 64 * at / pitch, column = 64 * at % pitch;
    for (std::size_t i = 0; i < pixels; ++i) {
      if (column < width) {
        const Values values(turned + i, 64 * L::words, bits);
        std::int32_t* to = y + (row * width + column) * outputs + first;
        if (sign == 0)
          values.put(to, count);
        else
          values.subtract(to, count);
      }
      if (++column == pitch) column = 0, ++row;
    }
  }
}

// Vectors of eight words, and of four where no more are left.
template <class Wide, std::size_t kWide, class Narrow, std::size_t kNarrow, class Values>
inline void count_image(const SparseProgram& p, const std::uint64_t* planes, PlanesToImages* to_images,
                        std::int32_t* y, std::size_t begin, std::size_t end, std::uint64_t* scratch) {
  constexpr std::size_t wide = Lanes<Wide, kWide>::words, narrow = Lanes<Narrow, kNarrow>::words;
  const std::size_t words = words_for(p.shape.out_height() * p.planes.row_bits);
  for (std::size_t at = 0; at < words; at += wide)
    for (std::size_t block = begin; block < end; ++block) {
      if (words - at > narrow)
        count_pixels<Wide, kWide, Values>(p, planes, at, block, to_images, y, scratch);
      else
        count_pixels<Narrow, kNarrow, Values>(p, planes, at, block, to_images, y, scratch);
    }
}

}  // namespace
}  // namespace binmorph::kernels
