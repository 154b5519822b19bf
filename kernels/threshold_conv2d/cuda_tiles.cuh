// What a tile of the warpgroup kernels is made of: where its pixels lie, who brings them, how bits leave.
#pragma once

#include <type_traits>

#include "kernels/common/cuda/wgmma.cuh"
#include "kernels/common/cuda/window.cuh"
#include "kernels/threshold_conv2d/cuda_tiles.h"

namespace binmorph::cuda {

inline constexpr std::uint32_t kNoPixel = UINT32_MAX;

// Padded pixel `slot` of the batch, taken apart.
struct Position {
  std::uint32_t image, row, column;
};

// n / d for small numbers (division_magic).
__device__ __forceinline__ std::uint32_t divide(std::uint32_t n, std::uint32_t magic) {
  return static_cast<std::uint32_t>(std::uint64_t{2 * n} * magic >> 32);
}

__device__ __forceinline__ Position position_of(const TilePlan& t, std::uint32_t slot) {
  const std::uint32_t row = slot / t.row_slots;
  return {row / t.image_rows, row % t.image_rows, slot % t.row_slots};
}

// `slots` further on, few enough for divide().
__device__ __forceinline__ Position further(const TilePlan& t, const Position& from, std::uint32_t slots) {
  const std::uint32_t column = from.column + slots, down = divide(column, t.row_slots_magic);
  const std::uint32_t row = from.row + down, next = divide(row, t.image_rows_magic);
  return {from.image + next, row - next * t.image_rows, column - down * t.row_slots};
}

// Tile after tile of a block, without a division.
class Walk {
 public:
  __device__ __forceinline__ Walk(const TilePlan& t, std::uint32_t tile, std::uint32_t step)
      : at_(position_of(t, tile * t.rows)), by_(position_of(t, step * t.rows)) {}
  // This tile's position; goes on to the next, here and not where the compiler would put it: behind the
  // products.
  __device__ __forceinline__ Position next(const TilePlan& t) {
    const Position here = at_;
    at_.column += by_.column;
    const std::uint32_t down = at_.column >= t.row_slots ? 1 : 0;
    at_.column -= down * t.row_slots;
    at_.row += by_.row + down;
    const std::uint32_t over = at_.row >= t.image_rows ? 1 : 0;
    at_.row -= over * t.image_rows;
    at_.image += by_.image + over;
    opaque(at_.image);
    opaque(at_.row);
    opaque(at_.column);
    return here;
  }

 private:
  Position at_, by_;
};

// Brings the pixels of a tile, one thread of a warpgroup; complete after copy_async_wait and fence_proxy.
class Gatherer {
 public:
  __device__ __forceinline__ Gatherer(const BitWindows& w, const TilePlan& t) : w_(w), t_(t) {}

  // parts: t.parts. Pixel i is part h of product slot i - h, which lies parts - 1 slots after the begin.
  template <unsigned parts>
  __device__ __forceinline__ void fetch(unsigned char* stage, const Position& first) const {
    const std::uint32_t thread = threadIdx.x % kWarpgroup;
    for (std::uint32_t plane = 0; plane < t_.planes; ++plane) {
      unsigned char* slots = stage + (plane * t_.chunks * t_.pitch + parts - 1) * 16;
      const std::int32_t y = t_.phase_y[plane] - w_.geometry.top, x = t_.phase_x[plane] - w_.geometry.left;
      for (std::uint32_t i = thread; i < t_.slots + parts - 1; i += kWarpgroup) {
        const std::uint32_t pixel = source(further(t_, first, i), y, x);
        if constexpr (parts == 1)
          whole(slots + i * 16, pixel);
        else
          spread<parts>(slots + i * 16, pixel);
      }
    }
  }

 private:
  // The pixel of the input, or kNoPixel where it is outside; (top, left): that of position (0, 0).
  __device__ __forceinline__ std::uint32_t source(const Position& p, std::int32_t top,
                                                  std::int32_t left) const {
    const ConvGeometry& g = w_.geometry;
    auto y = static_cast<std::int32_t>(p.row * g.stride_h) + top;
    auto x = static_cast<std::int32_t>(p.column * g.stride_w) + left;
    if (g.border == kernels::Border::replicate) {
      y = clamp_to(y, g.height);
      x = clamp_to(x, g.width);
    }
    const bool inside = p.image < g.images && static_cast<std::uint32_t>(y) < g.height &&
                        static_cast<std::uint32_t>(x) < g.width;
    if (!inside) return kNoPixel;
    return (p.image * g.height + static_cast<std::uint32_t>(y)) * g.width + static_cast<std::uint32_t>(x);
  }

