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

// Compares the counts of one row and packs them. sums(j, start): sums 2 j and 2 j + 1 in 16 bits each, added
// to start; the table has 0x8000 - threshold of each. Bits come as bytes, the last first, each of two
// products of four signs with 1, 2, 4, 8 and with 16, 32, 64, 128; the sum of the products is minus the word,
// so one less is its complement; byte is 256.
template <int outputs, class Sums>
__device__ __forceinline__ void pack_row(unsigned (&complement)[(outputs + 31) / 32], const Table4* table,
                                         int byte, const Sums& sums) {
  constexpr int kPerWord = outputs < 32 ? outputs : 32;
#pragma unroll
  for (int word = 0; word < (outputs + 31) / 32; ++word) {
    int minus = 0;
#pragma unroll
    for (int eight = kPerWord / 8 - 1; eight >= 0; --eight) {
      const Table4 four = table[word * 4 + eight];
      const int first = word * 16 + eight * 4;
      minus = minus * byte - (eight == 0 ? 1 : 0);
      minus = dot_bytes(signs_of(sums(first + 2, four.pair[2]), sums(first + 3, four.pair[3])), 0x80402010u,
                        minus);
      minus =
          dot_bytes(signs_of(sums(first, four.pair[0]), sums(first + 1, four.pair[1])), 0x08040201u, minus);
    }
    complement[word] = static_cast<unsigned>(minus);
  }
}

// The end of every tile of the outputs from `first` on; rows: the tile's. Numbers: eight rows of a warp at a
// time cross shared memory (`room`), so that a lane has one output of a pixel.
template <int columns, bool ternary, class Params>
class TileEnd {
 public:
  __device__ __forceinline__ TileEnd(const Params& p, std::uint32_t first, const TileRow* rows,
                                     unsigned char* room)
      : p_(p), first_(first), rows_(rows), room_(room) {}

  template <int row_tiles>
  __device__ __forceinline__ void finish(const int (&sum)[row_tiles][columns / 2]) const {
    constexpr int kOutputs = ternary ? columns / 2 : columns, kMine = kOutputs / 4, kPitch = columns + 1;
    const ConvGeometry& g = p_.windows.geometry;
    const unsigned lane = threadIdx.x % 32, warp = threadIdx.x % kWarpgroup / 32;
    auto* sums = reinterpret_cast<std::int32_t*>(room_) + warp * 8 * kPitch;
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
          const TileRow row = rows_[m * 64 + warp * 16 + half * 8 + i];
          if (row.pixel == kNoPixel) continue;
          const std::uint64_t of_class = std::uint64_t{row.row} * lanes_for(g.out_channels);
          for (unsigned block = 0; block < kOutputs / 32; ++block) {
            const std::uint32_t number = first_ / 32 + block;
            if (number * 32 >= lanes_for(g.out_channels)) break;
            const Counts counts{sums[i * kPitch + block * 32 + lane], 0, row.ones};
            cuda::finish(p_, row.pixel, number, of_class, counts);
          }
        }
        __syncwarp();
      }
  }

 private:
  const Params& p_;
  std::uint32_t first_;
  const TileRow* rows_;
  unsigned char* room_;
};

// Bits: a thread has neighbouring outputs of its rows, and stores them as they are. What does not change
// between tiles is opaque, as the compiler would compute it for every row.
template <int columns, bool ternary>
class TileEnd<columns, ternary, ThresholdConv2dParams> {
 public:
  __device__ __forceinline__ TileEnd(const ThresholdConv2dParams& p, std::uint32_t first, const TileRow* rows,
                                     const unsigned char* table)
      : table_(table), rows_(rows) {
    const unsigned lane = threadIdx.x % 32, warp = threadIdx.x % kWarpgroup / 32;
    first += lane % 4 * kMine;
    pixel_bytes_ = words_of(p.windows.geometry.out_channels) * 8;
    pixels_ = first < pixel_bytes_ * 8 ? kNoPixel : 0;
    in_row_ = lane % 4 * kMine * 2;
    first_row_ = warp * 16 + lane / 4;
    // The grid has no z, which the assembler does not know: products by powers of two that it knows would be
    // shifts, which go to the ALU, and that has more to do than the multiplier.
    half_ = 0x10000 + blockIdx.z;
    byte_ = 0x100 + blockIdx.z;
    y_ = reinterpret_cast<unsigned char*>(p.y) + first / 8;
#pragma unroll
    for (int w = 0; w < kWords; ++w)
      keep_[w] = pixels_ == 0 ? 0 : ~(p.invert[first / 32 + w] >> (kMine < 32 ? first % 32 : 0));
    opaque(y_);
    opaque(half_);
    opaque(byte_);
    opaque(in_row_);
    opaque(first_row_);
    opaque(pixel_bytes_);
    opaque(pixels_);
  }

  template <int row_tiles>
  __device__ __forceinline__ void finish(const int (&sum)[row_tiles][columns / 2]) const {
#pragma unroll
    for (int m = 0; m < row_tiles; ++m)
#pragma unroll
      for (int half = 0; half < 2; ++half) {
        const TileRow row = rows_[first_row_ + m * 64 + half * 8];
        const auto ones = static_cast<unsigned>(row.ones);
        unsigned words[kWords];
        pack_row<kMine>(words, reinterpret_cast<const Table4*>(table_ + row.row + in_row_),
                        static_cast<int>(byte_), [&](int j, unsigned start) {
                          const int at = j * 4 + half * 2;
                          const auto low = static_cast<unsigned>(sum[m][at]),
                                     high = static_cast<unsigned>(sum[m][at + 1]);
                          start += high * half_;
                          if (!ternary) return start + low + ones;
                          start -= static_cast<unsigned>(sum[m][at + columns / 4 + 1]) * half_;
                          return start + low - static_cast<unsigned>(sum[m][at + columns / 4]);
                        });
        if (row.pixel < pixels_) store(y_ + std::uint64_t{row.pixel} * pixel_bytes_, words);
      }
  }

 private:
  static constexpr int kMine = (ternary ? columns / 2 : columns) / 4, kWords = (kMine + 31) / 32;

  __device__ __forceinline__ void store(unsigned char* to, const unsigned (&complement)[kWords]) const {
    const unsigned word = complement[0] ^ keep_[0];
    if constexpr (kMine == 64)
      *reinterpret_cast<std::uint64_t*>(to) = word | std::uint64_t{complement[1] ^ keep_[1]} << 32;
    else if constexpr (kMine == 32)
      *reinterpret_cast<std::uint32_t*>(to) = word;
    else
      *reinterpret_cast<std::uint16_t*>(to) = static_cast<std::uint16_t>(word);
  }

  unsigned char* y_;  // of pixel 0
  const unsigned char* table_;
  const TileRow* rows_;
  std::uint32_t half_, byte_, in_row_, first_row_, pixel_bytes_;
  std::uint32_t pixels_;   // kNoPixel, or 0 where the thread has no outputs
  unsigned keep_[kWords];  // ones where a neuron's bit is not inverted
};

}  // namespace binmorph::cuda
