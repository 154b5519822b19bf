#include "kernels/elementwise/cuda_program.cuh"

namespace binmorph::cuda {
namespace {

template <class T>
__device__ __forceinline__ void elementwise(const ElementwiseParams& p) {
  const unsigned lanes = lanes_for(p.program.channels);
  const std::uint64_t item = thread_item(), pixel = item / lanes;
  if (pixel >= p.pixels) return;  // whole warps: lanes are a multiple of 32
  const unsigned channel = static_cast<unsigned>(item % lanes);
  const float value =
      channel < p.program.channels
          ? static_cast<float>(static_cast<const T*>(p.src)[pixel * p.program.channels + channel])
          : 0;
  run_program(p.program, pixel, channel, value);
}

}  // namespace

extern "C" __global__ void __launch_bounds__(kBlock) elementwise_f32__cuda_simt(const ElementwiseParams p) {
  take_turn();
  elementwise<float>(p);
}
extern "C" __global__ void __launch_bounds__(kBlock) elementwise_i32__cuda_simt(const ElementwiseParams p) {
  take_turn();
  elementwise<std::int32_t>(p);
}

}  // namespace binmorph::cuda
