// Lists of inputs, filled a word of every image at a time.
#pragma once

#if defined(__BMI__)
#include <immintrin.h>
#endif

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
    const __m512i bytes = _mm512_setr_epi32(0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15);
    for (std::size_t i = 0;;) {  // nearly always once
      const __m512i part = _mm512_maskz_permutexvar_epi8(0x1111111111111111, bytes, inputs);
      _mm512_storeu_si512(to + i, _mm512_add_epi32(first, _mm512_mullo_epi32(part, pitch)));
      if ((i += 16) >= size) return size;
      inputs = _mm512_maskz_alignr_epi64(0xff, inputs, inputs, 2);
    }
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

// The classes of word w of the images' inputs.
template <std::size_t kImages>
inline void classes_of(const std::uint64_t* const* x, std::size_t w, std::uint64_t* masks) {
#ifdef __AVX512VBMI2__
  if constexpr (kImages == 4) {  // a class is a lane
    constexpr unsigned char kHave[3] = {0xaa, 0xcc, 0xf0};
    __m512i all = _mm512_set1_epi64(-1);
    for (std::size_t i = 0; i < 3; ++i)  // all & ~(x ^ has)
      all = _mm512_ternarylogic_epi64(all, _mm512_set1_epi64(static_cast<long long>(x[i][w])),
                                      _mm512_movm_epi64(kHave[i]), 0x90);
    const __m512i last = _mm512_set1_epi64(static_cast<long long>(x[3][w]));
    _mm512_storeu_si512(masks, _mm512_ternarylogic_epi64(last, all, all, 0x0c));
    _mm512_storeu_si512(masks + 8, _mm512_and_si512(last, all));
    return;
  }
#endif
  masks[0] = ~std::uint64_t{0};
  for (std::size_t i = 0; i < kImages; ++i)
    for (std::size_t c = 0; c < std::size_t{1} << i; ++c) {
      masks[c | std::size_t{1} << i] = masks[c] & x[i][w];
      masks[c] &= ~x[i][w];
    }
}

template <std::size_t kImages, std::size_t kPitch, std::size_t kCopies>
inline void make_lists(const DenseProgram& p, const std::uint64_t* const* x, Lists<kImages>& lists,
                       std::uint32_t* entries) {
  constexpr std::size_t kClasses = Lists<kImages>::kClasses;
  const std::size_t words = words_for(p.inputs);
  std::uint64_t masks[kClasses];
  std::uint32_t size[kClasses] = {}, end[kClasses];
  for (std::size_t w = 0; w < words; ++w) {
    classes_of<kImages>(x, w, masks);
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
    classes_of<kImages>(x, w, masks);
    const auto base = static_cast<std::uint32_t>(64 * w * kCopies * kPitch);
    for (std::size_t c = 1; c < kClasses; ++c)
      end[c] += append<kPitch, kCopies>(masks[c], base, entries + end[c]);
  }
  const auto zeros = static_cast<std::uint32_t>(p.inputs * kCopies * kPitch);
  for (std::size_t c = 1; c < kClasses; ++c)
    for (std::size_t i = lists.size[c]; i < padded_rows(lists.size[c]); ++i)
      entries[lists.first[c] + i] = zeros;
}

}  // namespace
}  // namespace binmorph::kernels
