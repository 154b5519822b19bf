// Layers of bits that follow one another, as one launch whose blocks stay
// (kernels/threshold_conv2d/cuda_chain.h).
#include <algorithm>
#include <iterator>
#include <utility>

#include "cuda/plan.h"
#include "kernels/threshold_conv2d/cuda_chain.h"

namespace binmorph::cuda {
namespace {

constexpr const char* kLayer = "threshold_conv2d_u64_u64__cuda_mma";
constexpr const char* kChain = "threshold_chain_u64_u64__cuda_mma";

template <class T>
void append(std::vector<T>& to, const std::vector<T>& more) {
  to.insert(to.end(), more.begin(), more.end());
}

PlannedLaunch join(const std::vector<PlannedLaunch>& layers, unsigned blocks) {
  PlannedLaunch all;
  all.entry = kChain;
  all.reads_input = all.writes_output = false;
  std::vector<std::function<Launch(const Frame&)>> makers;
  for (const PlannedLaunch& layer : layers) {
    append(all.nodes, layer.nodes);
    append(all.writes, layer.writes);
    append(all.reads, layer.reads);
    makers.push_back(layer.make);
  }
  all.make = [makers, blocks](const Frame& frame) {
    ThresholdChainParams params{};
    params.barrier = pointer<GridBarrier>(frame.barrier());
    for (const auto& make : makers)
      std::memcpy(&params.layer[params.count++], make(frame).parameters.data(),
                  sizeof(ThresholdConv2dParams));
    return Plan::make_launch(kChain, launch_chain(params, blocks), params);
  };
  return all;
}

}  // namespace

void Plan::join_layers() {
  const unsigned blocks = device_.resident_blocks(kChain, kMmaBlock, kChainShared);
  if (blocks == 0) return;
  std::vector<PlannedLaunch> joined;
  for (auto at = launches_.begin(); at != launches_.end();) {
    const auto limit = at + std::min<std::ptrdiff_t>(kChainLayers, launches_.end() - at);
    const auto end = std::find_if(at, limit, [](const PlannedLaunch& l) { return l.entry != kLayer; });
    if (end - at > 1) {
      joined.push_back(join({at, end}, blocks));
      at = end;
    } else {
      joined.push_back(std::move(*at++));
    }
  }
  launches_ = std::move(joined);
}

}  // namespace binmorph::cuda
