// What the parts of the emulated driver share: one lock, what tests set, what they count.
#pragma once

#include <map>
#include <mutex>
#include <string>

#include "cuda/driver.h"

namespace emulated {

inline std::recursive_mutex mutex;  // the emulation is one machine
inline std::map<std::string, long> settings{{"memory", 1L << 30}, {"cooperative", 1}, {"cluster", 16}};

inline long setting(const std::string& key, long otherwise) {
  const auto at = settings.find(key);
  return at == settings.end() ? otherwise : at->second;
}

// The error that a test asked this call to return, or 0. "lost" makes every later call fail.
inline int fault(const char* call) {
  if (const long lost = setting("lost", 0)) return static_cast<int>(lost);
  return static_cast<int>(setting(call, binmorph::cuda::kSuccess));
}

}  // namespace emulated

#define BINMORPH_BEGIN(call)                                         \
  const std::lock_guard<std::recursive_mutex> lock(emulated::mutex); \
  if (const int code = emulated::fault(#call)) return code;
