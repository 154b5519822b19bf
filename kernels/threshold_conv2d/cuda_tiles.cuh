// What a tile of the warpgroup kernels is made of: where its pixels lie, who brings them, how bits leave.
#pragma once

#include "kernels/common/cuda/wgmma.cuh"
#include "kernels/common/cuda/window.cuh"
#include "kernels/threshold_conv2d/cuda_tiles.h"

namespace binmorph::cuda {

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

  __device__ __forceinline__ void fetch(unsigned char* stage, const Position& first) const {
    const std::uint32_t thread = threadIdx.x % kWarpgroup;
    for (std::uint32_t plane = 0; plane < t_.planes; ++plane) {
      unsigned char* slots = stage + plane * t_.chunks * t_.pitch * 16;
      for (std::uint32_t i = thread; i < t_.slots + t_.parts - 1; i += kWarpgroup) {
        const std::uint64_t* pixel = source(further(t_, first, i), plane);
        if (t_.parts == 4)
          spread<4>(slots, pixel, i);
        else if (t_.parts == 2)
          spread<2>(slots, pixel, i);
        else
          whole(slots, pixel, i);
      }
    }
  }

 private:
  // The pixel's words, or null where it is outside.
  __device__ __forceinline__ const std::uint64_t* source(const Position& p, std::uint32_t plane) const {
    const ConvGeometry& g = w_.geometry;
    auto y = static_cast<std::int32_t>(p.row * g.stride_h + t_.phase_y[plane]) - g.top;
    auto x = static_cast<std::int32_t>(p.column * g.stride_w + t_.phase_x[plane]) - g.left;
    if (g.border == kernels::Border::replicate) {
      y = clamp_to(y, g.height);
      x = clamp_to(x, g.width);
    }
    const bool inside = p.image < g.images && static_cast<std::uint32_t>(y) < g.height &&
                        static_cast<std::uint32_t>(x) < g.width;
    if (!inside) return nullptr;
    const std::uint64_t at = (std::uint64_t{p.image} * g.height + static_cast<std::uint32_t>(y)) * g.width +
                             static_cast<std::uint32_t>(x);
    return w_.x + at * words_of(g.channels);
  }

  // Word `word` of a pixel outside the image.
  __device__ __forceinline__ std::uint64_t constant(std::uint32_t word) const {
    const std::uint32_t from = word * 64, channels = w_.geometry.channels;
    if (w_.geometry.border != kernels::Border::ones || from >= channels) return 0;
    return low_bits(channels - from);
  }

  // 16 bytes of a pixel in each chunk, side by side in global memory; an odd last word has no neighbour.
  __device__ __forceinline__ void whole(unsigned char* slots, const std::uint64_t* pixel,
                                        std::uint32_t i) const {
    const std::uint32_t words = words_of(w_.geometry.channels);
    for (std::uint32_t k = 0; k < t_.chunks; ++k) {
      auto* to = reinterpret_cast<std::uint64_t*>(slots + (k * t_.pitch + i) * 16);
      if (pixel == nullptr) {
        to[0] = constant(2 * k);
        to[1] = constant(2 * k + 1);
      } else if (words % 2 == 0) {
        copy_async<16>(to, pixel + 2 * k);
      } else {
        copy_async<8>(to, pixel + 2 * k);
        if (2 * k + 1 < words)
          copy_async<8>(to + 1, pixel + 2 * k + 1);
        else
          to[1] = 0;
      }
    }
  }

  // Few channels: the pixel is part h of slot i - h.
  template <unsigned parts>
  __device__ __forceinline__ void spread(unsigned char* slots, const std::uint64_t* pixel,
                                         std::uint32_t i) const {
    constexpr unsigned kBytes = 16 / parts;
#pragma unroll
    for (unsigned h = 0; h < parts; ++h) {
      if (i < h || i - h >= t_.slots) continue;
      unsigned char* to = slots + (i - h) * 16 + h * kBytes;
      if (pixel != nullptr)
        copy_async<kBytes>(to, pixel);
      else if (parts == 2)
        *reinterpret_cast<std::uint64_t*>(to) = constant(0);
      else
        *reinterpret_cast<unsigned*>(to) = static_cast<unsigned>(constant(0));
    }
  }

  const BitWindows& w_;
  const TilePlan& t_;
};

// Number of ones of the pixel in a slot.
__device__ __forceinline__ unsigned ones_of(const TilePlan& t, const unsigned char* plane,
                                            std::uint32_t slot) {
  const auto* words = reinterpret_cast<const Word*>(plane + slot * 16);
  if (t.parts == 4) return static_cast<unsigned>(__popc(static_cast<unsigned>(words[0])));
  if (t.parts == 2) return static_cast<unsigned>(__popcll(words[0]));
  unsigned ones = 0;
  for (std::uint32_t k = 0; k < t.chunks; ++k, words += t.pitch * 2)
    ones += static_cast<unsigned>(__popcll(words[0]) + __popcll(words[1]));
  return ones;
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
inline constexpr std::uint32_t kNoPixel = UINT32_MAX;

__device__ __forceinline__ TileRow tile_row(const BitWindows& w, const Position& p, std::int32_t ones) {
  const ConvGeometry& g = w.geometry;
  if (p.image >= g.images || p.row >= g.out_height || p.column >= g.out_width) return {kNoPixel, 0, 0, 0};
  const std::uint32_t pixel = (p.image * g.out_height + p.row) * g.out_width + p.column;
  return {pixel, w.classes.row == nullptr ? 0 : w.classes.row[p.row] + w.classes.column[p.column], ones, 0};
}

}  // namespace binmorph::cuda
