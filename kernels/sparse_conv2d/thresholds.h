// Compares the counts of taps as they are, in planes: a threshold is one operation per plane. Then a word has
// one output of 64 pixels; turned over, one pixel of 64 outputs.
#pragma once

#include "kernels/sparse_conv2d/pixels.h"
#include "kernels/transpose/transpose.h"

namespace binmorph::kernels {
namespace {

// The lanes whose number reaches the limit: those where number + NOT limit + 1 carries.
template <class V, std::size_t N>
inline Lanes<V, N> reaches(const std::uint64_t* planes, std::size_t bits, std::int64_t limit) {
  using L = Lanes<V, N>;
  if (limit <= 0 || limit >> bits != 0) return L::fill(limit <= 0);
  L carry = L::fill(true);
  for (std::size_t b = 0; b < bits; ++b) {
    const L plane = L::load(planes + b * L::words);
    for (std::size_t k = 0; k < N; ++k)
      carry.v[k] = limit >> b & 1 ? V::bit_and(plane.v[k], carry.v[k]) : V::bit_or(plane.v[k], carry.v[k]);
  }
  return carry;
}

// planes = planes + 2^bits - 1 - subtrahend, in a plane more. Both have `bits`.
template <class V, std::size_t N>
inline void subtract(std::uint64_t* planes, const std::uint64_t* subtrahend, std::size_t bits) {
  using L = Lanes<V, N>;
  L carry = L::fill(false);
  for (std::size_t b = 0; b < bits; ++b) {
    L sum = L::load(planes + b * L::words), other = L::load(subtrahend + b * L::words);
    for (std::size_t k = 0; k < N; ++k) other.v[k] = V::bit_xor(other.v[k], V::fill(~std::uint64_t{0}));
    carry = full_add(other, carry, sum);
    sum.store(planes + b * L::words);
  }
  carry.store(planes + bits * L::words);
}

// One vector of pixels from word `at` of the planes on, of a block of outputs.
template <class V, std::size_t N>
inline void threshold_pixels(const SparseProgram& p, const SparseThresholds& t, const std::uint64_t* planes,
                             std::size_t at, std::size_t block, PlanesToImages* to_images, std::uint64_t* y,
                             std::uint64_t* scratch) {
  using L = Lanes<V, N>;
  const PixelBlock<L::words> here(p, planes, at, block);
  const std::size_t outputs = p.shape.out_channels;
  std::uint64_t* turned = scratch + kSparseBlock * L::words;
  std::uint64_t* counts = turned + kSparseBlock * L::words;
  std::uint64_t* minus = counts + 17 * L::words;
  auto* present = reinterpret_cast<std::uint32_t*>(minus + 16 * L::words);  // classes that have a pixel here
  std::size_t classes = 0;
  for (std::size_t c = 0; c < t.classes; ++c) {
    std::uint64_t any = t.classes == 1;
    for (std::size_t w = 0; any == 0 && w < L::words; ++w) any = t.masks[c * t.mask_words + at + w];
    if (any != 0) present[classes++] = static_cast<std::uint32_t>(c);
  }
  for (std::size_t o = 0; o < here.outputs; ++o) {
    const std::size_t output = here.first + o, subtracted = p.minus ? p.size[outputs + output] : 0;
    std::size_t bits = bit_length(p.size[output] < subtracted ? subtracted : p.size[output]);
    std::int64_t base = 0;
    const std::size_t limit = (std::size_t{1} << bits) - 1;
    count_list<V, N>(p, output, here.bytes, limit, counts);
    if (subtracted != 0) {
      count_list<V, N>(p, outputs + output, here.bytes, limit, minus);
      subtract<V, N>(counts, minus, bits);
      base = (std::int64_t{1} << bits++) - 1;
    }
    L fires = L::fill(false);
    for (std::size_t i = 0; i < classes; ++i) {
      const std::size_t c = present[i];
      const L reached = reaches<V, N>(counts, bits, base + t.threshold[c * outputs + output]);
      if (classes == 1) {
        fires = reached;
        break;
      }
      const L mask = L::load(t.masks + c * t.mask_words + at);
      for (std::size_t k = 0; k < N; ++k)
        fires.v[k] = V::bit_or(fires.v[k], V::bit_and(reached.v[k], mask.v[k]));
    }
    fires.store(scratch + o * L::words);
  }
  to_images(scratch, L::words, here.outputs, turned, here.pixels, 1);
  const std::size_t words = words_for(outputs);
  here.for_each(
      [&](std::size_t i, std::size_t pixel) { y[pixel * words + block] = turned[i] ^ t.invert[block]; });
}

template <class Wide, std::size_t kWide, class Narrow, std::size_t kNarrow>
inline void threshold_image(const SparseProgram& p, const SparseThresholds& t, const std::uint64_t* planes,
                            PlanesToImages* to_images, std::uint64_t* y, std::size_t begin, std::size_t end,
                            std::uint64_t* scratch) {
  for_each_vector<Lanes<Wide, kWide>::words, Lanes<Narrow, kNarrow>::words>(
      p, begin, end,
      [&](std::size_t at, std::size_t block) {
        threshold_pixels<Wide, kWide>(p, t, planes, at, block, to_images, y, scratch);
      },
      [&](std::size_t at, std::size_t block) {
        threshold_pixels<Narrow, kNarrow>(p, t, planes, at, block, to_images, y, scratch);
      });
}

}  // namespace
}  // namespace binmorph::kernels
