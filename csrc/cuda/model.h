// A network loaded on a GPU. Calls may come from many threads and streams at once.
#pragma once

#include <algorithm>
#include <map>
#include <memory>
#include <mutex>
#include <optional>
#include <utility>
#include <vector>

#include "binmorph/graph.h"
#include "cuda/plan.h"

namespace binmorph::cuda {

class Lane;

struct DeviceOptions {
  TensorCores tensor_cores = TensorCores::best;
  std::size_t max_memory =
      SIZE_MAX;  // bytes of one call's arena; a quarter of the free memory is a limit too
};

// The caller's images, all on the host or all on the device.
struct Images {
  std::size_t count;
  bool packed;  // bits in rows, in and out; otherwise values in the network's dtype
  bool binary;  // known to hold only 0 and 1
};

class DeviceModel {
 public:
  // Throws Error(device | unsupported | memory_limit).
  DeviceModel(binmorph::Graph graph, int ordinal, const DeviceOptions& options);
  ~DeviceModel();

  // Host memory; returns when the output is there.
  void run(const void* input, const Images& images, void* output);

  // Device memory, on the caller's stream; returns at once, unless the network reads {0, 1} and `binary` does
  // not say that the input is so.
  void run_on(Stream stream, Address input, const Images& images, Address output);

  // Host memory; every node's value: values[i] takes images * caller_bytes(type of node i).
  void trace(const void* input, std::size_t images, const std::vector<void*>& values);

  // Milliseconds by the device's clock, one per round: of each launch of the plan, repeated over what an
  // earlier one left, then of the whole network launch after launch, and last as it runs, with launches that
  // overlap. Input and output lie on the device.
  std::vector<std::vector<float>> profile(const void* input, std::size_t images, std::size_t rounds);

  const binmorph::Graph& graph() const { return graph_; }
  Device& device() const { return device_; }
  const Plan& plan(std::size_t images) { return *planned(kValues, std::min(images, chunk_)).plan; }
  std::size_t chunk() const { return chunk_; }  // images of one launch; more are cut
  std::size_t input_bytes(bool packed) const;   // of one image
  std::size_t output_bytes(bool packed) const;

 private:
  class Lease;

  enum Kind : std::size_t { kValues, kPacked, kTraced };  // of the caller's images; every node by itself
  struct Planned {
    std::unique_ptr<Plan> plan;
    Buffer constants;
  };
  const Planned& planned(Kind kind, std::size_t images);
  const Planned& planned(Kind kind, TensorCores tensor_cores);
  void check_packed() const;
  void enqueue(Lane& lane, const Planned& planned, Stream stream, Address input, std::size_t images,
               Address output);
  void check_input(Lane& lane, Stream stream, Address input, std::size_t first, std::size_t images);

  binmorph::Graph graph_;
  Device& device_;
  DeviceOptions options_;
  std::mutex mutex_;
  std::map<std::pair<Kind, TensorCores>, Planned> plans_;
  std::size_t chunk_ = 0;
  std::vector<std::unique_ptr<Lane>> lanes_;  // those that no call is using
  std::size_t lanes_made_ = 0;
};

}  // namespace binmorph::cuda
