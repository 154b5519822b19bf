// A graph made runnable on a device: kernels with their parameters, tables to upload, values to place.
#pragma once

#include <cstring>
#include <functional>
#include <string>
#include <vector>

#include "../fusion.h"
#include "binmorph/graph.h"
#include "cuda/device.h"
#include "kernels/common/cuda/launch.h"

namespace binmorph::cuda {

// Values by number: 0 is the network's input and i + 1 the value of node i, as in the graph; the last one is
// the input channels-last. Bits lie channel-packed, numbers channels-last (kernels/common/cuda/README.md);
// input and output as the caller has them.
struct Frame {
  std::size_t images;
  Address constants, invalid;                       // tables; the first input that is not 0 or 1 (PackParams)
  Address barrier() const { return invalid + 64; }  // GridBarrier
  std::vector<Address> values;
  Address output;
};

struct PlannedLaunch {
  std::vector<std::size_t> nodes;  // for which it works, the first one first
  std::string entry;
  std::vector<std::size_t> writes;  // values; the network's output is none
  std::vector<std::size_t> reads;
  bool reads_input, writes_output;  // whether the caller's memory is among its operands
  std::function<Launch(const Frame&)> make;
};

// Which kernels of windows: the plain ones; those of a warp (mma); the best of all; those of warpgroups
// (wgmma) wherever they run; those of a warp, with layers that follow one another in one launch whose blocks
// stay, all over the device or in one cluster.
enum class TensorCores { none, warps, best, warpgroups, persistent, cluster };

struct PlanOptions {
  TensorCores tensor_cores = TensorCores::best;
  bool fuse = true;  // elementwise nodes run with what is before them, and their values may not exist
  bool packed =
      false;  // the caller's images are bits packed in rows, in and out; then the input must be bits
};

class Plan {
 public:
  // Throws Error(unsupported), naming the node, where this build has no kernel for it.
  Plan(const binmorph::Graph& graph, Device& device, const PlanOptions& options);

  const std::vector<PlannedLaunch>& launches() const { return launches_; }
  const std::vector<std::byte>& constants() const { return constants_; }
  bool checks_input() const { return checks_input_; }  // whether Frame::invalid must be looked at
  std::size_t max_images() const { return max_images_; }
  // The most images for which the layers that were joined in a cluster fit it; 0 if there are no such layers,
  // no limit unless they were asked for.
  std::size_t cluster_images() const { return cluster_images_; }

  // Offsets of all values in an arena for that many images, and its size. keep: no value's memory is used
  // again.
  struct Arena {
    std::vector<std::size_t> offset;
    std::size_t bytes;
  };
  Arena arena(std::size_t images, bool keep = false) const;

  // Whether the value of the output node is what the caller gets, byte for byte.
  bool output_in_place() const { return output_in_place_; }
  std::size_t owner(std::size_t value) const { return owner_[value]; }  // whose memory it is

  const ValueType& type(std::size_t value) const;

  // Writes a value the way the caller sees it.
  Launch unload(std::size_t value, const Frame& frame, Address destination) const;

  // For the makers of launches:
  const binmorph::Graph& graph() const { return graph_; }
  std::size_t add_constant(const void* data, std::size_t bytes);
  template <class T>
  std::size_t add_constant(const std::vector<T>& data) {
    return add_constant(data.data(), data.size() * sizeof(T));
  }
  bool has(const std::string& entry) { return device_.has(entry); }
  const DeviceInfo& device() const { return device_.info(); }
  const PlanOptions& options() const { return options_; }

  // The network's input channels-last, made by a launch of its own where that is not how it lies.
  std::size_t input_stream(std::size_t node);

  // Appends a launch for node `node`. params: everything but what `fill(params, frame)` sets; shape(params)
  // gives the launch shape.
  template <class Params, class Shape, class Fill>
  void add(std::size_t node, const std::string& entry, std::vector<std::size_t> reads, const Params& params,
           Shape shape, Fill fill) {
    require(node, entry, shape(params).grid_y);
    launches_.push_back({{node}, entry, {node + 1}, std::move(reads), false, false, [=](const Frame& frame) {
                           Params p = params;
                           fill(p, frame);
                           return make_launch(entry, shape(p), p);
                         }});
  }

  // What the last launch reads beside what was said, and what it writes instead of the value of its node.
  void amend(const std::vector<std::size_t>& reads, std::vector<std::size_t> writes) {
    PlannedLaunch& last = launches_.back();
    last.reads.insert(last.reads.end(), reads.begin(), reads.end());
    last.writes = std::move(writes);
  }

  template <class Params>
  static Launch make_launch(const std::string& entry, const LaunchShape& shape, const Params& params) {
    Launch launch{entry,
                  {shape.grid_x, shape.grid_y, shape.grid_z},
                  {shape.block, 1, 1},
                  shape.shared_bytes,
                  std::vector<std::byte>(sizeof(Params)),
                  shape.together,
                  shape.cluster};
    std::memcpy(launch.parameters.data(), &params, sizeof(Params));
    return launch;
  }

 private:
  void require(std::size_t node, const std::string& entry, unsigned rows);
  void add_group(const Fused& fused);
  void find_owners();
  void join_layers();  // chains.cpp
  void join_in_cluster();
  void find_lifetimes();

  const binmorph::Graph& graph_;
  Device& device_;
  PlanOptions options_;
  std::vector<PlannedLaunch> launches_;
  std::vector<std::byte> constants_;
  std::vector<std::size_t> owner_, first_, last_;  // per value: who has its memory, for which launches
  bool checks_input_ = false, output_in_place_ = false;
  std::size_t max_images_ = 0, values_ = 0, cluster_images_ = SIZE_MAX;
};

template <class T>
T* pointer(Address address) {
  return reinterpret_cast<T*>(static_cast<std::uintptr_t>(address));
}

// Bytes of a value of one image on the device, and as the caller sees it.
std::size_t device_bytes(const ValueType& type);
std::size_t caller_bytes(const ValueType& type);

// Appends the launches of a group of nodes (steps_*.cpp, programs.cpp).
void plan_group(Plan& plan, const Fused& fused);

}  // namespace binmorph::cuda
