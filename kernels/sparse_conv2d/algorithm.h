// Counts the taps of 64 outputs for a vector of pixels in vertical counters (carry_save.h), turns the
// counters over so that a word has one bit of the 64 outputs of one pixel, and puts the bits of each number
// together.
#pragma once

#include "kernels/sparse_conv2d/pixels.h"
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
  const PixelBlock<L::words> here(p, planes, at, block);
  const std::size_t outputs = p.shape.out_channels;
  std::uint64_t* turned = scratch + p.bits * kSparseBlock * L::words;
  for (std::size_t sign = 0; sign < (p.minus ? 2 : 1); ++sign) {
    const std::size_t list = sign * outputs + here.first;
    std::size_t most = 0;
    for (std::size_t o = 0; o < here.outputs; ++o) most = most < p.size[list + o] ? p.size[list + o] : most;
    const std::size_t bits = bit_length(most);
    for (std::size_t o = 0; o < here.outputs; ++o)
      count_list<V, N>(p, list + o, here.bytes, most, scratch + o * L::words, kSparseBlock * L::words);
    for (std::size_t b = 0; b < bits; ++b)
      to_images(scratch + b * kSparseBlock * L::words, L::words, here.outputs, turned + b * 64 * L::words,
                here.pixels, 1);
    here.for_each([&](std::size_t i, std::size_t pixel) {
      const Values values(turned + i, 64 * L::words, bits);
      std::int32_t* to = y + pixel * outputs + here.first;
      if (sign == 0)
        values.put(to, here.outputs);
      else
        values.subtract(to, here.outputs);
    });
  }
}

// Vectors of eight words, and of four where no more are left.
template <class Wide, std::size_t kWide, class Narrow, std::size_t kNarrow, class Values>
inline void count_image(const SparseProgram& p, const std::uint64_t* planes, PlanesToImages* to_images,
                        std::int32_t* y, std::size_t begin, std::size_t end, std::uint64_t* scratch) {
  for_each_vector<Lanes<Wide, kWide>::words, Lanes<Narrow, kNarrow>::words>(
      p, begin, end,
      [&](std::size_t at, std::size_t block) {
        count_pixels<Wide, kWide, Values>(p, planes, at, block, to_images, y, scratch);
      },
      [&](std::size_t at, std::size_t block) {
        count_pixels<Narrow, kNarrow, Values>(p, planes, at, block, to_images, y, scratch);
      });
}

}  // namespace
}  // namespace binmorph::kernels
