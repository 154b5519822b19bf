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
  kSharedBytes = 97,
};
constexpr int kMaxDynamicShared = 8;  // an attribute of functions
constexpr unsigned kSharedWithoutAsking = 48 << 10;

KernelNodeParams node_params(Function function, const Launch& launch, void** argument) {
  return {function,
          {launch.grid[0], launch.grid[1], launch.grid[2]},
          {launch.block[0], launch.block[1], launch.block[2]},
          launch.shared_bytes,
          argument,
          nullptr,
          nullptr,
          nullptr};
}

void* first_byte(const std::vector<std::byte>& parameters) {
  return const_cast<std::byte*>(parameters.data());  // the driver copies them, and takes void*
}

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
  void* argument = first_byte(l.parameters);
  check(
      driver().cuLaunchKernel(function(l.entry, l.shared_bytes), l.grid[0], l.grid[1], l.grid[2], l.block[0],
                              l.block[1], l.block[2], l.shared_bytes, stream, &argument, nullptr),
      l.entry);
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

// Delegates, so that what was made is destroyed if a later call throws.
LaunchGraph::LaunchGraph(Device& device, const std::vector<Launch>& launches, bool overlap)
    : LaunchGraph(device) {
  constexpr int kFirstOverlapping = 90;
  launches_ = launches;
  overlap &= device.info().sm >= kFirstOverlapping && driver().cuGraphAddDependencies_v2 != nullptr;
  if (overlap && build(true) == kSuccess) return;
  clear();
  check(build(false), "instantiating a graph");
}

int LaunchGraph::build(bool overlap) {
  const Driver& api = driver();
  if (const int code = api.cuGraphCreate(&graph_, 0)) return code;
  for (const Launch& launch : launches_) {
    void* argument = first_byte(launch.parameters);
    const KernelNodeParams params =
        node_params(device_.function(launch.entry, launch.shared_bytes), launch, &argument);
    GraphNode node = nullptr;
    const GraphNode* before = nodes_.empty() ? nullptr : &nodes_.back();
    const bool whole = before != nullptr && !overlap;  // waits for the end of the one before
    if (const int code = api.cuGraphAddKernelNode_v2(&node, graph_, whole ? before : nullptr, whole, &params))
      return code;
    if (before != nullptr && overlap)
      if (const int code = api.cuGraphAddDependencies_v2(graph_, before, &node, &kOverlapping, 1))
        return code;
    nodes_.push_back(node);
  }
  return api.cuGraphInstantiateWithFlags(&exec_, graph_, 0);
}

void LaunchGraph::clear() {
  const Driver& api = find_driver();
  if (exec_ != nullptr) api.cuGraphExecDestroy(exec_);
  if (graph_ != nullptr) api.cuGraphDestroy(graph_);
  exec_ = nullptr;
  graph_ = nullptr;
  nodes_.clear();
}

LaunchGraph::~LaunchGraph() { clear(); }

void LaunchGraph::set(std::size_t index, const std::vector<std::byte>& parameters) {
  Launch& launch = launches_[index];
  if (launch.parameters == parameters) return;
  launch.parameters = parameters;
  void* argument = first_byte(launch.parameters);
  const KernelNodeParams params =
      node_params(device_.function(launch.entry, launch.shared_bytes), launch, &argument);
  check(driver().cuGraphExecKernelNodeSetParams_v2(exec_, nodes_[index], &params), launch.entry);
}

void LaunchGraph::run(Stream stream) const {
  check(driver().cuGraphLaunch(exec_, stream), "launching a graph");
}

}  // namespace binmorph::cuda
