// What one call at a time needs on the device: an arena, graphs made for it, a stream for callers without
// one.
#pragma once

#include <list>
#include <memory>

#include "cuda/plan.h"

namespace binmorph::cuda {

class Lane {
 public:
  explicit Lane(Device& device);
  ~Lane();

  // Makes `stream` wait until the lane's earlier work is done, and marks the end of the work that follows.
  void begin(Stream stream);
  void end(Stream stream);
  bool busy() const;                     // whether work is still under way
  Stream last() const { return last_; }  // the stream of the work before
  Stream stream() const { return stream_; }

  // Room for that many images of the plan's values; `keep` as for Plan::arena.
  Frame frame(const Plan& plan, std::size_t images, Address constants, bool keep = false);

  // The whole network as one graph, for that many images; input and output are set for each run.
  void run(const Plan& plan, const Frame& frame, Stream stream);

  // Memory for the caller's images while they are on the device.
  Address staged_input(std::size_t bytes);
  Address staged_output(std::size_t bytes);

 private:
  struct Ready {
    const Plan* plan;
    std::size_t images;
    std::unique_ptr<LaunchGraph> graph;
  };
  void grow(Buffer& buffer, std::size_t bytes);

  Device& device_;
  Stream stream_ = nullptr, last_ = nullptr;
  Event done_ = nullptr;
  bool used_ = false;
  Buffer arena_, input_, output_;
  std::list<Ready> graphs_;  // the one used last comes first
};

}  // namespace binmorph::cuda
