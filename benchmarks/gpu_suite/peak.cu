// The rate of 1-bit products alone: m64nNk256 AND.POPC, A in shared memory or in registers, one to four
// warpgroups on every multiprocessor, operands of random bits or of zeros; beside it 8-bit integers, fp8 and
// bf16 of the same width. One JSON line each: cycles per product of a warpgroup, and operations per second by
// events.
#include <cstdio>
#include <vector>

#include "kernels/common/cuda/wgmma.cuh"

namespace binmorph::cuda {

struct PeakParams {
  std::uint32_t rounds;
  std::uint32_t pattern;  // of the operands: 0 or a seed
  long long* cycles;      // [blocks]
  int* sink;              // keeps the results alive
};

constexpr unsigned kOperands = 48 << 10, kUnroll = 8;

// Sums of four warpgroups of 256 columns do not fit the registers.
template <int columns>
inline constexpr unsigned kMostGroups = columns > 192 ? 3 : 4;

// Others of 64 x 128: accumulators are 64 registers, whatever their type.
enum class Kind { bits_shared, bits_registers, s8, e4m3, bf16 };

#define BINMORPH_OTHER(instruction, immediates)                                                      \
  asm volatile(                                                                                      \
      "{\n.reg .pred p;\nsetp.ne.b32 p, 1, 0;\nwgmma.mma_async.sync.aligned." instruction            \
      " {%0, %1, %2, %3, %4, %5, %6, %7, %8, %9, %10, %11, %12, %13, %14, %15, %16, %17, %18, %19, " \
      "%20, %21, %22, %23, %24, %25, %26, %27, %28, %29, %30, %31, %32, %33, %34, %35, %36, %37, "   \
      "%38, %39, %40, %41, %42, %43, %44, %45, %46, %47, %48, %49, %50, %51, %52, %53, %54, %55, "   \
      "%56, %57, %58, %59, %60, %61, %62, %63}, %64, %65, p" immediates ";\n}"                       \
      : BINMORPH_ALL(sum)                                                                            \
      : "l"(a), "l"(b))
#define BINMORPH_FOUR(s, i) "+r"(s[i]), "+r"(s[i + 1]), "+r"(s[i + 2]), "+r"(s[i + 3])
#define BINMORPH_SIXTEEN(s, i) \
  BINMORPH_FOUR(s, i), BINMORPH_FOUR(s, i + 4), BINMORPH_FOUR(s, i + 8), BINMORPH_FOUR(s, i + 12)
#define BINMORPH_ALL(s) \
  BINMORPH_SIXTEEN(s, 0), BINMORPH_SIXTEEN(s, 16), BINMORPH_SIXTEEN(s, 32), BINMORPH_SIXTEEN(s, 48)

template <Kind kind, int columns>
__device__ __forceinline__ void issue(int (&sum)[columns / 2], const unsigned (&registers)[4],
                                      std::uint64_t a, std::uint64_t b) {
  if constexpr (kind == Kind::bits_shared)
    wgmma<columns>(sum, a, b, true);
  else if constexpr (kind == Kind::bits_registers)
    wgmma<columns>(sum, registers, b, true);
  else if constexpr (kind == Kind::s8)
    BINMORPH_OTHER("m64n128k32.s32.s8.s8", "");
  else if constexpr (kind == Kind::e4m3)
    BINMORPH_OTHER("m64n128k32.f32.e4m3.e4m3", ", 1, 1");
  else
    BINMORPH_OTHER("m64n128k16.f32.bf16.bf16", ", 1, 1, 0, 0");
}

template <Kind kind, int columns, bool swizzle>
__global__ void __launch_bounds__(kMostGroups<columns>* kWarpgroup) peak(const PeakParams p) {
#if BINMORPH_WGMMA
  unsigned char* shared = shared_memory();
  shared += (0u - shared_address(shared)) % 1024;
  auto* words = reinterpret_cast<unsigned*>(shared);
  for (unsigned i = threadIdx.x; i < kOperands / 4; i += blockDim.x)
    words[i] = p.pattern == 0 ? 0 : (i * 2654435761u + p.pattern) * 2246822519u ^ i;
  fence_proxy();
  __syncthreads();
  const unsigned stride = swizzle ? 1024 : 128, group = threadIdx.x / kWarpgroup;
  const Swizzle mode = swizzle ? Swizzle::bytes128 : Swizzle::none;
  const std::uint64_t a = matrix_at(shared_address(shared) + group % 2 * 8192, 1024, stride, mode);
  const std::uint64_t b =
      matrix_at(shared_address(shared) + 16384, swizzle ? 16 : columns * 16, stride, mode);
  const unsigned registers[4] = {words[threadIdx.x], words[threadIdx.x + 1], words[threadIdx.x + 2],
                                 words[0]};
  int sum[columns / 2] = {};
  const long long begin = clock64();
  for (unsigned round = 0; round < p.rounds; ++round) {
    wgmma_fence();
#pragma unroll
    for (unsigned i = 0; i < kUnroll; ++i) issue<kind, columns>(sum, registers, a + i % 4 * 2, b + i % 4 * 2);
    wgmma_commit();
    wgmma_wait<0>();
  }
  const long long end = clock64();
  int all = 0;
  for (int i = 0; i < columns / 2; ++i) all ^= sum[i];
  if (all == 0x12345678) *p.sink = all;
  if (threadIdx.x == 0) p.cycles[blockIdx.x] = end - begin;
#endif
}

template <Kind kind, int columns, bool swizzle>
void measure(const char* name, unsigned depth, int blocks, long long* cycles, int* sink, bool dry) {
  const unsigned shared = kOperands + 1024;
  cudaFuncSetAttribute(peak<kind, columns, swizzle>, cudaFuncAttributeMaxDynamicSharedMemorySize, shared);
  for (unsigned groups = 1; groups <= kMostGroups<columns>; ++groups)
    for (const unsigned pattern : {1u, 0u}) {
      const PeakParams p{dry ? 2u : 4000u, pattern, cycles, sink};
      cudaEvent_t begin, end;
      cudaEventCreate(&begin);
      cudaEventCreate(&end);
      float best = 1e30f;
      for (int round = 0; round < 4; ++round) {
        cudaEventRecord(begin);
        peak<kind, columns, swizzle><<<blocks, groups * kWarpgroup, shared>>>(p);
        cudaEventRecord(end);
        cudaEventSynchronize(end);
        float milliseconds = 0;
        cudaEventElapsedTime(&milliseconds, begin, end);
        if (round > 0 && milliseconds < best) best = milliseconds;
      }
      const double products = static_cast<double>(p.rounds) * kUnroll;
      const double operations = 2.0 * 64 * columns * depth * products * groups * blocks;
      std::printf(
          "{\"kind\": \"%s\", \"columns\": %d, \"swizzle\": %s, \"warpgroups\": %u, \"operands\": \"%s\", "
          "\"cycles\": %.2f, \"tops\": %.1f, \"error\": \"%s\"}\n",
          name, columns, swizzle ? "true" : "false", groups, pattern != 0 ? "random" : "zeros",
          static_cast<double>(cycles[0]) / products, operations / best * 1e-9,
          cudaGetErrorString(cudaGetLastError()));
      cudaEventDestroy(begin);
      cudaEventDestroy(end);
    }
}

}  // namespace binmorph::cuda

