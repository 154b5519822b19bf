// A lane of a model, lent to one call.
#pragma once

#include <algorithm>
#include <utility>

#include "cuda/lane.h"
#include "cuda/model.h"

namespace binmorph::cuda {

inline constexpr std::size_t kMaxLanes =
    8;  // calls under way on different streams; more wait for one another

// Borrows a lane for the length of a scope, and keeps the device's context current.
class DeviceModel::Lease {
 public:
  Lease(DeviceModel& model, std::optional<Stream> stream) : model_(model), scope_(model.device_) {
    const std::lock_guard<std::mutex> lock(model.mutex_);
    auto& lanes = model.lanes_;
    // Best the lane that this stream used before, then one at rest; a new one before making anybody wait.
    auto at = std::find_if(lanes.begin(), lanes.end(),
                           [&](const auto& lane) { return stream && lane->last() == *stream; });
    if (at == lanes.end())
      at = std::find_if(lanes.begin(), lanes.end(), [](const auto& lane) { return !lane->busy(); });
    if (at == lanes.end() && model.lanes_made_ >= kMaxLanes) at = lanes.begin();
    if (at == lanes.end()) {
      lanes.reserve(model.lanes_made_ + 1);  // giving a lane back must not allocate
      lane_ = std::make_unique<Lane>(model.device_);
      ++model.lanes_made_;
    } else {
      lane_ = std::move(*at);
      lanes.erase(at);
    }
    stream_ = stream ? *stream : lane_->stream();
  }
  ~Lease() {
    const std::lock_guard<std::mutex> lock(model_.mutex_);
    model_.lanes_.push_back(std::move(lane_));
  }
  Lease(const Lease&) = delete;
  Lease& operator=(const Lease&) = delete;

  Lane& lane() { return *lane_; }
  Stream stream() const { return stream_; }

 private:
  DeviceModel& model_;
  Device::Scope scope_;
  std::unique_ptr<Lane> lane_;
  Stream stream_;
};

}  // namespace binmorph::cuda
