// Kernels of the emulated driver, their launches and graphs.
#include <cstring>
#include <memory>
#include <vector>

#include "emulated_kernels.h"  // made by emulated_build.py: BINMORPH_EMULATED_KERNELS(X), X(name, Params)
#include "emulated_state.h"

using namespace binmorph::cuda;
using namespace emulated;

namespace {

struct Emulated {
  const char* name;
  void (*run)(const LaunchShape&, const void*);
  std::size_t bytes;
};

#define BINMORPH_RUN(name, Params)                                                  \
  {#name,                                                                           \
   [](const LaunchShape& shape, const void* p) {                                    \
     emulate::machine.launch<Params>(shape, &name, *static_cast<const Params*>(p)); \
   },                                                                               \
   sizeof(Params)},
const Emulated kKernels[] = {BINMORPH_EMULATED_KERNELS(BINMORPH_RUN)};
#undef BINMORPH_RUN

struct Node {
  const Emulated* kernel;
  LaunchShape shape;
  std::vector<std::byte> parameters;
  bool overlaps = false;  // may start before the node before has ended
  bool together = false;
  unsigned cluster = 0;
};
using Graph = std::vector<std::unique_ptr<Node>>;

Node make_node(const KernelNodeParams& p) {
  const auto* kernel = reinterpret_cast<const Emulated*>(p.function);
  const auto* bytes = static_cast<const std::byte*>(p.parameters[0]);
  return {kernel,
          {p.grid[0], p.grid[1], p.grid[2], p.block[0], p.shared_bytes, false},
          std::vector<std::byte>(bytes, bytes + kernel->bytes),
          false,
          false,
          0};
}

constexpr int kResident = 4;  // blocks of the one multiprocessor

// Whether a cluster of that size may be launched: more than 8 blocks only where the kernel was allowed to.
bool cluster_fits(const Emulated* kernel, unsigned blocks, unsigned grid) {
  const bool large = setting(std::string("large clusters of ") + kernel->name, 0) != 0;
  return blocks != 0 && grid % blocks == 0 && blocks <= (large ? 16u : 8u) &&
         static_cast<long>(blocks) <= setting("cluster", 0);
}

int run(const Node& node) {
  ++settings["launches"];
  if (node.shape.grid_x == 0 || node.shape.grid_y == 0 || node.shape.block > 1024) return 1;
  if (node.shape.shared_bytes > (48u << 10) &&
      setting(std::string("shared ") + node.kernel->name, 0) < static_cast<long>(node.shape.shared_bytes))
    return 1;
  LaunchShape shape = node.shape;
  shape.together = node.together;
  shape.cluster = node.cluster;
  if (std::strstr(node.kernel->name, "__cuda_cluster") != nullptr &&
      !cluster_fits(node.kernel, node.cluster, shape.grid_x))
    return 912;
  if (shape.together && shape.grid_x > static_cast<unsigned>(kResident)) return 720;
  node.kernel->run(shape, node.parameters.data());
  return kSuccess;
}

// A graph's nodes up to number `last`. Where they may overlap, an earlier one runs when the later can go no
// further without, or has ended.
int run_up_to(const Graph& graph, std::size_t last) {
  int before = kSuccess;
  if (last != 0 && graph[last]->overlaps) {
    ++settings["overlaps"];
    emulate::machine.previous = [&] { before = run_up_to(graph, last - 1); };
  } else if (last != 0) {
    before = run_up_to(graph, last - 1);
  }
  if (before != kSuccess) return before;
  const int code = run(*graph[last]);
  if (const auto late = std::exchange(emulate::machine.previous, nullptr)) late();
  return before != kSuccess ? before : code;
}

}  // namespace