int main(int argc, char**) {
  using namespace binmorph::cuda;
  int device = 0, blocks = 0;
  long long* cycles = nullptr;
  int* sink = nullptr;
  if (cudaGetDevice(&device) != cudaSuccess) return 1;
  cudaDeviceGetAttribute(&blocks, cudaDevAttrMultiProcessorCount, device);
  cudaMallocManaged(&cycles, sizeof(long long) * static_cast<unsigned>(blocks));
  cudaMallocManaged(&sink, sizeof(int));
  const bool dry = argc > 1;
#define BINMORPH_WIDTH(n)                                                     \
  measure<Kind::bits_shared, n, false>("b1", 256, blocks, cycles, sink, dry); \
  measure<Kind::bits_shared, n, true>("b1", 256, blocks, cycles, sink, dry);  \
  measure<Kind::bits_registers, n, true>("b1 registers", 256, blocks, cycles, sink, dry);
  BINMORPH_WIDTH(8)
  BINMORPH_WIDTH(16)
  BINMORPH_WIDTH(32)
  BINMORPH_WIDTH(64)
  BINMORPH_WIDTH(96)
  BINMORPH_WIDTH(128)
  BINMORPH_WIDTH(192)
  BINMORPH_WIDTH(256)
  measure<Kind::s8, 128, true>("s8", 32, blocks, cycles, sink, dry);
  measure<Kind::e4m3, 128, true>("e4m3", 32, blocks, cycles, sink, dry);
  measure<Kind::bf16, 128, true>("bf16", 16, blocks, cycles, sink, dry);
  return 0;
}
