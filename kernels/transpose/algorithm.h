// Transposition of 64 x 64 blocks of bits by butterflies, V::words independent blocks side by side.
//
// Stage s swaps, in every pair of rows (i, i + s), the upper s columns of the first with the lower s columns
// of the second. The six stages commute, so they run as two passes of three: in each pass eight rows stay in
// registers, and the block travels through memory (2 KB at most) once.
#pragma once

#include <cstddef>
#include <cstdint>

#include "kernels/common/bits.h"
#include "kernels/transpose/transpose.h"

namespace binmorph::kernels {
namespace {

// Bits whose column has bit s clear.
constexpr std::uint64_t lower_columns(unsigned s) {
  return ~std::uint64_t{0} / ((std::uint64_t{1} << s) + 1);
}

template <class V, unsigned Stage>
inline void three_stages(typename V::Raw (&x)[8]) {
  for (unsigned k = 0; k < 4; ++k) V::template swap<4 * Stage>(x[k], x[k + 4]);
  for (unsigned k = 0; k < 2; ++k) {
    V::template swap<2 * Stage>(x[k], x[k + 2]);
    V::template swap<2 * Stage>(x[k + 4], x[k + 6]);
  }
  for (unsigned k = 0; k < 8; k += 2) V::template swap<Stage>(x[k], x[k + 1]);
}

template <class V, class Read, class Write>
inline void transpose_block(Read read, Write write) {
  typename V::Raw block[64];
  typename V::Raw x[8];
  for (std::size_t r = 0; r < 8; ++r) {
    for (std::size_t k = 0; k < 8; ++k) x[k] = read(r + 8 * k);
    three_stages<V, 8>(x);
    for (std::size_t k = 0; k < 8; ++k) block[r + 8 * k] = x[k];
  }
  for (std::size_t r = 0; r < 64; r += 8) {
    for (std::size_t k = 0; k < 8; ++k) x[k] = block[r + k];
    three_stages<V, 1>(x);
    for (std::size_t k = 0; k < 8; ++k) write(r + k, x[k]);
  }
}

// Lane l of a vector belongs to image l * 64 + i; `stride` is the distance in words between two lanes.
template <class V>
inline typename V::Raw gather_some(const std::uint64_t* src, std::size_t stride, std::size_t i,
                                   std::size_t count) {
  std::uint64_t lanes[V::words];
  for (std::size_t l = 0; l < V::words; ++l) lanes[l] = 64 * l + i < count ? src[l * stride] : 0;
  return V::load(lanes);
}

template <class V>
inline void scatter_some(std::uint64_t* dst, std::size_t stride, std::size_t i, std::size_t count,
                         typename V::Raw v) {
  std::uint64_t lanes[V::words];
  V::store(lanes, v);
  for (std::size_t l = 0; l < V::words && 64 * l + i < count; ++l) dst[l * stride] = lanes[l];
}

template <class V, class... Narrower>
inline void images_to_planes(const std::uint64_t* images, std::size_t count, std::size_t image_words,
                             std::size_t bits, std::uint64_t* planes, std::size_t lane_words,
                             std::size_t lane = 0) {
  const std::size_t stride = 64 * image_words;
  for (; lane + V::words <= lane_words; lane += V::words) {
    const std::size_t first = 64 * lane < count ? 64 * lane : count;
    const bool all = count - first >= 64 * V::words;
    for (std::size_t w = 0; w < words_for(bits); ++w) {
      const std::uint64_t* src = images + first * image_words + w;
      std::uint64_t* dst = planes + 64 * w * lane_words + lane;
      const std::size_t rows = bits - 64 * w;
      const auto write = [&](std::size_t b, typename V::Raw v) {
        if (b < rows) V::store(dst + b * lane_words, v);
      };
      if (all) {
        transpose_block<V>([&](std::size_t i) { return V::gather(src + i * image_words, stride); }, write);
      } else {
        const auto read = [&](std::size_t i) {
          return gather_some<V>(src + i * image_words, stride, i, count - first);
        };
        transpose_block<V>(read, write);
      }
    }
  }
  if constexpr (sizeof...(Narrower) > 0)
    images_to_planes<Narrower...>(images, count, image_words, bits, planes, lane_words, lane);
}

template <class V, class... Narrower>
inline void planes_to_images(const std::uint64_t* planes, std::size_t lane_words, std::size_t bits,
                             std::uint64_t* images, std::size_t count, std::size_t image_words,
                             std::size_t lane = 0) {
  const std::size_t stride = 64 * image_words;
  for (; lane + V::words <= lane_words && 64 * lane < count; lane += V::words) {
    const std::size_t present = count - 64 * lane;
    for (std::size_t w = 0; w < words_for(bits); ++w) {
      const std::uint64_t* src = planes + 64 * w * lane_words + lane;
      std::uint64_t* dst = images + 64 * lane * image_words + w;
      const std::size_t rows = bits - 64 * w;
      const auto read = [&](std::size_t b) { return b < rows ? V::load(src + b * lane_words) : V::fill(0); };
      if (present >= 64 * V::words) {
        transpose_block<V>(
            read, [&](std::size_t i, typename V::Raw v) { V::scatter(dst + i * image_words, stride, v); });
      } else {
        transpose_block<V>(read, [&](std::size_t i, typename V::Raw v) {
          scatter_some<V>(dst + i * image_words, stride, i, present, v);
        });
      }
    }
  }
  if constexpr (sizeof...(Narrower) > 0)
    planes_to_images<Narrower...>(planes, lane_words, bits, images, count, image_words, lane);
}

}  // namespace
}  // namespace binmorph::kernels
