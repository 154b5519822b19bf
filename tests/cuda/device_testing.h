// Runs device kernels on arrays whose surroundings are guarded, and compares results with references.
//
// Emulated (g++ -x c++ -include kernels/common/cuda/emulate.h) every case runs in both schedules, with arrays
// that end, then begin, where memory is forbidden. Compiled by nvcc (-x cu -rdc=true, with the kernels' own
// files) the same cases run on the device.
#pragma once

#include <cstdint>
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <exception>
#include <random>
#include <stdexcept>
#include <string>
#include <utility>
#include <vector>

#include "kernels/common/bits.h"
#include "kernels/common/cuda/device.cuh"

#ifdef BINMORPH_EMULATE
#include <sys/mman.h>
#include <unistd.h>
#endif

namespace binmorph::cuda::testing {

inline constexpr unsigned char kPattern = 0xA5;
inline std::size_t compared = 0, failures = 0;
inline bool at_start = false;  // where arrays touch forbidden memory

inline void fail(const std::string& what) {
  if (++failures <= 20) std::fprintf(stderr, "%s\n", what.c_str());
  if (std::getenv("BINMORPH_STOP_AT_FAILURE") != nullptr) std::_Exit(1);
}

// Arrays that the launch before writes: emulated, they hold garbage until a kernel waits for that.
struct LateBytes {
  unsigned char* data;
  std::vector<unsigned char> content;
};
inline std::vector<LateBytes> late_arrays;

// Device memory, read and written by the host as well.
template <class T>
class Array {
 public:
  explicit Array(std::size_t size) : size_(size) {
    const std::size_t bytes = size * sizeof(T);
#ifdef BINMORPH_EMULATE
    const std::size_t page = static_cast<std::size_t>(sysconf(_SC_PAGESIZE));
    inner_ = (bytes / page + 1) * page;
    auto* map = static_cast<unsigned char*>(
        mmap(nullptr, inner_ + 2 * page, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0));
    if (map == MAP_FAILED) throw std::runtime_error("mmap failed");
    mprotect(map, page, PROT_NONE);
    mprotect(map + page + inner_, page, PROT_NONE);
    base_ = map + page;
    offset_ = at_start ? 0 : (inner_ - bytes) / 16 * 16;
#else
    inner_ = bytes + 2 * kRedZone;
    void* memory = nullptr;
    if (cudaMallocManaged(&memory, inner_) != cudaSuccess)
      throw std::runtime_error("cudaMallocManaged failed");
    base_ = static_cast<unsigned char*>(memory);
    offset_ = kRedZone;
#endif
    std::memset(base_, kPattern, inner_);
  }
  explicit Array(const std::vector<T>& values) : Array(values.size()) {
    if (!values.empty()) std::memcpy(data(), values.data(), values.size() * sizeof(T));
  }
  ~Array() {
    for (std::size_t i = late_arrays.size(); i-- > 0;)
      if (late_arrays[i].data == base_ + offset_)
        late_arrays.erase(late_arrays.begin() + static_cast<std::ptrdiff_t>(i));
#ifdef BINMORPH_EMULATE
    const std::size_t page = static_cast<std::size_t>(sysconf(_SC_PAGESIZE));
    munmap(base_ - page, inner_ + 2 * page);
#else
    cudaFree(base_);
#endif
  }
  Array(const Array&) = delete;
  Array& operator=(const Array&) = delete;

  void late() { late_arrays.push_back({base_ + offset_, std::vector<unsigned char>(size_ * sizeof(T))}); }

  T* data() { return reinterpret_cast<T*>(base_ + offset_); }
  std::size_t size() const { return size_; }
  bool intact() const {
    for (std::size_t i = 0; i < inner_; ++i)
      if ((i < offset_ || i >= offset_ + size_ * sizeof(T)) && base_[i] != kPattern) return false;
    return true;
  }

