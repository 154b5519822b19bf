// Layers of bits that follow one another, as one launch whose blocks stay
// (kernels/threshold_conv2d/cuda_chain.h).
#include <algorithm>
#include <iterator>

#include "cuda/plan.h"
#include "kernels/threshold_conv2d/cuda_chain.h"

namespace binmorph::cuda {
namespace {

using Launches = std::vector<PlannedLaunch>;

constexpr const char* kLayer = "threshold_conv2d_u64_u64__cuda_mma";
constexpr const char* kGrid = "threshold_chain_u64_u64__cuda_mma";
constexpr const char* kCluster = "threshold_chain_u64_u64__cuda_cluster";

template <class T>
void append(std::vector<T>& to, const std::vector<T>& more) {
  to.insert(to.end(), more.begin(), more.end());
}

// place(params, frame): what is missing of the parameters, and the launch's shape.
template <class Place>
PlannedLaunch join(const Launches& layers, const char* entry, Place place) {
  PlannedLaunch all;
  all.entry = entry;
  all.reads_input = all.writes_output = false;
  std::vector<std::function<Launch(const Frame&)>> makers;
  for (const PlannedLaunch& layer : layers) {
    append(all.nodes, layer.nodes);
    append(all.writes, layer.writes);
    append(all.reads, layer.reads);
    makers.push_back(layer.make);
  }
  all.make = [=](const Frame& frame) {
    ThresholdChainParams params{};
    for (const auto& make : makers)
      std::memcpy(&params.layer[params.count++], make(frame).parameters.data(),
                  sizeof(ThresholdConv2dParams));
    const LaunchShape shape = place(params, frame);
    return Plan::make_launch(entry, shape, params);
  };
  return all;
}

// Runs of at least two launches as one: the end of that which begins at a place, and what becomes of it.
template <class End, class Join>
Launches joined(Launches& launches, End find_end, Join make) {
  Launches result;
  for (auto at = launches.begin(); at != launches.end();) {
    const auto end = find_end(at);
    if (end - at > 1) {
      result.push_back(make(Launches(at, end)));
      at = end;
    } else {
      result.push_back(*at++);
    }
  }
  return result;
}

Launches::iterator end_of_layers(Launches& launches, Launches::iterator at) {
  const auto limit = at + std::min<std::ptrdiff_t>(kChainLayers, launches.end() - at);
  return std::find_if(at, limit, [](const PlannedLaunch& l) { return l.entry != kLayer; });
}

}  // namespace

void Plan::join_layers() {
  const unsigned blocks = device_.resident_blocks(kGrid, kMmaBlock, kChainShared);
  if (blocks == 0) return;
  const auto place = [blocks](ThresholdChainParams& params, const Frame& frame) {
    params.barrier = pointer<GridBarrier>(frame.barrier());
    return launch_chain(params, blocks);
  };
  launches_ = joined(
      launches_, [&](auto at) { return end_of_layers(launches_, at); },
      [&](const Launches& layers) { return join(layers, kGrid, place); });
}

// Each layer must read what the one before makes. Results that nobody else reads never leave the cluster.
void Plan::join_in_cluster() {
  constexpr std::size_t kMostImages = 64;  // far beyond those for which a cluster could pay
  const std::size_t room = device_.info().shared_bytes;
  const unsigned blocks = device_.cluster_blocks(kCluster, kClusterBlock, static_cast<unsigned>(room));
  cluster_images_ = 0;
  if (blocks == 0) return;
  const auto made = [&](const PlannedLaunch& layer) { return owner_[layer.writes.front()]; };
  const auto readers = [&](std::size_t value) {
    std::size_t count = owner_[graph_.output()] == value;
    for (const PlannedLaunch& launch : launches_)
      for (std::size_t read : launch.reads) count += owner_[read] == value;
    return count;
  };
  const auto join_them = [&](const Launches& layers) {
    std::vector<bool> kept;
    for (const PlannedLaunch& layer : layers) kept.push_back(readers(made(layer)) == 1);
    kept.back() = false;
    return join(layers, kCluster, [kept, blocks](ThresholdChainParams& params, const Frame&) {
      for (std::size_t l = 0; l < params.count; ++l)
        if (kept[l]) params.layer[l].y = nullptr;
      place_in_cluster(params, blocks);
      return launch_cluster(params, blocks);
    });
  };
  const auto fits = [&](const PlannedLaunch& chain, std::size_t images) {
    return chain.make(Frame{images, 0, 0, std::vector<Address>(values_), 0}).shared_bytes <= room;
  };
  launches_ = joined(
      launches_,
      [&](auto at) {
        const auto limit = end_of_layers(launches_, at);
        auto end = at == limit ? at : at + 1;
        while (end != limit && owner_[end->reads.front()] == made(*(end - 1))) ++end;
        while (end - at > 1 && !fits(join_them(Launches(at, end)), 1)) --end;
        return end;
      },
      join_them);
  const auto all_fit = [&](std::size_t images) {
    return std::all_of(launches_.begin(), launches_.end(), [&](const PlannedLaunch& launch) {
      return launch.entry != kCluster || fits(launch, images);
    });
  };
  const bool any = std::any_of(launches_.begin(), launches_.end(),
                               [](const PlannedLaunch& launch) { return launch.entry == kCluster; });
  while (any && cluster_images_ < kMostImages && all_fit(cluster_images_ + 1)) ++cluster_images_;
}

}  // namespace binmorph::cuda
