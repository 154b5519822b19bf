// From a tile's counts to bits or numbers.
#pragma once

#include "kernels/threshold_conv2d/cuda_finish.cuh"
#include "kernels/threshold_conv2d/cuda_tiles.cuh"

namespace binmorph::cuda {

#ifdef BINMORPH_EMULATE
inline unsigned signs_of(unsigned low, unsigned high) {
  const auto sign = [](unsigned v, unsigned at) { return v >> at & 1 ? 0xFFu : 0u; };
  return sign(low, 15) | sign(low, 31) << 8 | sign(high, 15) << 16 | sign(high, 31) << 24;
}
inline int dot_bytes(unsigned a, unsigned b, int sum) {
  for (unsigned i = 0; i < 32; i += 8)
    sum += static_cast<std::int8_t>(a >> i) * static_cast<std::uint8_t>(b >> i);
  return sum;
}
#else
// Bytes 0 or -1: the signs of the four halves.
__device__ __forceinline__ unsigned signs_of(unsigned low, unsigned high) {
  unsigned bytes;
  asm("prmt.b32 %0, %1, %2, 0xFDB9;" : "=r"(bytes) : "r"(low), "r"(high));
  return bytes;
}
// Of signed with unsigned bytes, as 128 is a weight.
__device__ __forceinline__ int dot_bytes(unsigned a, unsigned b, int sum) {
  int result;
  asm("dp4a.s32.u32 %0, %1, %2, %3;" : "=r"(result) : "r"(a), "r"(b), "r"(sum));
  return result;
}
#endif

struct alignas(16) Table4 {
  unsigned pair[4];
};

// Compares the counts of one row and packs them. `pairs` registers of two sums each in 16 bits; the table has
// 0x8000 - threshold of each. Bits come as bytes, the last first, each of two products of four signs with 1,
// 2, 4, 8 and with 16, 32, 64, 128; the sum of the products is minus the word, so one less is its complement.
template <int outputs, class Pair>
__device__ __forceinline__ void pack_row(unsigned (&complement)[(outputs + 31) / 32], const Table4* table,
                                         const Pair& pair) {
  constexpr int kPerWord = outputs < 32 ? outputs : 32;
#pragma unroll
  for (int word = 0; word < (outputs + 31) / 32; ++word) {
    int minus = 0;
#pragma unroll
    for (int eight = kPerWord / 8 - 1; eight >= 0; --eight) {
      const Table4 four = table[word * 4 + eight];
      const int first = word * 16 + eight * 4;
      minus = minus * 256 - (eight == 0 ? 1 : 0);
      minus = dot_bytes(signs_of(pair(first + 2) + four.pair[2], pair(first + 3) + four.pair[3]), 0x80402010u,
                        minus);
      minus =
          dot_bytes(signs_of(pair(first) + four.pair[0], pair(first + 1) + four.pair[1]), 0x08040201u, minus);
    }
    complement[word] = static_cast<unsigned>(minus);
  }
}

// Bits: a thread has neighbouring outputs of its rows, and stores them as they are. `table`: of the block of
// outputs that begins with `block`.
template <int columns, int row_tiles, bool ternary>
__device__ __forceinline__ void pack_tile(const ThresholdConv2dParams& p, const unsigned char* table,
                                          std::uint32_t block, const TileRow* rows,
                                          const int (&sum)[row_tiles][columns / 2]) {
  constexpr int kOutputs = ternary ? columns / 2 : columns, kMine = kOutputs / 4, kWords = (kMine + 31) / 32;
  const ConvGeometry& g = p.windows.geometry;
  const unsigned lane = threadIdx.x % 32, warp = threadIdx.x % kWarpgroup / 32;
  const std::uint32_t first = block + lane % 4 * kMine, pixel_bytes = words_of(g.out_channels) * 8;
  table += lane % 4 * kMine * 2;
  if (first >= pixel_bytes * 8) return;
  auto* y = reinterpret_cast<unsigned char*>(p.y) + first / 8;
  unsigned keep[kWords];  // ones where a neuron's bit is not inverted
#pragma unroll
  for (int w = 0; w < kWords; ++w)
    keep[w] = kMine >= 32 ? ~p.invert[first / 32 + w] : ~(p.invert[first / 32] >> first % 32);
#pragma unroll
  for (int m = 0; m < row_tiles; ++m)
#pragma unroll
    for (int half = 0; half < 2; ++half) {
      const TileRow row = rows[m * 64 + warp * 16 + half * 8 + lane / 4];
      const auto ones = static_cast<unsigned>(row.ones);
      unsigned words[kWords];
      const auto* constants = reinterpret_cast<const Table4*>(table + row.row);
      pack_row<kMine>(words, constants, [&](int j) {
        const int at = j * 4 + half * 2;
        unsigned low = static_cast<unsigned>(sum[m][at]), high = static_cast<unsigned>(sum[m][at + 1]);
        if (ternary) {
          low -= static_cast<unsigned>(sum[m][at + columns / 4]);
          high -= static_cast<unsigned>(sum[m][at + columns / 4 + 1]);
        }
        return high * 0x10000u + low + ones;
      });
      if (row.pixel == kNoPixel) continue;
      unsigned char* to = y + std::uint64_t{row.pixel} * pixel_bytes;
      words[0] ^= keep[0];
      if constexpr (kMine == 64)
        *reinterpret_cast<std::uint64_t*>(to) = words[0] | std::uint64_t{words[1] ^ keep[1]} << 32;
      else if constexpr (kMine == 32)
        *reinterpret_cast<std::uint32_t*>(to) = words[0];
      else
        *reinterpret_cast<std::uint16_t*>(to) = static_cast<std::uint16_t>(words[0]);
    }
}

// Numbers: eight rows of a warp at a time cross shared memory, so that a lane has one output of a pixel.
template <int columns, int row_tiles, bool ternary, class Params>
__device__ __forceinline__ void finish_tile(const Params& p, unsigned char* scratch, std::uint32_t first,
                                            const TileRow* rows, const int (&sum)[row_tiles][columns / 2]) {
  constexpr int kOutputs = ternary ? columns / 2 : columns, kMine = kOutputs / 4, kPitch = columns + 1;
  const ConvGeometry& g = p.windows.geometry;
  const unsigned lane = threadIdx.x % 32, warp = threadIdx.x % kWarpgroup / 32;
  auto* sums = reinterpret_cast<std::int32_t*>(scratch) + warp * 8 * kPitch;
#pragma unroll
  for (int m = 0; m < row_tiles; ++m)
#pragma unroll
    for (int half = 0; half < 2; ++half) {
#pragma unroll
      for (int j = 0; j < kMine; ++j) {
        const int at = j / 2 * 4 + half * 2 + j % 2;
        const int minus = ternary ? sum[m][at + columns / 4] : 0;
        sums[lane / 4 * kPitch + lane % 4 * kMine + j] = sum[m][at] - minus;
      }
      __syncwarp();
      for (unsigned i = 0; i < 8; ++i) {
        const TileRow row = rows[m * 64 + warp * 16 + half * 8 + i];
        if (row.pixel == kNoPixel) continue;
        const std::uint64_t of_class = std::uint64_t{row.row} * lanes_for(g.out_channels);
        for (unsigned block = 0; block < kOutputs / 32; ++block) {
          const std::uint32_t number = first / 32 + block;
          if (number * 32 >= lanes_for(g.out_channels)) break;
          const Counts counts{sums[i * kPitch + block * 32 + lane], 0, row.ones};
          finish(p, row.pixel, number, of_class, counts);
        }
      }
      __syncwarp();
    }
}

}  // namespace binmorph::cuda
