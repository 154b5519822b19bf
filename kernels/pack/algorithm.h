// Rows of values to rows of words and back, written once over a packer for 32 values and compiled per ISA.
//
// The end of a row is packed by reading on into the next row and masking the surplus: only the last fewer
// than 32 values of the whole array must go through a copy, and no byte outside the array is touched.
// Unpacking does the same with stores: what is written past the end of a row is overwritten when its turn
// comes.
#pragma once

#include <cstddef>
#include <cstdint>
#include <cstring>

#include "kernels/common/bits.h"
#include "kernels/pack/pack.h"

namespace binmorph::kernels {
namespace {

// The smallest integer t with float(t) >= value, so that [float(x) >= value] = [x >= t]; 256 if no byte
// reaches it.
inline std::uint32_t byte_threshold(float value) {
  if (!(value <= 255.0f)) return 256;
  if (value <= 0.0f) return 0;
  const std::uint32_t below = static_cast<std::uint32_t>(value);
  return below + (static_cast<float>(below) < value);
}

inline void clear_rows(std::size_t rows, std::size_t width, std::uint64_t* dst) {
  if (rows != 0 && width != 0) std::memset(dst, 0, rows * words_for(width) * sizeof(std::uint64_t));
}

// 32 values of which the first `use` matter and `left` may be read.
template <class Packer, class T>
inline std::uint64_t pack_guarded(Packer& packer, const T* src, std::size_t use, std::size_t left) {
  if (left >= 32) return packer.pack32(src);
  T padded[32] = {};
  std::memcpy(padded, src, use * sizeof(T));
  return packer.pack32(padded);
}

template <class Packer, class T>
inline void pack_rows(Packer& packer, const T* src, std::size_t rows, std::size_t width, std::uint64_t* dst) {
  const std::size_t full = width / 64;
  const std::size_t rest = width % 64;
  std::size_t left = rows * width;
  for (; rows != 0; --rows, src += width, left -= width) {
    for (std::size_t w = 0; w < full; ++w) {
      const std::uint64_t low = packer.pack32(src + 64 * w);
      *dst++ = low | std::uint64_t{packer.pack32(src + 64 * w + 32)} << 32;
    }
    if (rest == 0) continue;
    const T* tail = src + 64 * full;
    const std::size_t tail_left = left - 64 * full;
    std::uint64_t word = pack_guarded(packer, tail, rest < 32 ? rest : 32, tail_left);
    if (rest > 32) word |= pack_guarded(packer, tail + 32, rest - 32, tail_left - 32) << 32;
    *dst++ = word & tail_mask(width);
  }
}

template <class Unpack32>
inline void unpack_guarded(Unpack32 unpack32, std::uint32_t bits, std::uint8_t* dst, std::size_t use,
                           std::size_t left) {
  if (left >= 32) return unpack32(bits, dst);
  std::uint8_t padded[32];
  unpack32(bits, padded);
  std::memcpy(dst, padded, use);
}

template <class Unpack32>
inline void unpack_rows(Unpack32 unpack32, const std::uint64_t* src, std::size_t rows, std::size_t width,
                        std::uint8_t* dst) {
  const std::size_t full = width / 64;
  const std::size_t rest = width % 64;
  std::size_t left = rows * width;
  for (; rows != 0; --rows, dst += width, left -= width) {
    for (std::size_t w = 0; w < full; ++w) {
      const std::uint64_t word = *src++;
      unpack32(static_cast<std::uint32_t>(word), dst + 64 * w);
      unpack32(static_cast<std::uint32_t>(word >> 32), dst + 64 * w + 32);
    }
    if (rest == 0) continue;
    const std::uint64_t word = *src++;
    std::uint8_t* tail = dst + 64 * full;
    const std::size_t tail_left = left - 64 * full;
    unpack_guarded(unpack32, static_cast<std::uint32_t>(word), tail, rest < 32 ? rest : 32, tail_left);
    if (rest > 32)
      unpack_guarded(unpack32, static_cast<std::uint32_t>(word >> 32), tail + 32, rest - 32, tail_left - 32);
  }
}

// 64 bits of a row from bit i on; zeros past its last word.
inline std::uint64_t bits_from(const std::uint64_t* row, std::size_t words, std::size_t i) {
  const std::uint64_t next = i / 64 + 1 < words ? row[i / 64 + 1] : 0;
  return row[i / 64] >> i % 64 | (next << 1) << (63 - i % 64);
}

// For stores that go past the caches, which must fill cache lines: whole(bits, to) writes one, some(bits,
// count, to) the fewer than 64 bytes before the first and behind the last of them.
template <class Whole, class Some>
inline void unpack_aligned(Whole whole, Some some, const std::uint64_t* src, std::size_t rows,
                           std::size_t width, std::uint8_t* dst) {
  if (width % 64 == 0 && rows != 0) {  // there is nothing between the rows
    width *= rows;
    rows = 1;
  }
  const std::size_t words = words_for(width);
  for (; rows != 0; --rows, src += words, dst += width) {
    const std::size_t before = (64 - reinterpret_cast<std::uintptr_t>(dst) % 64) % 64;
    std::size_t i = before < width ? before : width;
    if (i != 0) some(src[0], i, dst);
    for (; i + 64 <= width && i / 64 + 1 < words; i += 64)
      whole(src[i / 64] >> i % 64 | (src[i / 64 + 1] << 1) << (63 - i % 64), dst + i);
    for (; i + 64 <= width; i += 64) whole(bits_from(src, words, i), dst + i);
    if (i < width) some(bits_from(src, words, i), width - i, dst + i);
  }
}

}  // namespace
}  // namespace binmorph::kernels
