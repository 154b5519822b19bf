// 1-bit matrix products on tensor cores: popcounts of ANDs of 16 rows of A with 8 columns of B, 256 bits
// long.
//
// Registers of a fragment (PTX: mma.sync m16n8k256): lane = 4 group + thread. a[0], a[2]: row `group`, a[1],
// a[3]: row group + 8; b: column `group`; sum[0], sum[1]: row `group`, columns 2 thread and 2 thread + 1,
// sum[2], sum[3]: the same of row group + 8. A register holds 32 bits of the row or column; since only the
// order of A and B must agree, {a[0], a[2]}, {a[1], a[3]} and b are simply the 64-bit word `thread` of four.
//
// AND.POPC is native from sm_80 to sm_90. Elsewhere bits become bytes, 0 or 1: (register >> i) & 0x01010101
// for i = 0 .. 7 are eight fragments of m16n8k32 for 8-bit numbers, whose registers lie in the same way.
#pragma once

#include "kernels/common/cuda/device.cuh"

// What a chip has; tests compile all of them.
#ifndef BINMORPH_MMA
#if !defined(__CUDA_ARCH__) || (__CUDA_ARCH__ >= 800 && __CUDA_ARCH__ < 1000)
#define BINMORPH_MMA 1  // b1 m16n8k256
#elif __CUDA_ARCH__ >= 1000
#define BINMORPH_MMA 32  // u8 m16n8k32
#else
#define BINMORPH_MMA 16  // u8 m8n8k16
#endif
#endif

namespace binmorph::cuda {

#ifdef BINMORPH_EMULATE

template <int unit>
inline void emulated_m16n8(int (&sum)[4], const unsigned (&a)[4], const unsigned (&b)[2]) {
  emulate::Mma m{{a[0], a[1], a[2], a[3]}, {b[0], b[1]}, {sum[0], sum[1], sum[2], sum[3]}};
  emulate::machine.collective(kWholeWarp, &m, &emulate::mma_m16n8<unit>);
  for (int i = 0; i < 4; ++i) sum[i] = m.c[i];
}
inline void mma_b1(int (&sum)[4], const unsigned (&a)[4], const unsigned (&b)[2]) {
  emulated_m16n8<32>(sum, a, b);
}
inline void mma_u8(int (&sum)[4], const unsigned (&a)[4], const unsigned (&b)[2]) {
  emulated_m16n8<4>(sum, a, b);
}
inline void mma_u8_small(int& left, int& right, unsigned a, unsigned b) {
  emulate::Mma m{{a, 0, 0, 0}, {b, 0}, {left, right, 0, 0}};
  emulate::machine.collective(kWholeWarp, &m, &emulate::mma_m8n8<4>);
  left = m.c[0];
  right = m.c[1];
}

#else

__device__ __forceinline__ void mma_b1(int (&sum)[4], const unsigned (&a)[4], const unsigned (&b)[2]) {
#if BINMORPH_MMA == 1
  asm("mma.sync.aligned.m16n8k256.row.col.s32.b1.b1.s32.and.popc {%0, %1, %2, %3}, {%4, %5, %6, %7}, {%8, "
      "%9}, "
      "{%0, %1, %2, %3};"
      : "+r"(sum[0]), "+r"(sum[1]), "+r"(sum[2]), "+r"(sum[3])
      : "r"(a[0]), "r"(a[1]), "r"(a[2]), "r"(a[3]), "r"(b[0]), "r"(b[1]));
#endif
}
__device__ __forceinline__ void mma_u8(int (&sum)[4], const unsigned (&a)[4], const unsigned (&b)[2]) {
#if BINMORPH_MMA == 32
  asm("mma.sync.aligned.m16n8k32.row.col.s32.u8.u8.s32 {%0, %1, %2, %3}, {%4, %5, %6, %7}, {%8, %9}, "
      "{%0, %1, %2, %3};"
      : "+r"(sum[0]), "+r"(sum[1]), "+r"(sum[2]), "+r"(sum[3])
      : "r"(a[0]), "r"(a[1]), "r"(a[2]), "r"(a[3]), "r"(b[0]), "r"(b[1]));
#endif
}
__device__ __forceinline__ void mma_u8_small(int& left, int& right, unsigned a, unsigned b) {
#if BINMORPH_MMA == 16
  asm("mma.sync.aligned.m8n8k16.row.col.s32.u8.u8.s32 {%0, %1}, {%2}, {%3}, {%0, %1};"
      : "+r"(left), "+r"(right)
      : "r"(a), "r"(b));
#endif
}

#endif

// sum[m][n] += popcounts of a[m] AND b[n].
template <int rows, int columns>
__device__ __forceinline__ void mma_and_popc(int (&sum)[rows][columns][4], const unsigned (&a)[rows][4],
                                             const unsigned (&b)[columns][2]) {
#if BINMORPH_MMA == 1
#pragma unroll
  for (int n = 0; n < columns; ++n)
#pragma unroll
    for (int m = 0; m < rows; ++m) mma_b1(sum[m][n], a[m], b[n]);
#else
  constexpr unsigned kBytes = 0x01010101;
#pragma unroll 1
  for (unsigned i = 0; i < 8; ++i) {
    unsigned bytes[rows][4];
#pragma unroll
    for (int m = 0; m < rows; ++m)
#pragma unroll
      for (int r = 0; r < 4; ++r) bytes[m][r] = a[m][r] >> i & kBytes;
#pragma unroll
    for (int n = 0; n < columns; ++n) {
      const unsigned column[2] = {b[n][0] >> i & kBytes, b[n][1] >> i & kBytes};
#pragma unroll
      for (int m = 0; m < rows; ++m) {
#if BINMORPH_MMA == 32
        mma_u8(sum[m][n], bytes[m], column);
#else
        mma_u8_small(sum[m][n][0], sum[m][n][1], bytes[m][0], column[0]);
        mma_u8_small(sum[m][n][0], sum[m][n][1], bytes[m][2], column[1]);
        mma_u8_small(sum[m][n][2], sum[m][n][3], bytes[m][1], column[0]);
        mma_u8_small(sum[m][n][2], sum[m][n][3], bytes[m][3], column[1]);
#endif
      }
    }
  }
#endif
}

}  // namespace binmorph::cuda
