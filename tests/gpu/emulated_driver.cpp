// A CUDA driver without a GPU: the entry points that csrc/cuda/driver.h names, over the emulation of the
// device kernels (kernels/common/cuda/emulate.h). Everything happens at once, on the calling thread; device
// memory is host memory, poisoned, with a page after it that nobody may touch. Tests set what should go wrong
// by emulator_set.
#include <sys/mman.h>
#include <unistd.h>

#include <chrono>
#include <cstddef>
#include <cstring>

#include "emulated_state.h"
#include "kernels/common/cuda/emulate.h"

using namespace binmorph::cuda;
using namespace emulated;

namespace {

std::map<Address, std::size_t> allocations;
std::size_t allocated = 0;
constexpr std::size_t kPage = 4096;

std::size_t capacity() { return static_cast<std::size_t>(setting("memory", 0)); }

}  // namespace

extern "C" {

extern const int binmorph_brings_kernels = 1;

void emulator_set(const char* key, long value) {
  const std::lock_guard<std::recursive_mutex> lock(mutex);
  settings[key] = value;
  emulate::machine.descending = setting("descending", 0) != 0;
}
long emulator_get(const char* key) { return setting(key, 0); }
long emulator_allocated() { return static_cast<long>(allocated); }

int cuGetErrorString(int code, const char** text) {
  *text = code == 2 ? "out of memory" : code == 700 ? "an illegal memory access was encountered" : "emulated";
  return kSuccess;
}
int cuInit(unsigned) {
  const char* code = std::getenv("EMULATOR_INIT");
  return code != nullptr ? std::atoi(code) : kSuccess;
}
int cuDriverGetVersion(int* version) {
  const char* told = std::getenv("EMULATOR_VERSION");
  *version = told != nullptr ? std::atoi(told) : 13000;
  return kSuccess;
}
int cuDeviceGetCount(int* count) {
  const char* told = std::getenv("EMULATOR_DEVICES");
  *count = told != nullptr ? std::atoi(told) : 2;
  return kSuccess;
}
int cuDeviceGet(int* device, int ordinal) {
  *device = ordinal;
  return kSuccess;
}
int cuDeviceGetName(char* name, int size, int) {
  std::strncpy(name, "emulated GPU", static_cast<std::size_t>(size));
  return kSuccess;
}
int cuDeviceGetAttribute(int* value, int attribute, int) {
  *value = attribute == 75   ? 9
           : attribute == 76 ? 0
           : attribute == 97 ? 227 << 10
           : attribute == 16 ? 1
           : attribute == 95 ? static_cast<int>(setting("cooperative", 0))
                             : 1 << 20;
  return kSuccess;
}
int cuDeviceTotalMem_v2(std::size_t* bytes, int) {
  *bytes = capacity();
  return kSuccess;
}
int cuDevicePrimaryCtxRetain(Context* context, int device) {
  *context = reinterpret_cast<Context>(static_cast<std::uintptr_t>(device) + 1);
  return fault("cuDevicePrimaryCtxRetain");
}
int cuCtxPushCurrent_v2(Context) { return kSuccess; }
int cuCtxPopCurrent_v2(Context*) { return kSuccess; }
int cuCtxSynchronize() { return kSuccess; }
int cuMemGetInfo_v2(std::size_t* free, std::size_t* total) {
  BINMORPH_BEGIN(cuMemGetInfo_v2)
  *total = capacity();
  *free = *total - std::min(*total, allocated);
  return kSuccess;
}
int cuMemAlloc_v2(Address* address, std::size_t bytes) {
  BINMORPH_BEGIN(cuMemAlloc_v2)
  if (bytes > capacity() - std::min(capacity(), allocated)) return kOutOfMemory;
  const std::size_t padded = (bytes + 255) / 256 * 256, pages = (padded + kPage - 1) / kPage * kPage;
  void* memory = mmap(nullptr, pages + kPage, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
  if (memory == MAP_FAILED) return kOutOfMemory;
  mprotect(static_cast<char*>(memory) + pages, kPage, PROT_NONE);
  std::memset(memory, 0xCD, pages);
  *address = reinterpret_cast<Address>(memory) + pages - padded;
  allocations[*address] = padded;
  allocated += padded;
  return kSuccess;
}
int cuMemFree_v2(Address address) {
  const std::lock_guard<std::recursive_mutex> lock(mutex);
  const auto at = allocations.find(address);
  if (at == allocations.end()) return 1;
  const std::size_t pages = (at->second + kPage - 1) / kPage * kPage;
  munmap(reinterpret_cast<void*>(address + at->second - pages), pages + kPage);
  allocated -= at->second;
  allocations.erase(at);
  return kSuccess;
}
int cuMemcpyHtoDAsync_v2(Address to, const void* from, std::size_t bytes, Stream) {
  BINMORPH_BEGIN(cuMemcpyHtoDAsync_v2)
  std::memcpy(reinterpret_cast<void*>(to), from, bytes);
  return kSuccess;
}
int cuMemcpyDtoHAsync_v2(void* to, Address from, std::size_t bytes, Stream) {
  BINMORPH_BEGIN(cuMemcpyDtoHAsync_v2)
  std::memcpy(to, reinterpret_cast<const void*>(from), bytes);
  return kSuccess;
}
int cuMemcpyDtoDAsync_v2(Address to, Address from, std::size_t bytes, Stream) {
  BINMORPH_BEGIN(cuMemcpyDtoDAsync_v2)
  std::memmove(reinterpret_cast<void*>(to), reinterpret_cast<const void*>(from), bytes);
  return kSuccess;
}
int cuMemsetD8Async(Address to, unsigned char value, std::size_t bytes, Stream) {
  BINMORPH_BEGIN(cuMemsetD8Async)
  std::memset(reinterpret_cast<void*>(to), value, bytes);
  return kSuccess;
}
int cuStreamCreate(Stream* stream, unsigned) {
  static std::uintptr_t next = 0x1000;
  BINMORPH_BEGIN(cuStreamCreate)
  *stream = reinterpret_cast<Stream>(++next);
  return kSuccess;
}
int cuStreamDestroy_v2(Stream) { return kSuccess; }
int cuStreamSynchronize(Stream) {
  BINMORPH_BEGIN(cuStreamSynchronize)
  return kSuccess;
}
int cuStreamWaitEvent(Stream, Event, unsigned) {
  BINMORPH_BEGIN(cuStreamWaitEvent)
  ++settings["waits"];
  return kSuccess;
}
int cuEventCreate(Event* event, unsigned) {
  *event = reinterpret_cast<Event>(new double(0));
  return kSuccess;
}
int cuEventDestroy_v2(Event event) {
  delete reinterpret_cast<double*>(event);
  return kSuccess;
}
int cuEventRecord(Event event, Stream) {
  BINMORPH_BEGIN(cuEventRecord)
  const auto now = std::chrono::steady_clock::now().time_since_epoch();
  *reinterpret_cast<double*>(event) = std::chrono::duration<double, std::milli>(now).count();
  return kSuccess;
}
int cuEventQuery(Event) { return setting("busy", 0) != 0 ? kNotReady : kSuccess; }
int cuEventElapsedTime(float* milliseconds, Event from, Event to) {
  *milliseconds = static_cast<float>(*reinterpret_cast<double*>(to) - *reinterpret_cast<double*>(from));
  return kSuccess;
}
int cuEventSynchronize(Event) { return kSuccess; }

}  // extern "C"
