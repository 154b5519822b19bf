// One GPU: its context, the kernels of this build loaded on it, and owners of what lives there.
#pragma once

#include <map>
#include <mutex>
#include <string>
#include <vector>

#include "cuda/driver.h"

namespace binmorph::cuda {

struct DeviceInfo {
  std::string name;
  int sm = 0;  // compute capability, 10 * major + minor
  int multiprocessors = 0;
  std::size_t memory = 0, l2_bytes = 0, shared_bytes = 0;  // shared memory of one block
};

// Device `ordinal` as the driver describes it; makes no context.
DeviceInfo device_info(int ordinal);

struct Launch {
  std::string entry;  // the kernel's name
  unsigned grid[3] = {1, 1, 1}, block[3] = {1, 1, 1}, shared_bytes = 0;
  std::vector<std::byte> parameters;  // its one argument, by value
  bool together = false;              // all blocks on the device at once; in graphs only
  unsigned cluster = 0;               // blocks of a cluster, or none; in graphs only

  // The driver copies it, and takes void*.
  void* argument() const { return const_cast<std::byte*>(parameters.data()); }
};

class Device {
 public:
  // Opened once per process and never closed. Throws Error(device): no driver, no such device, no kernels for
  // it.
  static Device& get(int ordinal);

  int ordinal() const { return ordinal_; }
  const DeviceInfo& info() const { return info_; }

  bool has(const std::string& entry) { return find(entry, 0) != nullptr; }

  // Throws Error(device) for an unknown entry, or more shared memory than a block may have.
  Function function(const std::string& entry, unsigned shared_bytes);

  void launch(const Launch& launch, Stream stream);

  // How many blocks of a kernel can be on the device at once and meet; 0 where that is not offered.
  unsigned resident_blocks(const std::string& entry, unsigned block, unsigned shared_bytes);

  // How many blocks with that much shared memory a thread block cluster can have: 16, 8, or 0 where there are
  // none.
  unsigned cluster_blocks(const std::string& entry, unsigned block, unsigned shared_bytes);

  // Makes the device's context current for a scope.
  class Scope {
   public:
    explicit Scope(const Device& device);
    ~Scope();
    Scope(const Scope&) = delete;
    Scope& operator=(const Scope&) = delete;
  };

 private:
  explicit Device(int ordinal);
  Function find(const std::string& entry, unsigned shared_bytes);

  int ordinal_;
  DeviceInfo info_;
  Context context_ = nullptr;
  std::vector<Module> modules_;
  struct Found {
    Function function;
    unsigned shared_bytes;
  };
  std::mutex mutex_;
  std::map<std::string, Found> functions_;
};

// Throws Error(memory_limit) with what is free there, or Error(device), where an allocation did not succeed.
void check_allocation(const Device& device, std::size_t bytes, int result);

// Owners; each is used and destroyed with any context current, and frees quietly.
class Buffer {
 public:
  Buffer() = default;
  Buffer(Device& device, std::size_t bytes);
  ~Buffer();
  Buffer(Buffer&& other) noexcept;
  Buffer& operator=(Buffer&& other) noexcept;
  Address address() const { return address_; }
  std::size_t bytes() const { return bytes_; }

 private:
  Device* device_ = nullptr;
  Address address_ = 0;
  std::size_t bytes_ = 0;
};

class LaunchGraph {
 public:
  // The launches, one after the other. overlap: each may start while the one before ends (programmatic
  // dependent launch), where the device, the driver and every kernel of the launches can; otherwise plain.
  // The device's context must be current, as in all that follows.
  LaunchGraph(Device& device, const std::vector<Launch>& launches, bool overlap);
  ~LaunchGraph();
  LaunchGraph(const LaunchGraph&) = delete;
  LaunchGraph& operator=(const LaunchGraph&) = delete;

  // Changes one launch's argument for the runs to come.
  void set(std::size_t launch, const std::vector<std::byte>& parameters);
  void run(Stream stream) const;

 private:
  explicit LaunchGraph(Device& device) : device_(device) {}
  int build(bool overlap);  // the first error
  void clear();

  Device& device_;
  std::vector<Launch> launches_;
  GraphHandle graph_ = nullptr;
  GraphExec exec_ = nullptr;
  std::vector<GraphNode> nodes_;
};

}  // namespace binmorph::cuda
