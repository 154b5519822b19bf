#include "cuda/device.h"

#include <memory>
#include <utility>

#include "binmorph/error.h"
#include "cuda/embedded.h"

namespace binmorph::cuda {
namespace {

enum Attribute : int {
  kMultiprocessors = 16,
  kL2Bytes = 38,
  kMajor = 75,
  kMinor = 76,
  kCooperative = 95,
  kSharedBytes = 97,
};
constexpr int kMaxDynamicShared = 8, kLargeClusters = 14;  // attributes of functions
constexpr int kFirstWithClusters = 90;                     // compute capability
constexpr unsigned kAnyCluster = 8;                        // larger ones must be asked for
constexpr unsigned kSharedWithoutAsking = 48 << 10;

}  // namespace

DeviceInfo device_info(int ordinal) {
  const Driver& api = driver();
  const std::string where = "CUDA device " + std::to_string(ordinal);
  if (ordinal < 0 || ordinal >= api.devices)
    throw Error(ErrorKind::device, "there is no " + where + ": the driver sees " +
                                       std::to_string(api.devices) + " device" +
                                       (api.devices == 1 ? "" : "s") + ", counted from 0");
  DeviceInfo info;
  int device = 0;
  check(api.cuDeviceGet(&device, ordinal), where);
  char name[256] = "";
  check(api.cuDeviceGetName(name, sizeof name, device), where);
  info.name = name;
  const auto attribute = [&](Attribute which) {
    int value = 0;
    check(api.cuDeviceGetAttribute(&value, which, device), where);
    return value;
  };
  info.sm = 10 * attribute(kMajor) + attribute(kMinor);
  info.multiprocessors = attribute(kMultiprocessors);
  info.l2_bytes = static_cast<std::size_t>(attribute(kL2Bytes));
  info.shared_bytes = static_cast<std::size_t>(attribute(kSharedBytes));
  check(api.cuDeviceTotalMem_v2(&info.memory, device), where);
  return info;
}

Device& Device::get(int ordinal) {
  static std::mutex mutex;
  static auto* devices = new std::map<int, std::unique_ptr<Device>>();  // kept, as the driver is
  const std::lock_guard<std::mutex> lock(mutex);
  driver();  // a forked child must not get the parent's
  std::unique_ptr<Device>& device = (*devices)[ordinal];
  if (device == nullptr) device.reset(new Device(ordinal));
  return *device;
}

Device::Device(int ordinal) : ordinal_(ordinal), info_(device_info(ordinal)) {
  const Driver& api = driver();
  const Embedded& kernels = embedded();
  if (kernels.images.empty() && !api.brings_kernels)
    throw Error(ErrorKind::device, "this build holds no CUDA kernels: " + kernels.reason +
                                       "; install the CUDA toolkit and build the package again");
  int device = 0;
  check(api.cuDeviceGet(&device, ordinal), info_.name);
  check(api.cuDevicePrimaryCtxRetain(&context_, device), info_.name);
  const Scope scope(*this);
  if (api.brings_kernels) {
    modules_.push_back(nullptr);
    return;
  }
  for (const EmbeddedImage& image : kernels.images) {
    Module module = nullptr;
    const int result = api.cuModuleLoadData(&module, image.data);
    if (result == kNoBinaryForGpu || result == kInvalidImage || result == kUnsupportedPtx)
      throw Error(ErrorKind::device,
                  info_.name + " (sm_" + std::to_string(info_.sm) + ", driver for CUDA " +
                      std::to_string(api.version / 1000) + "." + std::to_string(api.version % 1000 / 10) +
                      ") cannot load the kernels of this build, made by nvcc " + kernels.compiler + " for " +
                      kernels.architectures +
                      "; update the driver, or build the package with the toolkit of the driver");
    check(result, std::string("loading ") + image.source);
    modules_.push_back(module);
  }
}

Function Device::find(const std::string& entry, unsigned shared_bytes) {
  const Driver& api = driver();
  const std::lock_guard<std::mutex> lock(mutex_);
  auto at = functions_.find(entry);
  if (at == functions_.end()) {
    const Scope scope(*this);
    Function function = nullptr;
    for (Module module : modules_) {
      const int result = api.cuModuleGetFunction(&function, module, entry.c_str());
      if (result == kSuccess) break;
      function = nullptr;
      if (result != kNotFound) check(result, entry);
    }
    at = functions_.emplace(entry, Found{function, kSharedWithoutAsking}).first;
  }
  Found& found = at->second;
  if (found.function != nullptr && shared_bytes > found.shared_bytes) {
    const Scope scope(*this);
    check(api.cuFuncSetAttribute(found.function, kMaxDynamicShared, static_cast<int>(shared_bytes)), entry);
    found.shared_bytes = shared_bytes;
  }
  return found.function;
}

Function Device::function(const std::string& entry, unsigned shared_bytes) {
  Function found = find(entry, shared_bytes);
  if (found == nullptr) throw Error(ErrorKind::device, "this build has no CUDA kernel " + entry);
  return found;
}

void Device::launch(const Launch& l, Stream stream) {
  void* argument = l.argument();
  check(
      driver().cuLaunchKernel(function(l.entry, l.shared_bytes), l.grid[0], l.grid[1], l.grid[2], l.block[0],
                              l.block[1], l.block[2], l.shared_bytes, stream, &argument, nullptr),
      l.entry);
}

unsigned Device::resident_blocks(const std::string& entry, unsigned block, unsigned shared_bytes) {
  const Driver& api = driver();
  const Function kernel = find(entry, shared_bytes);
  if (kernel == nullptr) return 0;
  int device = 0, offered = 0, blocks = 0;
  const Scope scope(*this);
  check(api.cuDeviceGet(&device, ordinal_), info_.name);
  check(api.cuDeviceGetAttribute(&offered, kCooperative, device), info_.name);
  check(
      api.cuOccupancyMaxActiveBlocksPerMultiprocessor(&blocks, kernel, static_cast<int>(block), shared_bytes),
      entry);
  return offered == 0 ? 0 : static_cast<unsigned>(blocks * info_.multiprocessors);
}

unsigned Device::cluster_blocks(const std::string& entry, unsigned block, unsigned shared_bytes) {
  const Driver& api = driver();
  const Function kernel = info_.sm < kFirstWithClusters ? nullptr : find(entry, shared_bytes);
  if (kernel == nullptr) return 0;
  const Scope scope(*this);
  for (const unsigned blocks : {2 * kAnyCluster, kAnyCluster}) {
    if (blocks > kAnyCluster && api.cuFuncSetAttribute(kernel, kLargeClusters, 1) != kSuccess) continue;
    NamedAttribute size{kClusterSize, {}};
    size.value.cluster[0] = blocks;
    size.value.cluster[1] = size.value.cluster[2] = 1;
    const LaunchConfig config{{blocks, 1, 1}, {block, 1, 1}, shared_bytes, nullptr, &size, 1};
    int clusters = 0;
    if (api.cuOccupancyMaxActiveClusters(&clusters, kernel, &config) == kSuccess && clusters > 0)
      return blocks;
  }
  return 0;
}

Device::Scope::Scope(const Device& device) {
  check(driver().cuCtxPushCurrent_v2(device.context_), device.info_.name);
}

Device::Scope::~Scope() {
  Context context = nullptr;
  find_driver().cuCtxPopCurrent_v2(&context);
}

void check_allocation(const Device& device, std::size_t bytes, int result) {
  if (result == kOutOfMemory) {
    std::size_t free = 0, total = 0;
    driver().cuMemGetInfo_v2(&free, &total);
    throw Error(ErrorKind::memory_limit, device.info().name + " has no room for " + std::to_string(bytes) +
                                             " bytes: " + std::to_string(free) + " of " +
                                             std::to_string(total) +
                                             " are free; free some, or lower max_memory");
  }
  check(result, "allocating " + std::to_string(bytes) + " bytes on " + device.info().name);
}

Buffer::Buffer(Device& device, std::size_t bytes) : device_(&device), bytes_(bytes) {
  if (bytes == 0) return;
  const Device::Scope scope(device);
  check_allocation(device, bytes, driver().cuMemAlloc_v2(&address_, bytes));
}

Buffer::~Buffer() {
  if (address_ == 0) return;
  try {
    const Device::Scope scope(*device_);
    find_driver().cuMemFree_v2(address_);
  } catch (const Error&) {
    // A lost context, or a forked child: there is nothing to free.
  }
}

Buffer::Buffer(Buffer&& other) noexcept { *this = std::move(other); }

Buffer& Buffer::operator=(Buffer&& other) noexcept {
  std::swap(device_, other.device_);
  std::swap(address_, other.address_);
  std::swap(bytes_, other.bytes_);
  return *this;
}

}  // namespace binmorph::cuda
