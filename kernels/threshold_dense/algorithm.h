// Dense layers by adding up rows of weights: those of the inputs that are one, in carry-save adders whose
// lanes are outputs.
//
// Images are taken four at a time. An input belongs to one of 16 classes by which of the four images have it;
// the rows of each class are added up once, and the sums of an image are those of the eight classes that it
// is in. So nearly every row is read, and added, once for four images instead of twice.
#pragma once

#include <cstring>
#include <type_traits>

#include "kernels/common/carry_save.h"
#include "kernels/common/unroll.h"
#include "kernels/threshold_dense/lists.h"

namespace binmorph::kernels {
namespace {

// One column of outputs of one image, from the planes of its count.
template <class V, std::size_t N>
inline void finish(const DenseProgram& p, std::size_t column, const std::uint64_t* planes, std::size_t bits,
                   std::size_t ones, std::uint64_t* y) {
  using L = Lanes<V, N>;
  const std::size_t added = 1 + (p.form == DenseForm::mask ? 0 : p.inputs - ones);
  const std::size_t shift = p.form == DenseForm::sign;
  const std::uint64_t* start = p.start + column * p.bits * p.pitch;
  L first = L::fill(false), second = L::fill(false);  // the carries of the two additions
  for (std::size_t b = 0; b < p.bits; ++b) {
    L sum = L::load(start + b * p.pitch);
    first = full_add(L::fill((added >> b) % 2 != 0), first, sum);
    const std::size_t c = b - shift;  // beyond all bits below the shift
    second = full_add(c < bits ? L::load(planes + c * p.pitch) : L::fill(false), second, sum);
  }
  const L invert = L::load(p.invert + column * p.pitch);
  L fires;
  for (std::size_t k = 0; k < N; ++k)
    fires.v[k] = V::bit_xor(V::bit_or(first.v[k], second.v[k]), invert.v[k]);
  std::uint64_t words[L::words];
  fires.store(words);
  const std::size_t at = column * p.pitch, left = words_for(p.outputs) - at;
  std::memcpy(y + at, words, (left < L::words ? left : L::words) * sizeof *y);
}

// Numbers of `bits` planes, `pitch` words from one to the next. Writes the sum of those numbered kHalf ..
// 2 kHalf - 1 to `total`, and adds each of them but the first to that kHalf below it, all planes at a time:
// sums that are still to be added stay in registers. No sum has more than `most` planes; returns those of the
// total.
template <class V, std::size_t N, int kHalf>
inline std::size_t fold(std::uint64_t* numbers, std::size_t pitch, std::size_t bits, std::size_t most,
                        std::uint64_t* total) {
  using L = Lanes<V, N>;
  L carry[kHalf], folded[kHalf];
  repeat<kHalf>(BINMORPH_UNROLL(c) { carry[c] = folded[c] = L::fill(false); });
  std::size_t total_bits = bits;
  for (int half = kHalf; half > 1; half /= 2) ++total_bits;
  if (total_bits > most) total_bits = most;
  for (std::size_t b = 0; b < total_bits; ++b) {
    L sum[kHalf];
    std::uint64_t* plane = numbers + b * L::words;
    repeat<kHalf>(BINMORPH_UNROLL(c) {
      sum[c] = b < bits ? L::load(plane + (kHalf + c) * pitch) : L::fill(false);
      if (c == 0 || b > bits) return;
      L below = b < bits ? L::load(plane + c * pitch) : L::fill(false);
      folded[c] = full_add(sum[c], folded[c], below);
      below.store(plane + c * pitch);
    });
    if constexpr (kHalf == 8)
      repeat<4>(BINMORPH_UNROLL(c) { carry[4 + c] = full_add(sum[4 + c], carry[4 + c], sum[c]); });
    if constexpr (kHalf >= 4)
      repeat<2>(BINMORPH_UNROLL(c) { carry[2 + c] = full_add(sum[2 + c], carry[2 + c], sum[c]); });
    if constexpr (kHalf >= 2) carry[1] = full_add(sum[1], carry[1], sum[0]);
    sum[0].store(total + b * L::words);
  }
  return total_bits;
}

template <class V, std::size_t N, std::size_t kImages>
inline void run_column(const DenseProgram& p, std::size_t column, const Lists<kImages>& lists,
                       const std::uint32_t* entries, std::size_t images, std::uint64_t* y,
                       std::uint64_t* planes) {
  constexpr std::size_t kClasses = Lists<kImages>::kClasses;
  const std::uint64_t* rows = p.rows + column * p.column_rows() * p.pitch;
  // All numbers have the planes of the largest: loops over them end where the branch predictor expects it.
  const std::size_t pitch = p.bits * p.pitch;
  std::size_t most = 0, ones[kImages] = {};
  for (std::size_t c = 1; c < kClasses; ++c) {
    if (lists.size[c] > most) most = lists.size[c];
    for (std::size_t i = 0; i < kImages; ++i) ones[i] += c >> i & 1 ? lists.size[c] / p.copies() : 0;
  }
  for (std::size_t c = 1; c < kClasses; ++c) {
    const std::uint32_t* list = entries + lists.first[c];
    const auto row = [&](std::size_t i) { return Lanes<V, N>::load(rows + list[i]); };
    count_rows<V, N>(row, padded_rows(lists.size[c]), most, planes + c * pitch);
  }
  const std::size_t y_words = words_for(p.outputs);
  std::size_t bits = bit_length(most);
  const auto finish_image = [&](auto half, std::size_t i) {
    const std::size_t total = fold<V, N, decltype(half)::value>(planes, pitch, bits, p.bits, planes);
    if (i < images) finish<V, N>(p, column, planes, total, ones[i], y + i * y_words);
    if (bits < p.bits) ++bits;
  };
  if constexpr (kImages == 4) {
    finish_image(std::integral_constant<int, 8>{}, 3);
    finish_image(std::integral_constant<int, 4>{}, 2);
    finish_image(std::integral_constant<int, 2>{}, 1);
  }
  finish_image(std::integral_constant<int, 1>{}, 0);
}

template <class V, std::size_t N, std::size_t kImages>
inline void run_block(const DenseProgram& p, const std::uint64_t* x, std::size_t images, std::uint64_t* y,
                      std::size_t begin, std::size_t end, std::uint64_t* scratch) {
  const std::size_t x_words = words_for(p.inputs), y_words = words_for(p.outputs);
  const std::size_t groups = (images + kImages - 1) / kImages;
  const std::size_t capacity = dense_entries(p);
  constexpr std::size_t kPitch = Lanes<V, N>::words;
  Lists<kImages> lists[kDenseImages / kDenseGroup];
  auto* entries = reinterpret_cast<std::uint32_t*>(scratch);
  for (std::size_t g = 0; g < groups; ++g) {
    const std::uint64_t* from[kImages];
    // A group that is not full repeats its last image: that adds no class.
    for (std::size_t i = 0; i < kImages; ++i)
      from[i] = x + (g * kImages + i < images ? g * kImages + i : images - 1) * x_words;
    if (p.copies() == 1)
      make_lists<kImages, kPitch, 1>(p, from, lists[g], entries + g * capacity);
    else
      make_lists<kImages, kPitch, 2>(p, from, lists[g], entries + g * capacity);
  }
  std::uint64_t* planes = scratch + groups * capacity / 2;
  for (std::size_t column = begin; column < end; ++column)
    for (std::size_t g = 0; g < groups; ++g) {
      const std::size_t first = g * kImages, left = images - first;
      run_column<V, N>(p, column, lists[g], entries + g * capacity, left < kImages ? left : kImages,
                       y + first * y_words, planes);
    }
}

template <class V, std::size_t N>
inline void run_images(const DenseProgram& p, const std::uint64_t* x, std::size_t images, std::uint64_t* y,
                       std::size_t begin, std::size_t end, std::uint64_t* scratch) {
  const std::size_t x_words = words_for(p.inputs), y_words = words_for(p.outputs);
  for (std::size_t i = 0; i < images;) {
    std::size_t block = images - i < kDenseImages ? images - i : kDenseImages;
    if (block == 1)
      run_block<V, N, 1>(p, x + i * x_words, block, y + i * y_words, begin, end, scratch);
    else
      run_block<V, N, kDenseGroup>(p, x + i * x_words, block, y + i * y_words, begin, end, scratch);
    i += block;
  }
}

}  // namespace
}  // namespace binmorph::kernels
