// Dense layers by adding up rows of weights: those of the inputs that are one, in carry-save adders whose
// lanes are outputs.
//
// Images are taken four at a time. An input belongs to one of 16 classes by which of the four images have it;
// the rows of each class are added up once, and the sums of an image are those of the eight classes that it
// is in. So nearly every row is read, and added, once for four images instead of twice.
#pragma once

#include <cstring>

#include "kernels/common/carry_save.h"
#include "kernels/threshold_dense/threshold_dense.h"

namespace binmorph::kernels {
namespace {

// The inputs of a group of images by class: bit i of a class says that image i has them.
template <std::size_t kImages>
struct Lists {
  static constexpr std::size_t kClasses = std::size_t{1} << kImages;
  std::uint32_t first[kClasses], size[kClasses];  // in entries and in rows; filled up with rows of zeros
};

struct Bytes {
  std::uint8_t of[64];
};
constexpr Bytes make_bytes() {
  Bytes bytes{};
  for (std::uint8_t i = 0; i < 64; ++i) bytes.of[i] = i;
  return bytes;
}
constexpr Bytes kBytes = make_bytes();  // 0, 1, .. 63

// The number of zeros below the lowest one; of an empty mask, anything.
inline std::uint32_t lowest(std::uint64_t mask) {
#ifdef __BMI__
  return static_cast<std::uint32_t>(_tzcnt_u64(mask));
#else
  return static_cast<std::uint32_t>(__builtin_ctzll(mask | std::uint64_t{1} << 63));
#endif
}

// Appends the entries of the inputs of `mask`, the first of which has entry `base`. Writes kAppended at a
// time, some of them past the end: only the last branch depends on the number of inputs.
template <std::size_t kPitch, std::size_t kCopies>
inline std::uint32_t append(std::uint64_t mask, std::uint32_t base, std::uint32_t* to) {
  const auto size = static_cast<std::uint32_t>(__builtin_popcountll(mask) * kCopies);
#ifdef __AVX512VBMI2__
  if constexpr (kCopies == 1) {
    __m512i inputs = _mm512_maskz_compress_epi8(mask, _mm512_loadu_si512(kBytes.of));
    const __m512i first = _mm512_set1_epi32(static_cast<int>(base));
    const __m512i pitch = _mm512_set1_epi32(kPitch);
    for (std::size_t i = 0; i < size; i += 16) {
      const __m512i part =
          _mm512_maskz_cvtepu8_epi32(0xffff, _mm512_maskz_extracti32x4_epi32(0xf, inputs, 0));
      _mm512_storeu_si512(to + i, _mm512_add_epi32(first, _mm512_mullo_epi32(part, pitch)));
      inputs = _mm512_maskz_alignr_epi64(0xff, inputs, inputs, 2);
    }
    return size;
  }
#endif
  while (mask != 0) {
    for (std::size_t i = 0; i < 8 / kCopies; ++i, mask &= mask - 1) {
      const auto entry = static_cast<std::uint32_t>(base + lowest(mask) * (kCopies * kPitch));
      *to++ = entry;
      if (kCopies == 2) *to++ = entry + kPitch;
    }
  }
  return size;
}

template <std::size_t kImages, std::size_t kPitch, std::size_t kCopies>
inline void make_lists(const DenseProgram& p, const std::uint64_t* const* x, Lists<kImages>& lists,
                       std::uint32_t* entries) {
  constexpr std::size_t kClasses = Lists<kImages>::kClasses;
  const std::size_t words = words_for(p.inputs);
  const auto classes_of = [&](std::size_t w, std::uint64_t* masks) {
    masks[0] = ~std::uint64_t{0};
    for (std::size_t i = 0; i < kImages; ++i)
      for (std::size_t c = 0; c < std::size_t{1} << i; ++c) {
        masks[c | std::size_t{1} << i] = masks[c] & x[i][w];
        masks[c] &= ~x[i][w];
      }
  };
  std::uint64_t masks[kClasses];
  std::uint32_t size[kClasses] = {}, end[kClasses];
  for (std::size_t w = 0; w < words; ++w) {
    classes_of(w, masks);
    for (std::size_t c = 1; c < kClasses; ++c)
      size[c] += static_cast<std::uint32_t>(__builtin_popcountll(masks[c]));
  }
  std::uint32_t next = 0;
  for (std::size_t c = 1; c < kClasses; ++c) {
    lists.first[c] = end[c] = next;
    lists.size[c] = size[c] * kCopies;
    next += static_cast<std::uint32_t>(padded_rows(lists.size[c]) + kAppended);
  }
  for (std::size_t w = 0; w < words; ++w) {
    classes_of(w, masks);
    const auto base = static_cast<std::uint32_t>(64 * w * kCopies * kPitch);
    for (std::size_t c = 1; c < kClasses; ++c)
      end[c] += append<kPitch, kCopies>(masks[c], base, entries + end[c]);
  }
  const auto zeros = static_cast<std::uint32_t>(p.inputs * kCopies * kPitch);
  for (std::size_t c = 1; c < kClasses; ++c)
    for (std::size_t i = lists.size[c]; i < padded_rows(lists.size[c]); ++i)
      entries[lists.first[c] + i] = zeros;
}

// One column of outputs of one image.
template <class V, std::size_t N>
inline void finish(const DenseProgram& p, std::size_t column, const Number& count, std::size_t ones,
                   std::uint64_t* y) {
  using L = Lanes<V, N>;
  const std::size_t added = 1 + (p.form == DenseForm::mask ? 0 : p.inputs - ones);
  const std::size_t shift = p.form == DenseForm::sign;
  const std::uint64_t* start = p.start + column * p.bits * p.pitch;
  const std::size_t bits = bit_length(count.limit);
  L first = L::fill(false), second = L::fill(false);  // the carries of the two additions
  for (std::size_t b = 0; b < p.bits; ++b) {
    L sum = L::load(start + b * p.pitch);
    first = full_add(L::fill((added >> b) % 2 != 0), first, sum);
    const std::size_t c = b - shift;  // beyond all bits below the shift
    second = full_add(c < bits ? L::load(count.planes + c * p.pitch) : L::fill(false), second, sum);
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

template <class V, std::size_t N, std::size_t kImages>
inline void run_column(const DenseProgram& p, std::size_t column, const Lists<kImages>& lists,
                       const std::uint32_t* entries, std::size_t images, std::uint64_t* y,
                       std::uint64_t* planes) {
  constexpr std::size_t kClasses = Lists<kImages>::kClasses;
  const std::uint64_t* rows = p.rows + column * p.column_rows() * p.pitch;
  Number count[kClasses];
  std::size_t ones[kImages] = {};
  for (std::size_t c = 1; c < kClasses; ++c, planes += p.bits * p.pitch) {
    count[c] = {planes, lists.size[c]};
    const std::uint32_t* list = entries + lists.first[c];
    const auto row = [&](std::size_t i) { return Lanes<V, N>::load(rows + list[i]); };
    count_rows<V, N>(row, padded_rows(lists.size[c]), lists.size[c], planes);
    for (std::size_t i = 0; i < kImages; ++i) ones[i] += c >> i & 1 ? lists.size[c] / p.copies() : 0;
  }
  const std::size_t y_words = words_for(p.outputs);
  for (std::size_t i = kImages; i-- > 0;) {  // image i is in the upper half of the classes that are left
    const std::size_t half = std::size_t{1} << i;
    Number total{planes, 0};
    for (std::size_t c = half; c < 2 * half; ++c) {
      if (i < images) add_number<V, N>(count[c], total);
      if (c > half) add_number<V, N>(count[c], count[c - half]);
    }
    if (i < images) finish<V, N>(p, column, total, ones[i], y + i * y_words);
  }
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
