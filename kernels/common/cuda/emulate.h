// CUDA on the host, for tests: g++ -x c++ -include this compiles the device sources as they are.
//
// A thread is a fibre that runs until it meets others: at a barrier, or in an instruction that the lanes of a
// warp execute together. So a missing barrier shows: one thread runs ahead and reads what nobody has written
// (shared memory starts as 0xCD bytes), or overwrites what others still need. Two schedules go opposite ways:
// `descending` starts with the last thread and lets asynchronous copies land at once, the other starts with
// the first and lets them land when they are waited for.
#pragma once

#include <cmath>
#include <cstdint>

#include "kernels/common/cuda/emulate_launches.h"
#include "kernels/common/cuda/emulate_warp.h"

#define BINMORPH_EMULATE 1
#define __global__
#define __device__
#define __host__
#define __forceinline__ inline __attribute__((always_inline))
#define __launch_bounds__(...)

struct uint2 {
  unsigned x, y;
};

inline void __syncthreads() { binmorph::cuda::emulate::machine.sync_threads(); }
inline void __syncwarp(unsigned mask = ~0u) {
  binmorph::cuda::emulate::machine.collective(mask, nullptr, [](void* const*, unsigned) {});
}
inline unsigned __ballot_sync(unsigned mask, bool predicate) {
  binmorph::cuda::emulate::Ballot b{predicate, 0};
  binmorph::cuda::emulate::machine.collective(mask, &b, &binmorph::cuda::emulate::ballot);
  return b.result;
}
template <class T>
T __shfl_sync(unsigned mask, T value, unsigned source) {
  return binmorph::cuda::emulate::exchange(mask, value, source);
}
template <class T>
T __shfl_xor_sync(unsigned mask, T value, unsigned lanes) {
  return binmorph::cuda::emulate::exchange(mask, value, threadIdx.x % 32 ^ lanes);
}
inline int __popc(unsigned x) { return __builtin_popcount(x); }
inline int __popcll(unsigned long long x) { return __builtin_popcountll(x); }
inline unsigned __funnelshift_l(unsigned low, unsigned high, unsigned shift) {
  return static_cast<unsigned>((std::uint64_t{high} << 32 | low) << (shift & 31) >> 32);
}
inline unsigned __funnelshift_r(unsigned low, unsigned high, unsigned shift) {
  return static_cast<unsigned>((std::uint64_t{high} << 32 | low) >> (shift & 31));
}
inline float __fmaf_rn(float a, float b, float c) { return std::fma(a, b, c); }
inline float __fadd_rn(float a, float b) { return a + b; }
inline float __fmul_rn(float a, float b) { return a * b; }
inline float __fdiv_rn(float a, float b) { return a / b; }
template <class T>
T __ldg(const T* p) {
  return *p;
}
inline unsigned long long atomicMin(unsigned long long* p, unsigned long long value) {
  const unsigned long long old = *p;
  if (value < old) *p = value;
  return old;
}
