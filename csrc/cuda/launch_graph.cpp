#include <string>

#include "cuda/device.h"

namespace binmorph::cuda {
namespace {

constexpr int kFirstOverlapping = 90;  // compute capability

KernelNodeParams node_params(Function function, const Launch& launch, void** argument) {
  return {function,
          {launch.grid[0], launch.grid[1], launch.grid[2]},
          {launch.block[0], launch.block[1], launch.block[2]},
          launch.shared_bytes,
          argument,
          nullptr,
          nullptr,
          nullptr};
}

}  // namespace

// Delegates, so that what was made is destroyed if a later call throws.
LaunchGraph::LaunchGraph(Device& device, const std::vector<Launch>& launches, bool overlap)
    : LaunchGraph(device) {
  launches_ = launches;
  overlap &= device.info().sm >= kFirstOverlapping && driver().cuGraphAddDependencies_v2 != nullptr;
  if (overlap && build(true) == kSuccess) return;
  clear();
  check(build(false), "instantiating a graph");
}

int LaunchGraph::build(bool overlap) {
  const Driver& api = driver();
  if (const int code = api.cuGraphCreate(&graph_, 0)) return code;
  for (const Launch& launch : launches_) {
    void* argument = launch.argument();
    const KernelNodeParams params =
        node_params(device_.function(launch.entry, launch.shared_bytes), launch, &argument);
    GraphNode node = nullptr;
    const GraphNode* before = nodes_.empty() ? nullptr : &nodes_.back();
    // Blocks that meet must not wait for room that those of the next launch take.
    const bool early =
        overlap && before != nullptr && !launch.together && !launches_[nodes_.size() - 1].together;
    const bool whole = before != nullptr && !early;  // waits for the end of the one before
    int code = api.cuGraphAddKernelNode_v2(&node, graph_, whole ? before : nullptr, whole, &params);
    if (code == kSuccess && launch.together) code = api.cuGraphKernelNodeSetAttribute(node, kTogether, &kYes);
    if (code == kSuccess && launch.cluster != 0) {
      LaunchAttribute size{};
      size.cluster[0] = launch.cluster;
      size.cluster[1] = size.cluster[2] = 1;
      code = api.cuGraphKernelNodeSetAttribute(node, kClusterSize, &size);
    }
    if (code == kSuccess && early)
      code = api.cuGraphAddDependencies_v2(graph_, before, &node, &kOverlapping, 1);
    if (code != kSuccess) return code;
    nodes_.push_back(node);
  }
  return api.cuGraphInstantiateWithFlags(&exec_, graph_, 0);
}

void LaunchGraph::clear() {
  const Driver& api = find_driver();
  if (exec_ != nullptr) api.cuGraphExecDestroy(exec_);
  if (graph_ != nullptr) api.cuGraphDestroy(graph_);
  exec_ = nullptr;
  graph_ = nullptr;
  nodes_.clear();
}

LaunchGraph::~LaunchGraph() { clear(); }

void LaunchGraph::set(std::size_t index, const std::vector<std::byte>& parameters) {
  Launch& launch = launches_[index];
  if (launch.parameters == parameters) return;
  launch.parameters = parameters;
  void* argument = launch.argument();
  const KernelNodeParams params =
      node_params(device_.function(launch.entry, launch.shared_bytes), launch, &argument);
  check(driver().cuGraphExecKernelNodeSetParams_v2(exec_, nodes_[index], &params), launch.entry);
}

void LaunchGraph::run(Stream stream) const {
  check(driver().cuGraphLaunch(exec_, stream), "launching a graph");
}

}  // namespace binmorph::cuda