extern "C" {

int cuModuleLoadData(Module*, const void*) { return kInvalidImage; }
int cuModuleGetFunction(Function* function, Module, const char* name) {
  if (setting(std::string("without ") + name, 0)) return kNotFound;
  for (const Emulated& kernel : kKernels)
    if (std::strcmp(kernel.name, name) == 0) {
      *function = reinterpret_cast<Function>(const_cast<Emulated*>(&kernel));
      return kSuccess;
    }
  return kNotFound;
}
int cuFuncSetAttribute(Function function, int attribute, int value) {
  BINMORPH_BEGIN(cuFuncSetAttribute)
  if (attribute == 14) {
    if (setting("no large clusters", 0) != 0) return 1;
    settings[std::string("large clusters of ") + reinterpret_cast<const Emulated*>(function)->name] = value;
    return kSuccess;
  }
  if (attribute != 8 || value > 227 << 10) return 1;
  settings[std::string("shared ") + reinterpret_cast<const Emulated*>(function)->name] = value;
  return kSuccess;
}
int cuLaunchKernel(Function function, unsigned gx, unsigned gy, unsigned gz, unsigned bx, unsigned by,
                   unsigned bz, unsigned shared, Stream, void** parameters, void**) {
  BINMORPH_BEGIN(cuLaunchKernel)
  return run(
      make_node({function, {gx, gy, gz}, {bx, by, bz}, shared, parameters, nullptr, nullptr, nullptr}));
}
int cuGraphCreate(GraphHandle* graph, unsigned) {
  *graph = reinterpret_cast<GraphHandle>(new Graph());
  return kSuccess;
}
int cuGraphDestroy(GraphHandle graph) {
  delete reinterpret_cast<Graph*>(graph);
  return kSuccess;
}
int cuGraphAddKernelNode_v2(GraphNode* node, GraphHandle graph, const GraphNode*, std::size_t,
                            const KernelNodeParams* params) {
  auto& nodes = *reinterpret_cast<Graph*>(graph);
  nodes.push_back(std::make_unique<Node>(make_node(*params)));
  *node = reinterpret_cast<GraphNode>(nodes.back().get());
  return kSuccess;
}
int cuGraphKernelNodeSetAttribute(GraphNode node, int attribute, const LaunchAttribute* value) {
  BINMORPH_BEGIN(cuGraphKernelNodeSetAttribute)
  auto& launch = *reinterpret_cast<Node*>(node);
  if (attribute == kTogether) launch.together = value->number != 0;
  if (attribute == kClusterSize) launch.cluster = value->cluster[0];
  const bool flat = attribute != kClusterSize || (value->cluster[1] == 1 && value->cluster[2] == 1);
  return flat && (attribute == kTogether || attribute == kClusterSize) ? kSuccess : 1;
}
int cuOccupancyMaxActiveClusters(int* clusters, Function function, const LaunchConfig* config) {
  BINMORPH_BEGIN(cuOccupancyMaxActiveClusters)
  if (config->count != 1 || config->attributes->name != kClusterSize) return 1;
  const auto* kernel = reinterpret_cast<const Emulated*>(function);
  *clusters = cluster_fits(kernel, config->attributes->value.cluster[0], config->grid[0]) ? 1 : 0;
  return kSuccess;
}
int cuOccupancyMaxActiveBlocksPerMultiprocessor(int* blocks, Function, int, std::size_t) {
  BINMORPH_BEGIN(cuOccupancyMaxActiveBlocksPerMultiprocessor)
  *blocks = kResident;
  return kSuccess;
}
int cuGraphAddDependencies_v2(GraphHandle, const GraphNode*, const GraphNode* to, const GraphEdge* edge,
                              std::size_t) {
  BINMORPH_BEGIN(cuGraphAddDependencies_v2)
  reinterpret_cast<Node*>(*to)->overlaps = edge->from_port == 1 && edge->type == 1;
  return kSuccess;
}
// The executable graph is the template here: nothing changes the template after this.
int cuGraphInstantiateWithFlags(GraphExec* exec, GraphHandle graph, unsigned long long) {
  BINMORPH_BEGIN(cuGraphInstantiateWithFlags)
  ++settings["instantiated"];
  *exec = reinterpret_cast<GraphExec>(graph);
  return kSuccess;
}
int cuGraphExecDestroy(GraphExec) { return kSuccess; }
int cuGraphExecKernelNodeSetParams_v2(GraphExec, GraphNode node, const KernelNodeParams* params) {
  BINMORPH_BEGIN(cuGraphExecKernelNodeSetParams_v2)
  ++settings["changed"];
  Node changed = make_node(*params);
  changed.overlaps = reinterpret_cast<Node*>(node)->overlaps;
  changed.together = reinterpret_cast<Node*>(node)->together;
  changed.cluster = reinterpret_cast<Node*>(node)->cluster;
  *reinterpret_cast<Node*>(node) = changed;
  return kSuccess;
}
int cuGraphLaunch(GraphExec exec, Stream) {
  BINMORPH_BEGIN(cuGraphLaunch)
  ++settings["graphs"];
  const Graph& graph = *reinterpret_cast<Graph*>(exec);
  return graph.empty() ? kSuccess : run_up_to(graph, graph.size() - 1);
}

}  // extern "C"