  // Word `word` of a pixel outside the image.
  __device__ __forceinline__ std::uint64_t constant(std::uint32_t word) const {
    const std::uint32_t from = word * 64, channels = w_.geometry.channels;
    if (w_.geometry.border != kernels::Border::ones || from >= channels) return 0;
    return low_bits(channels - from);
  }

  // 16 bytes of a pixel in each chunk, side by side in global memory; an odd last word has no neighbour.
  __device__ __forceinline__ void whole(unsigned char* slot, std::uint32_t pixel) const {
    const std::uint32_t words = words_of(w_.geometry.channels);
    const std::uint64_t* from = w_.x + std::uint64_t{pixel} * words;
    for (std::uint32_t k = 0; k < t_.chunks; ++k, from += 2) {
      auto* to = reinterpret_cast<std::uint64_t*>(slot + k * t_.pitch * 16);
      if (pixel == kNoPixel) {
        to[0] = constant(2 * k);
        to[1] = constant(2 * k + 1);
      } else if (words % 2 == 0) {
        copy_async<16>(to, from);
      } else {
        copy_async<8>(to, from);
        if (2 * k + 1 < words)
          copy_async<8>(to + 1, from + 1);
        else
          to[1] = 0;
      }
    }
  }

  // Few channels: the pixel is part h of the slot h before; what lies before the first or behind the last
  // slot in use is there for this.
  template <unsigned parts>
  __device__ __forceinline__ void spread(unsigned char* slot, std::uint32_t pixel) const {
    constexpr unsigned kBytes = 16 / parts;
    if (pixel != kNoPixel) {
#pragma unroll
      for (unsigned h = 0; h < parts; ++h) copy_async<kBytes>(slot - h * 16 + h * kBytes, w_.x + pixel);
    } else {
      using Part = std::conditional_t<parts == 2, std::uint64_t, std::uint32_t>;
      const auto outside = static_cast<Part>(constant(0));
#pragma unroll
      for (unsigned h = 0; h < parts; ++h) *reinterpret_cast<Part*>(slot - h * 16 + h * kBytes) = outside;
    }
  }

  const BitWindows& w_;
  const TilePlan& t_;
};

// Number of ones of each pixel of a tile, one warpgroup; parts: t.parts.
template <unsigned parts>
__device__ __forceinline__ void count_ones(const TilePlan& t, const unsigned char* pixels,
                                           std::uint16_t* ones) {
  for (std::uint32_t plane = 0; plane < t.planes; ++plane, ones += t.pitch) {
    std::uint32_t slot = threadIdx.x % kWarpgroup;
    const unsigned char* at = pixels + (plane * t.chunks * t.pitch + parts - 1 + slot) * 16;
    for (; slot < t.slots; slot += kWarpgroup, at += kWarpgroup * 16) {
      const auto* words = reinterpret_cast<const Word*>(at);
      int sum = 0;
      if (parts == 4)
        sum = __popc(static_cast<unsigned>(words[0]));
      else if (parts == 2)
        sum = __popcll(words[0]);
      else
        for (std::uint32_t k = 0; k < t.chunks; ++k, words += t.pitch * 2)
          sum += __popcll(words[0]) + __popcll(words[1]);
      ones[slot] = static_cast<std::uint16_t>(sum);
    }
  }
}

// What the end of a tile needs of a row of the product, in shared memory.
struct alignas(16) TileRow {
  std::uint32_t pixel;  // of the output, or kNoPixel
  std::uint32_t row;    // of the tables: its class
  std::int32_t ones;    // in its window
  std::uint32_t unused;

  // For pack_tile: the row's place in a table of `outputs` thresholds of 16 bits. 2 count - ones >= threshold
  // is count - ones / 2 >= threshold / 2, where rows of odd and of even windows have thresholds of their own,
  // rounded up each in its way (pack_tiles); left is -ones / 2, in both halves.
  template <bool use_ones>
  __device__ __forceinline__ void prepare(unsigned outputs) {
    if (use_ones) {
      row = row * 2 + static_cast<std::uint32_t>(ones & 1);
      ones = -(ones >> 1) * 0x10001;
    }
    row *= outputs * 2;
  }
};
__device__ __forceinline__ TileRow tile_row(const BitWindows& w, const Position& p, std::int32_t ones) {
  const ConvGeometry& g = w.geometry;
  if (p.image >= g.images || p.row >= g.out_height || p.column >= g.out_width) return {kNoPixel, 0, 0, 0};
  const std::uint32_t pixel = (p.image * g.out_height + p.row) * g.out_width + p.column;
  return {pixel, w.classes.row == nullptr ? 0 : w.classes.row[p.row] + w.classes.column[p.column], ones, 0};
}

}  // namespace binmorph::cuda
