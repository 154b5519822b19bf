// What the device kernels use beyond plain C++: bits, shared memory, asynchronous copies.
#pragma once

#include "kernels/common/bits.h"
#include "kernels/common/cuda/geometry.h"
#include "kernels/common/cuda/launch.h"

// The entry point of a kernel whose threads call a function; kernels of one family differ in its arguments.
#define BINMORPH_DEVICE_KERNEL(name, Params, bounds, ...) \
  extern "C" __global__ void __launch_bounds__ bounds name(const Params p) { __VA_ARGS__(p); }

namespace binmorph::cuda {

using Word = unsigned long long;  // what the intrinsics take; 64 bits, as std::uint64_t

inline constexpr unsigned kWholeWarp = 0xFFFFFFFFu;

__device__ __forceinline__ std::uint64_t thread_item() {
  return static_cast<std::uint64_t>(blockIdx.x) * blockDim.x + threadIdx.x;
}

__device__ __forceinline__ unsigned words_of(unsigned bits) { return (bits + 63) / 64; }

// Ones in the low `bits` positions, 0 <= bits; all of them from 64 on.
__device__ __forceinline__ std::uint64_t low_bits(unsigned bits) {
  return bits >= 64 ? ~std::uint64_t{0} : (std::uint64_t{1} << bits) - 1;
}

// 64 bits from bit `from` of a run of `bits` bits; those past its end are zero, no word past it is read.
__device__ __forceinline__ std::uint64_t bits_at(const std::uint64_t* run, std::uint64_t from,
                                                 std::uint64_t bits) {
  const std::uint64_t at = from / 64, last = (bits - 1) / 64;
  const unsigned part = static_cast<unsigned>(from % 64);
  std::uint64_t word = run[at] >> part;
  if (part != 0 && at < last) word |= run[at + 1] << (64 - part);
  return bits - from >= 64 ? word : word & low_bits(static_cast<unsigned>(bits - from));
}

#ifdef BINMORPH_EMULATE

__device__ __forceinline__ unsigned char* shared_memory() { return emulate::machine.shared(); }
template <class T>
inline void opaque(T&) {}
inline void start_next() {}
inline void await_previous() { emulate::machine.await_previous(); }
template <int bytes>
__device__ __forceinline__ void copy_async(void* shared, const void* global) {
  emulate::machine.copy_async(shared, global, bytes);
}
__device__ __forceinline__ void copy_async_commit() { emulate::machine.commit_copies(); }
template <int but_the_last>
__device__ __forceinline__ void copy_async_wait() {
  emulate::machine.await_copies(but_the_last);
}

#else

__device__ __forceinline__ unsigned char* shared_memory() {
  extern __shared__ __align__(128) unsigned char binmorph_shared[];
  return binmorph_shared;
}

// The compiler forgets where a value comes from: it keeps it in a register and computes it where it stands.
__device__ __forceinline__ void opaque(std::uint32_t& value) { asm volatile("" : "+r"(value)); }
template <class T>
__device__ __forceinline__ void opaque(T*& global) {
  asm volatile("" : "+l"(global));
  __builtin_assume(__isGlobal(global));
}

// Kernels of a network may overlap (programmatic dependent launch): the next one may start once all blocks of
// this one have said so, and what the one before wrote, or still reads, is nobody's until await_previous().
__device__ __forceinline__ void start_next() {
#if __CUDA_ARCH__ >= 900
  asm volatile("griddepcontrol.launch_dependents;" ::: "memory");
#endif
}
__device__ __forceinline__ void await_previous() {
#if __CUDA_ARCH__ >= 900
  asm volatile("griddepcontrol.wait;" ::: "memory");
#endif
}

// Copies 8 or 16 bytes; nothing is promised before copy_async_wait and a barrier.
template <int bytes>
__device__ __forceinline__ void copy_async(void* shared, const void* global) {
#if __CUDA_ARCH__ >= 800
  const auto to = static_cast<unsigned>(__cvta_generic_to_shared(shared));
  asm volatile("cp.async.ca.shared.global [%0], [%1], %2;" ::"r"(to), "l"(global), "n"(bytes) : "memory");
#else
  if constexpr (bytes == 16)
    *static_cast<uint4*>(shared) = *static_cast<const uint4*>(global);
  else
    *static_cast<uint2*>(shared) = *static_cast<const uint2*>(global);
#endif
}
__device__ __forceinline__ void copy_async_commit() {
#if __CUDA_ARCH__ >= 800
  asm volatile("cp.async.commit_group;" ::: "memory");
#endif
}
template <int but_the_last>
__device__ __forceinline__ void copy_async_wait() {
#if __CUDA_ARCH__ >= 800
  asm volatile("cp.async.wait_group %0;" ::"n"(but_the_last) : "memory");
#endif
}

#endif

// How every kernel begins that has nothing to do before.
__device__ __forceinline__ void take_turn() {
  start_next();
  await_previous();
}

}  // namespace binmorph::cuda