 private:
  static constexpr std::size_t kRedZone = 4096;
  std::size_t size_, inner_ = 0, offset_ = 0;
  unsigned char* base_ = nullptr;
};

template <class Params>
void launch(const LaunchShape& shape, void (*kernel)(Params), const Params& params) {
#ifdef BINMORPH_EMULATE
  for (LateBytes& array : late_arrays) {
    std::memcpy(array.content.data(), array.data, array.content.size());
    std::memset(array.data, kPattern, array.content.size());
  }
  emulate::machine.previous = [] {
    for (const LateBytes& array : late_arrays)
      std::memcpy(array.data, array.content.data(), array.content.size());
  };
  emulate::machine.launch(shape, kernel, params);
  const auto previous = std::exchange(emulate::machine.previous, nullptr);
  if (!previous || shape.grid_x == 0 || shape.grid_y == 0) return;
  previous();
  fail("a kernel does not wait for the one before it");
#else
  if (shape.shared_bytes > 48 * 1024)
    cudaFuncSetAttribute(kernel, cudaFuncAttributeMaxDynamicSharedMemorySize,
                         static_cast<int>(shape.shared_bytes));
  void* arguments[] = {const_cast<Params*>(&params)};
  const auto* function = reinterpret_cast<const void*>(kernel);
  const dim3 grid(shape.grid_x, shape.grid_y, shape.grid_z), block(shape.block);
  cudaLaunchConfig_t config{grid, block, shape.shared_bytes, nullptr, nullptr, 0};
  cudaLaunchAttribute meets{};
  if (shape.together || shape.cluster != 0) {
    meets.id = shape.together ? cudaLaunchAttributeCooperative : cudaLaunchAttributeClusterDimension;
    if (shape.together)
      meets.val.cooperative = 1;
    else
      meets.val.clusterDim = {shape.cluster, 1, 1};
    config.attrs = &meets;
    config.numAttrs = 1;
  }
  if (shape.cluster > 8) cudaFuncSetAttribute(kernel, cudaFuncAttributeNonPortableClusterSizeAllowed, 1);
  cudaError_t error = cudaLaunchKernelExC(&config, function, arguments);
  if (error == cudaSuccess) error = cudaDeviceSynchronize();
  if (error != cudaSuccess) throw std::runtime_error(cudaGetErrorString(error));
#endif
}

template <class T>
bool same(const T& a, const T& b) {
  if constexpr (std::is_same_v<T, float>) {
    if (a != a && b != b) return true;  // the bits of a NaN are not promised
  }
  return std::memcmp(&a, &b, sizeof(T)) == 0;
}

// Every element, bit for bit, and nothing around them.
template <class T>
void expect_equal(const std::string& label, Array<T>& got, const std::vector<T>& want) {
  std::size_t wrong = 0, first = 0;
  for (std::size_t i = want.size(); i-- > 0;)
    if (!same(got.data()[i], want[i])) {
      ++wrong;
      first = i;
    }
  compared += want.size();
  if (got.size() != want.size()) fail(label + ": wrong size");
  if (wrong != 0)
    fail(label + ": " + std::to_string(wrong) + " of " + std::to_string(want.size()) +
         " elements differ, the first at " + std::to_string(first));
  if (!got.intact()) fail(label + ": wrote outside its array");
}

inline std::mt19937_64 generator(1);

inline std::uint32_t below(std::uint32_t n) { return static_cast<std::uint32_t>(generator() % n); }

inline std::vector<std::uint64_t> random_rows(std::size_t rows, std::size_t bits) {
  std::vector<std::uint64_t> words(rows * words_for(bits));
  for (std::uint64_t& w : words) w = generator();
  for (std::size_t r = 1; r <= rows; ++r) words[r * words_for(bits) - 1] &= tail_mask(bits);
  return words;
}

// Every bit of the mantissa is in use, so that an extra rounding shows.
inline std::vector<float> random_floats(std::size_t count) {
  std::vector<float> values(count);
  for (float& v : values)
    v = static_cast<float>(static_cast<std::int32_t>(below(1u << 24)) - (1 << 23)) / (1 << 19);
  return values;
}

// For a check's main: its cases, once per schedule.
template <class Cases>
int run_all(const char* name, Cases cases) {
  try {
#ifdef BINMORPH_EMULATE
    for (const bool descending : {false, true}) {
      emulate::machine.descending = at_start = descending;
      generator.seed(1);
      cases();
    }
#else
    cases();
#endif
  } catch (const std::exception& error) {
    fail(std::string("stopped: ") + error.what());
  }
  std::printf("%s: %zu values compared, %zu failures\n", name, compared, failures);
  return failures == 0 ? 0 : 1;
}

}  // namespace binmorph::cuda::testing
