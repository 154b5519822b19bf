// Compares the counts of taps as they are, in planes: a threshold is one operation per plane. Then a word has
// one output of 64 pixels; turned over, one pixel of 64 outputs.
#pragma once

#include "kernels/common/carry_save.h"
#include "kernels/sparse_conv2d/sparse_conv2d.h"
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

// The taps of one list, in `bits` planes.
template <class V, std::size_t N>
inline void count_list(const SparseProgram& p, std::size_t list, const char* bytes, std::size_t bits,
                       std::uint64_t* planes) {
  using L = Lanes<V, N>;
  const std::uint32_t* entries = p.entries + p.first[list];
  const auto row = [&](std::size_t i) {
    return L::load(reinterpret_cast<const std::uint64_t*>(bytes + entries[i]));
  };
  count_rows<V, N>(row, padded_rows(p.size[list]), (std::size_t{1} << bits) - 1, planes);
}

// One vector of pixels from word `at` of the planes on, of a block of outputs.
template <class V, std::size_t N>
inline void threshold_pixels(const SparseProgram& p, const SparseThresholds& t, const std::uint64_t* planes,
                             std::size_t at, std::size_t block, PlanesToImages* to_images, std::uint64_t* y,
                             std::uint64_t* scratch) {
  using L = Lanes<V, N>;
  const ConvShape& s = p.shape;
  const std::size_t outputs = s.out_channels, first = block * kSparseBlock;
  const std::size_t count = outputs - first < kSparseBlock ? outputs - first : kSparseBlock;
  const std::size_t width = s.out_width(), pitch = p.planes.row_bits;
  const std::size_t left = s.out_height() * pitch - 64 * at;
  const std::size_t pixels = left < 64 * L::words ? left : 64 * L::words;
  const auto* bytes = reinterpret_cast<const char*>(planes + at);
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
  for (std::size_t o = 0; o < count; ++o) {
    const std::size_t output = first + o, subtracted = p.minus ? p.size[outputs + output] : 0;
    std::size_t bits = bit_length(p.size[output] < subtracted ? subtracted : p.size[output]);
    std::int64_t base = 0;
    count_list<V, N>(p, output, bytes, bits, counts);
    if (subtracted != 0) {
      count_list<V, N>(p, outputs + output, bytes, bits, minus);
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
  to_images(scratch, L::words, count, turned, pixels, 1);
  const std::size_t words = words_for(outputs);
  std::size_t row = 64 * at / pitch, column = 64 * at % pitch;
  for (std::size_t i = 0; i < pixels; ++i) {
    if (column < width) y[(row * width + column) * words + block] = turned[i] ^ t.invert[block];
    if (++column == pitch) column = 0, ++row;
  }
}

template <class Wide, std::size_t kWide, class Narrow, std::size_t kNarrow>
inline void threshold_image(const SparseProgram& p, const SparseThresholds& t, const std::uint64_t* planes,
                            PlanesToImages* to_images, std::uint64_t* y, std::size_t begin, std::size_t end,
                            std::uint64_t* scratch) {
  constexpr std::size_t wide = Lanes<Wide, kWide>::words, narrow = Lanes<Narrow, kNarrow>::words;
  const std::size_t words = words_for(p.shape.out_height() * p.planes.row_bits);
  for (std::size_t at = 0; at < words; at += wide)
    for (std::size_t block = begin; block < end; ++block) {
      if (words - at > narrow)
        threshold_pixels<Wide, kWide>(p, t, planes, at, block, to_images, y, scratch);
      else
        threshold_pixels<Narrow, kNarrow>(p, t, planes, at, block, to_images, y, scratch);
    }
}

}  // namespace
}  // namespace binmorph::kernels
