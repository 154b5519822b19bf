#include "cuda/driver.h"

#include <dlfcn.h>
#include <unistd.h>

#include <cstdlib>

#include "binmorph/error.h"

namespace binmorph::cuda {
namespace {

constexpr int kOldestVersion = 12000;    // kernel nodes in the form used here came with CUDA 12.0
constexpr int kOptionalVersion = 12030;  // edges with data

std::string version_text(int version) {
  return std::to_string(version / 1000) + "." + std::to_string(version % 1000 / 10);
}

std::string result_text(const Driver& found, int result) {
  const char* text = nullptr;
  if (found.cuGetErrorString == nullptr || found.cuGetErrorString(result, &text) != kSuccess ||
      text == nullptr)
    text = "unknown error";
  return "CUDA error " + std::to_string(result) + ", " + text;
}

std::string open_library(Driver& found) {
  const char* named = std::getenv("BINMORPH_LIBCUDA");
  found.library = named != nullptr && *named != '\0' ? named : "libcuda.so.1";
  void* library = dlopen(found.library.c_str(), RTLD_NOW | RTLD_LOCAL);
  if (library == nullptr) {
    const char* why = dlerror();
    return "no CUDA driver: " + std::string(why != nullptr ? why : found.library + " cannot be opened");
  }
  // The version first: an older driver lacks entry points, and should be told apart from a broken one.
  std::string missing;
  const auto resolve = [&](auto& member, const char* name) {
    void* symbol = dlsym(library, name);
    if (symbol == nullptr && missing.empty()) missing = name;
    member = reinterpret_cast<std::remove_reference_t<decltype(member)>>(symbol);
  };
#define BINMORPH_CUDA_RESOLVE(name, ...) resolve(found.name, #name);
  BINMORPH_CUDA_ENTRY_POINTS(BINMORPH_CUDA_RESOLVE)
#undef BINMORPH_CUDA_RESOLVE
#define BINMORPH_CUDA_RESOLVE(name, ...) \
  found.name = reinterpret_cast<decltype(found.name)>(dlsym(library, #name));
  if (found.cuDriverGetVersion != nullptr && found.cuDriverGetVersion(&found.version) == kSuccess &&
      found.version >= kOptionalVersion) {
    BINMORPH_CUDA_OPTIONAL_ENTRY_POINTS(BINMORPH_CUDA_RESOLVE)
  }
#undef BINMORPH_CUDA_RESOLVE
  found.brings_kernels = dlsym(library, "binmorph_brings_kernels") != nullptr;
  if (found.version != 0 && found.version < kOldestVersion)
    return "the CUDA driver is too old: it knows CUDA " + version_text(found.version) + ", " +
           version_text(kOldestVersion) + " is needed; update the driver";
  if (!missing.empty()) return "the CUDA driver is broken: " + found.library + " lacks " + missing;
  return "";
}

Driver open_driver() {
  Driver found;
  found.process = getpid();
  found.problem = open_library(found);
  if (!found.problem.empty()) return found;
  int result = found.cuInit(0);
  if (result == kSuccess) result = found.cuDeviceGetCount(&found.devices);
  if (result != kSuccess)
    found.problem = "the CUDA driver does not start: " + result_text(found, result);
  else if (found.devices == 0)
    found.problem = "the CUDA driver sees no device (is CUDA_VISIBLE_DEVICES empty?)";
  return found;
}

}  // namespace

const Driver& find_driver() {
  static const Driver* const found = new Driver(open_driver());  // kept: other threads may outlive main
  return *found;
}

const Driver& driver() {
  const Driver& found = find_driver();
  if (!found.problem.empty()) throw Error(ErrorKind::device, found.problem);
  if (found.process != getpid())
    throw Error(ErrorKind::device,
                "CUDA was in use before this process was forked; start it with the method 'spawn'");
  return found;
}

void check(int result, const std::string& what) {
  if (result == kSuccess) return;
  const std::string message = what + ": " + result_text(find_driver(), result);
  if (result == kOutOfMemory) throw Error(ErrorKind::memory_limit, message);
  // Faults of a kernel or of the memory: from here on every call fails.
  const bool lost = result == 214 || result == 700 || result == 702 || result == 709 || result == 710 ||
                    (result >= 714 && result <= 719);
  throw Error(ErrorKind::device,
              lost ? message + "; the device's context is lost: start a new process" : message);
}

}  // namespace binmorph::cuda
