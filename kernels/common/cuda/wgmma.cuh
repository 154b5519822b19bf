// Hopper's 1-bit products (wgmma m64nNk256, AND.POPC) and what feeds them: mbarriers, bulk copies, proxies.
//
// sum[4 j + 2 half + i] of a lane = 4 group + thread of warp w: row 16 w + group + 8 half, column 8 j + 2
// thread
// + i. Only sm_90a has these instructions: kernels that use them are left out of the code for other chips, by
// BINMORPH_WGMMA.
#pragma once

#include "kernels/common/cuda/device.cuh"

#ifdef BINMORPH_EMULATE
#include "kernels/common/cuda/emulate_products.h"
#endif

#if !defined(__CUDA_ARCH__) || defined(__CUDA_ARCH_FEAT_SM90_ALL)
#define BINMORPH_WGMMA 1
#endif

namespace binmorph::cuda {

inline constexpr unsigned kWarpgroup = 128;

using Barrier = std::uint64_t;  // an mbarrier, in shared memory

enum class Swizzle : unsigned { none = 0, bytes128 = 1, bytes64 = 2, bytes32 = 3 };

// A matrix in shared memory, rows contiguous along the common dimension. Without swizzle: `leading` bytes
// between the two 16-byte chunks of 256 bits, `stride` between groups of 8 rows, a row each 16 bytes. With
// swizzle: `leading` does not count.
__device__ __forceinline__ constexpr std::uint64_t matrix_at(unsigned address, unsigned leading,
                                                             unsigned stride, Swizzle swizzle) {
  return std::uint64_t{(address & 0x3FFFF) >> 4} | std::uint64_t{leading >> 4} << 16 |
         std::uint64_t{stride >> 4} << 32 | std::uint64_t{static_cast<unsigned>(swizzle)} << 62;
}

// The matrix `units` of 16 bytes further on; with `leading` / 16 << 16 that is changed, too. Nothing is
// carried to the upper word, so one addition of 32 bits does.
__device__ __forceinline__ constexpr std::uint64_t moved(std::uint64_t matrix, std::uint32_t units) {
  return matrix >> 32 << 32 | static_cast<std::uint32_t>(static_cast<std::uint32_t>(matrix) + units);
}

#ifdef BINMORPH_EMULATE

inline unsigned shared_address(const void* p) {
  return static_cast<unsigned>(static_cast<const unsigned char*>(p) - emulate::machine.shared());
}
inline void barrier_init(Barrier* b, unsigned arrivals) { emulate::hopper().init(b, arrivals); }
inline void barrier_init_fence() {}
inline void barrier_arrive(Barrier* b) { emulate::hopper().arrive(b, 0); }
inline void barrier_expect(Barrier* b, unsigned bytes) { emulate::hopper().arrive(b, bytes); }
inline void barrier_wait(Barrier* b, unsigned parity) { emulate::hopper().await(b, parity); }
inline void copy_bulk(void* shared, const void* global, unsigned bytes, Barrier* b) {
  emulate::hopper().copy_bulk(shared, global, bytes, b);
}
inline void fence_proxy() { emulate::hopper().fence_proxy(); }
inline void sync_group(unsigned number, unsigned threads) { emulate::hopper().sync_group(number, threads); }

template <int registers>
inline void give_registers() {}
template <int registers>
inline void take_registers() {}

inline void whole_warp(void (*operation)(void* const*, unsigned), void* payload = nullptr) {
  emulate::machine.collective(kWholeWarp, payload, operation);
}
inline void wgmma_fence() {
  whole_warp([](void* const*, unsigned) { emulate::hopper().fence_registers(); });
}
template <int rows, int count>
inline void settle(int (&)[rows][count]) {}
inline void wgmma_commit() {
  whole_warp([](void* const*, unsigned) { emulate::hopper().commit(); });
}
template <int but_the_last>
inline void wgmma_wait() {
  whole_warp([](void* const*, unsigned) { emulate::hopper().await_products(but_the_last); });
}
template <int columns>
inline void wgmma(int (&sum)[columns / 2], std::uint64_t a, std::uint64_t b, bool accumulate) {
  emulate::Product product{columns, sum, a, b, nullptr, accumulate};
  whole_warp(&emulate::Hopper::multiply, &product);
}
template <int columns>
inline void wgmma(int (&sum)[columns / 2], const unsigned (&a)[4], std::uint64_t b, bool accumulate) {
  emulate::Product product{columns, sum, 0, b, a, accumulate};
  whole_warp(&emulate::Hopper::multiply, &product);
}

#else

__device__ __forceinline__ unsigned shared_address(const void* p) {
  return static_cast<unsigned>(__cvta_generic_to_shared(p));
}

__device__ __forceinline__ void barrier_init(Barrier* b, unsigned arrivals) {
  asm volatile("mbarrier.init.shared.b64 [%0], %1;" ::"r"(shared_address(b)), "r"(arrivals) : "memory");
}
// Once, after all of a block's barriers and before __syncthreads().
__device__ __forceinline__ void barrier_init_fence() {
  asm volatile("fence.mbarrier_init.release.cluster;" ::: "memory");
}
__device__ __forceinline__ void barrier_arrive(Barrier* b) {
  asm volatile("mbarrier.arrive.shared.b64 _, [%0];" ::"r"(shared_address(b)) : "memory");
}
// Arrives, and announces bytes of bulk copies.
__device__ __forceinline__ void barrier_expect(Barrier* b, unsigned bytes) {
  asm volatile("mbarrier.arrive.expect_tx.shared.b64 _, [%0], %1;" ::"r"(shared_address(b)), "r"(bytes)
               : "memory");
}
// Returns once the phase of that parity is complete; phases count from 0.
__device__ __forceinline__ void barrier_wait(Barrier* b, unsigned parity) {
  asm volatile(
      "{\n.reg .pred done;\n"
      "again:\nmbarrier.try_wait.parity.shared.b64 done, [%0], %1;\n"
      "@!done bra again;\n}" ::"r"(shared_address(b)),
      "r"(parity)
      : "memory");
}
// One thread, 16-byte aligned; the barrier counts the bytes as they arrive.
__device__ __forceinline__ void copy_bulk(void* shared, const void* global, unsigned bytes, Barrier* b) {
  asm volatile(
      "cp.async.bulk.shared::cluster.global.mbarrier::complete_tx::bytes [%0], [%1], %2, [%3];" ::"r"(
          shared_address(shared)),
      "l"(global), "r"(bytes), "r"(shared_address(b))
      : "memory");
}
// What this thread wrote (and awaited of its own copies) becomes visible to wgmma and bulk copies.
__device__ __forceinline__ void fence_proxy() { asm volatile("fence.proxy.async.shared::cta;" ::: "memory"); }
__device__ __forceinline__ void sync_group(unsigned number, unsigned threads) {
  asm volatile("bar.sync %0, %1;" ::"r"(number), "r"(threads) : "memory");
}

// Registers of a thread, moved from warpgroups that need few to those that need many.
template <int registers>
__device__ __forceinline__ void give_registers() {
  asm volatile("setmaxnreg.dec.sync.aligned.u32 %0;" ::"n"(registers));
}
template <int registers>
__device__ __forceinline__ void take_registers() {
  asm volatile("setmaxnreg.inc.sync.aligned.u32 %0;" ::"n"(registers));
}

__device__ __forceinline__ void wgmma_fence() { asm volatile("wgmma.fence.sync.aligned;" ::: "memory"); }
__device__ __forceinline__ void wgmma_commit() {
  asm volatile("wgmma.commit_group.sync.aligned;" ::: "memory");
}
template <int but_the_last>
__device__ __forceinline__ void wgmma_wait() {
  asm volatile("wgmma.wait_group.sync.aligned %0;" ::"n"(but_the_last) : "memory");
}

// Keeps the compiler from using sums before the wait that precedes this.
template <int rows, int count>
__device__ __forceinline__ void settle(int (&sum)[rows][count]) {
#pragma unroll
  for (int m = 0; m < rows; ++m)
#pragma unroll
    for (int i = 0; i < count; ++i) asm volatile("" : "+r"(sum[m][i])::"memory");
}

// The instruction for each width: its operands %0 .. are the sums, then A, B and whether to accumulate.
template <int columns>
__device__ __forceinline__ void wgmma(int (&sum)[columns / 2], std::uint64_t a, std::uint64_t b,
                                      bool accumulate);
template <int columns>
__device__ __forceinline__ void wgmma(int (&sum)[columns / 2], const unsigned (&a)[4], std::uint64_t b,
                                      bool accumulate);

#if BINMORPH_WGMMA
#include "kernels/common/cuda/wgmma_widths.inc"
#endif

#endif

}  // namespace binmorph::cuda
