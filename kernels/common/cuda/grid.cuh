// A barrier of all blocks of a cooperative launch.
#pragma once

#include "kernels/common/cuda/device.cuh"
#include "kernels/threshold_conv2d/cuda_chain.h"

namespace binmorph::cuda {

// What any block wrote before, all blocks see behind it.
__device__ __forceinline__ void sync_grid(GridBarrier* barrier) {
  __syncthreads();
#ifdef BINMORPH_EMULATE
  if (barrier->arrived != 0) emulate::machine.fail("the barrier of the grid was not zero");
  if (threadIdx.x == 0) emulate::machine.await_grid();
#else
  if (threadIdx.x == 0) {
    // The last to arrive opens the next generation, for which the others look.
    unsigned generation, arrived;
    asm volatile("ld.relaxed.gpu.global.u32 %0, [%1];"
                 : "=r"(generation)
                 : "l"(&barrier->generation)
                 : "memory");
    __threadfence();
    asm volatile("atom.inc.acq_rel.gpu.global.u32 %0, [%1], %2;"
                 : "=r"(arrived)
                 : "l"(&barrier->arrived), "r"(gridDim.x - 1)
                 : "memory");
    if (arrived == gridDim.x - 1) {
      asm volatile("red.release.gpu.global.add.u32 [%0], 1;" ::"l"(&barrier->generation) : "memory");
    } else {
      unsigned now;
      do
        asm volatile("ld.acquire.gpu.global.u32 %0, [%1];"
                     : "=r"(now)
                     : "l"(&barrier->generation)
                     : "memory");
      while (now == generation);
    }
    __threadfence();
  }
#endif
  __syncthreads();
}

}  // namespace binmorph::cuda
