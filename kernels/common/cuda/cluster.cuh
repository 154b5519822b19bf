// A thread block cluster (sm_90 and later): its blocks meet, and read one another's shared memory.
#pragma once

#include "kernels/common/cuda/device.cuh"

#if !defined(__CUDA_ARCH__) || __CUDA_ARCH__ >= 900
#define BINMORPH_CLUSTER 1
#endif

namespace binmorph::cuda {

#ifdef BINMORPH_EMULATE

inline void sync_cluster() { emulate::machine.await_cluster(); }
inline std::uint64_t load_shared_of(unsigned rank, const std::uint64_t* mine) {
  std::uint64_t word;
  std::memcpy(&word, emulate::machine.shared_of(rank, mine, sizeof word), sizeof word);
  return word;
}

#else

// What any thread of the cluster wrote before, all of its threads see behind it.
__device__ __forceinline__ void sync_cluster() {
#if __CUDA_ARCH__ >= 900
  asm volatile("barrier.cluster.arrive.release.aligned;\nbarrier.cluster.wait.acquire.aligned;" ::: "memory");
#endif
}

// The word of block `rank` of the cluster that lies where `mine` does in the shared memory of this one.
__device__ __forceinline__ std::uint64_t load_shared_of(unsigned rank, const std::uint64_t* mine) {
  std::uint64_t word = 0;
#if __CUDA_ARCH__ >= 900
  asm volatile(
      "{\n.reg .b32 there;\n"
      "mapa.shared::cluster.u32 there, %1, %2;\n"
      "ld.shared::cluster.u64 %0, [there];\n}"
      : "=l"(word)
      : "r"(static_cast<unsigned>(__cvta_generic_to_shared(mine))), "r"(rank)
      : "memory");
#endif
  return word;
}

#endif

}  // namespace binmorph::cuda
