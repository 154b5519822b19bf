// The CUDA driver, found at run time: the extension links to nothing of CUDA, and needs none of its headers.
#pragma once

#include <cstddef>
#include <cstdint>
#include <string>

namespace binmorph::cuda {

using Address = std::uint64_t;  // of device memory
using Context = struct ContextHandle*;
using Module = struct ModuleHandle*;
using Function = struct FunctionHandle*;
using Stream = struct StreamHandle*;
using Event = struct EventHandle*;
using GraphHandle = struct GraphTemplate*;
using GraphNode = struct GraphNodeHandle*;
using GraphExec = struct GraphExecHandle*;

// The driver's CUDA_KERNEL_NODE_PARAMS_v2.
struct KernelNodeParams {
  Function function;
  unsigned grid[3], block[3], shared_bytes;
  void** parameters;
  void** extra;
  void* kernel;
  Context context;
};

// The driver's CUgraphEdgeData. Port 1 and type 1: programmatic, the later kernel may start when all blocks
// of the earlier one say so.
struct GraphEdge {
  unsigned char from_port, to_port, type, reserved[5];
};
inline constexpr GraphEdge kOverlapping{1, 0, 1, {}};

// The driver's CUlaunchAttributeValue, and the attributes of cooperative launches and of clusters.
union LaunchAttribute {
  char room[64];
  int number;
  unsigned cluster[3];
};
inline constexpr int kTogether = 2, kClusterSize = 4;
inline constexpr LaunchAttribute kYes{{1}};

// The driver's CUlaunchAttribute and CUlaunchConfig.
struct NamedAttribute {
  int name;
  LaunchAttribute value alignas(8);
};
static_assert(sizeof(NamedAttribute) == 72, "as the driver has it");
struct LaunchConfig {
  unsigned grid[3], block[3], shared_bytes;
  Stream stream;
  const NamedAttribute* attributes;
  unsigned count;
};

enum : int {
  kSuccess = 0,
  kOutOfMemory = 2,
  kInvalidImage = 200,
  kNoBinaryForGpu = 209,
  kUnsupportedPtx = 222,
  kNotFound = 500,
  kNotReady = 600,
};

// Entry points by the names that the library exports (their newest version of CUDA 12), with the arguments of
// each.
#define BINMORPH_CUDA_ENTRY_POINTS(X)                                                                       \
  X(cuGetErrorString, int, const char**)                                                                    \
  X(cuInit, unsigned)                                                                                       \
  X(cuDriverGetVersion, int*)                                                                               \
  X(cuDeviceGetCount, int*)                                                                                 \
  X(cuDeviceGet, int*, int)                                                                                 \
  X(cuDeviceGetName, char*, int, int)                                                                       \
  X(cuDeviceGetAttribute, int*, int, int)                                                                   \
  X(cuDeviceTotalMem_v2, std::size_t*, int)                                                                 \
  X(cuDevicePrimaryCtxRetain, Context*, int)                                                                \
  X(cuCtxPushCurrent_v2, Context)                                                                           \
  X(cuCtxPopCurrent_v2, Context*)                                                                           \
  X(cuCtxSynchronize, )                                                                                     \
  X(cuModuleLoadData, Module*, const void*)                                                                 \
  X(cuModuleGetFunction, Function*, Module, const char*)                                                    \
  X(cuFuncSetAttribute, Function, int, int)                                                                 \
  X(cuMemGetInfo_v2, std::size_t*, std::size_t*)                                                            \
  X(cuMemAlloc_v2, Address*, std::size_t)                                                                   \
  X(cuMemFree_v2, Address)                                                                                  \
  X(cuMemcpyHtoDAsync_v2, Address, const void*, std::size_t, Stream)                                        \
  X(cuMemcpyDtoHAsync_v2, void*, Address, std::size_t, Stream)                                              \
  X(cuMemcpyDtoDAsync_v2, Address, Address, std::size_t, Stream)                                            \
  X(cuMemsetD8Async, Address, unsigned char, std::size_t, Stream)                                           \
  X(cuLaunchKernel, Function, unsigned, unsigned, unsigned, unsigned, unsigned, unsigned, unsigned, Stream, \
    void**, void**)                                                                                         \
  X(cuStreamCreate, Stream*, unsigned)                                                                      \
  X(cuStreamDestroy_v2, Stream)                                                                             \
  X(cuStreamSynchronize, Stream)                                                                            \
  X(cuStreamWaitEvent, Stream, Event, unsigned)                                                             \
  X(cuEventCreate, Event*, unsigned)                                                                        \
  X(cuEventDestroy_v2, Event)                                                                               \
  X(cuEventRecord, Event, Stream)                                                                           \
  X(cuEventQuery, Event)                                                                                    \
  X(cuEventElapsedTime, float*, Event, Event)                                                               \
  X(cuEventSynchronize, Event)                                                                              \
  X(cuGraphCreate, GraphHandle*, unsigned)                                                                  \
  X(cuGraphDestroy, GraphHandle)                                                                            \
  X(cuGraphAddKernelNode_v2, GraphNode*, GraphHandle, const GraphNode*, std::size_t,                        \
    const KernelNodeParams*)                                                                                \
  X(cuGraphKernelNodeSetAttribute, GraphNode, int, const LaunchAttribute*)                                  \
  X(cuOccupancyMaxActiveBlocksPerMultiprocessor, int*, Function, int, std::size_t)                          \
  X(cuOccupancyMaxActiveClusters, int*, Function, const LaunchConfig*)                                      \
  X(cuGraphInstantiateWithFlags, GraphExec*, GraphHandle, unsigned long long)                               \
  X(cuGraphExecDestroy, GraphExec)                                                                          \
  X(cuGraphExecKernelNodeSetParams_v2, GraphExec, GraphNode, const KernelNodeParams*)                       \
  X(cuGraphLaunch, GraphExec, Stream)

// Those that an older driver may lack, and that nothing depends on; null there.
#define BINMORPH_CUDA_OPTIONAL_ENTRY_POINTS(X) \
  X(cuGraphAddDependencies_v2, GraphHandle, const GraphNode*, const GraphNode*, const GraphEdge*, std::size_t)

namespace detail {
template <class... Arguments>
using EntryPoint = int (*)(Arguments...);
}

struct Driver {
#define BINMORPH_CUDA_MEMBER(name, ...) detail::EntryPoint<__VA_ARGS__> name = nullptr;
  BINMORPH_CUDA_ENTRY_POINTS(BINMORPH_CUDA_MEMBER)
  BINMORPH_CUDA_OPTIONAL_ENTRY_POINTS(BINMORPH_CUDA_MEMBER)
#undef BINMORPH_CUDA_MEMBER
  std::string library;  // what was opened
  int version = 0;      // of CUDA, 1000 * major + 10 * minor; 0: unknown
  int devices = 0;
  bool brings_kernels = false;  // the library runs kernels of its own, whatever this build holds
  int process = 0;              // that started it
  std::string problem;          // why nothing can run; empty: something can
};

// Opened once per process: libcuda.so.1, or the library that BINMORPH_LIBCUDA names. Never throws.
const Driver& find_driver();

// The same; throws Error(device) with the problem.
const Driver& driver();

// Throws Error(memory_limit) when the device's memory is spent, otherwise Error(device), with the driver's
// text.
void check(int result, const std::string& what);

}  // namespace binmorph::cuda
