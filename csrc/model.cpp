#include "binmorph/model.h"

#include <unistd.h>

#include <algorithm>

#include "binmorph/error.h"
#include "kernels/common/aligned_vector.h"

namespace binmorph {
namespace {

// A block's arena should stay in the outer cache; larger images gain nothing from one bit per image.
constexpr std::size_t kMaxPlanesArenaWords = std::size_t{8} << 17;  // 8 MiB

// Values too large for planes would be planned, and refused, before rows get their chance.
bool suits_planes(const Graph& graph) {
  return std::all_of(graph.nodes().begin(), graph.nodes().end(), [&](const Node& node) {
    return runs_in_planes(graph, node) && value_words(node.type, Layout::planes) <= kMaxPlanesArenaWords;
  });
}

// Dense layers read their weights once for a unit of several images, which should stay in the outer cache.
constexpr std::size_t kMaxUnitWords = std::size_t{512} << 7;  // 512 KiB

std::unique_ptr<Plan> plan_rows(const Graph& graph, const ModelOptions& options) {
  const auto& nodes = graph.nodes();
  const bool dense = std::any_of(nodes.begin(), nodes.end(), [](const Node& node) {
    return std::holds_alternative<ThresholdDense>(node.operation);
  });
  for (std::size_t images = dense ? kernels::kDenseImages : 1;; images /= 2) {
    auto plan = std::make_unique<Plan>(graph, Target{Layout::rows, options.isa, options.threads, images});
    if (images == 1 || plan->unit_words() <= kMaxUnitWords) return plan;
  }
}

// Linux may promise more memory than there is and kill the process that takes it at its word.
std::size_t physical_memory() {
  const long pages = sysconf(_SC_PHYS_PAGES), bytes = sysconf(_SC_PAGE_SIZE);
  return pages > 0 && bytes > 0 ? static_cast<std::size_t>(pages) * static_cast<std::size_t>(bytes)
                                : SIZE_MAX;
}

}  // namespace

// Borrows an arena for the length of a scope.
class Model::ArenaLease {
 public:
  explicit ArenaLease(const Model& model) : model_(model) {
    const std::lock_guard<std::mutex> lock(model.arenas_mutex_);
    if (model.arenas_.empty()) {                      // more units run at once than ever before
      model.arenas_.reserve(model.arenas_made_ + 1);  // giving an arena back must not allocate
      arena_ = model.new_arena();
      ++model.arenas_made_;
    } else {
      arena_ = std::move(model.arenas_.back());
      model.arenas_.pop_back();
    }
  }
  ~ArenaLease() {
    const std::lock_guard<std::mutex> lock(model_.arenas_mutex_);
    model_.arenas_.push_back(std::move(arena_));
  }
  ArenaLease(const ArenaLease&) = delete;
  ArenaLease& operator=(const ArenaLease&) = delete;

  std::uint64_t* words() const {
    const auto address = reinterpret_cast<std::uintptr_t>(arena_.get());
    return reinterpret_cast<std::uint64_t*>((address + 63) / 64 * 64);
  }

 private:
  const Model& model_;
  Arena arena_;
};

Model::Model(Graph graph, const ModelOptions& options) : graph_(std::move(graph)), options_(options) {
  if (graph_.output() == 0) throw Error(ErrorKind::format, "the graph has no output");
  if (options_.threads == 0) throw Error(ErrorKind::shape, "threads must be at least 1");
  if (!isa_supported(options_.isa))
    throw Error(ErrorKind::isa, std::string("this machine does not have ") + isa_name(options_.isa));
  for (Layout layout : {Layout::rows, Layout::planes}) {
    if (options_.layout && *options_.layout != layout) continue;
    if (layout == Layout::planes && !options_.layout && !suits_planes(graph_)) continue;
    auto plan = layout == Layout::rows
                    ? plan_rows(graph_, options_)
                    : std::make_unique<Plan>(graph_, Target{layout, options_.isa, options_.threads});
    if (layout == Layout::planes && !options_.layout && plan->arena_words() > kMaxPlanesArenaWords) continue;
    arena_words_ = std::max(arena_words_, plan->arena_words());
    plans_.push_back(std::move(plan));
  }
  const std::size_t machine = physical_memory(), limit = std::min(options_.max_memory, machine);
  if (arena_words_ > limit / 8 / options_.threads)
    throw Error(ErrorKind::memory_limit,
                "a call needs " + std::to_string(8 * arena_words_) + " bytes on each of " +
                    std::to_string(options_.threads) + " threads, the limit is " + std::to_string(limit) +
                    " in all; load with fewer threads, or a larger max_memory if this machine's " +
                    std::to_string(machine) + " bytes suffice");
  for (; arenas_made_ < options_.threads; ++arenas_made_) arenas_.push_back(new_arena());
  if (options_.threads > 1) pool_.reset(new ThreadPool(options_.threads));
}

std::size_t Model::value_bytes(std::size_t node) const { return graph_.nodes()[node].type.bytes(); }

std::size_t Model::input_image_bytes() const { return graph_.type(0).bytes(); }

std::size_t Model::input_words(Packing packing) const {
  ValueType type = graph_.type(0);
  type.kind = ValueKind::bits;
  return value_words(type, Layout::rows, packing);
}

std::size_t Model::output_words(Packing packing) const {
  return value_words(graph_.type(graph_.output()), Layout::rows, packing);
}

Model::Schedule Model::schedule(std::size_t images, bool packed) const {
  Schedule result{nullptr, nullptr, images, 0, 0};
  for (const auto& plan : plans_)
    (plan->target().layout == Layout::rows ? result.rows : result.planes) = plan.get();
  if (packed) result.planes = nullptr;
  // A partly filled block costs as much as a full one.
  const auto pays = [&](std::size_t filled) {
    return result.planes != nullptr &&
           (result.rows == nullptr ||
            result.planes->cost() < result.rows->cost() * static_cast<double>(filled));
  };
  const std::size_t rest = images % kBlockImages;
  if (pays(kBlockImages)) result.blocks = images / kBlockImages;
  if (rest != 0 && pays(rest)) ++result.blocks;
  result.singles = images - std::min(images, result.blocks * kBlockImages);
  return result;
}

void Model::run_unit(const Plan& plan, const NetworkInput& input, std::size_t first, std::size_t count,
                     std::uint64_t* arena, ThreadPool* pool, const Visit& visit) const {
  const bool packed = input.packed != nullptr;
  const NetworkInput at{
      packed ? nullptr : static_cast<const char*>(input.values) + first * input_image_bytes(),
      packed ? input.packed + first * input_words(input.packing) : nullptr, input.packing, first};
  plan.run(at, count, arena, pool,
           [&](const PlannedValue& value, const std::uint64_t* words, std::size_t image, std::size_t images,
               std::uint64_t* scratch) { visit(value, words, first + image, images, scratch); });
}

void Model::run_units(const NetworkInput& input, std::size_t images, const Visit& visit) const {
  const Schedule schedule = this->schedule(images, input.packed != nullptr);
  const std::size_t threads = options_.threads, in_blocks = images - schedule.singles;
  // Each thread gets some of the images in rows; where they are cut does not change them.
  const std::size_t most = schedule.rows == nullptr ? 1 : schedule.rows->unit_images();
  const std::size_t together =
      std::max<std::size_t>(1, std::min(most, (schedule.singles + threads - 1) / threads));
  const std::size_t units = schedule.blocks + (schedule.singles + together - 1) / together;
  const auto run_one = [&](std::size_t unit, ThreadPool* pool) {
    const bool block = unit < schedule.blocks;
    const std::size_t first = block ? unit * kBlockImages : in_blocks + (unit - schedule.blocks) * together;
    const std::size_t count = std::min(block ? kBlockImages : together, images - first);
    ArenaLease arena(*this);
    run_unit(block ? *schedule.planes : *schedule.rows, input, first, count, arena.words(), pool, visit);
  };
  // Enough units keep all threads busy; otherwise the large layers of each unit are split instead.
  if (pool_ != nullptr && units >= threads) {
    const std::size_t pieces = std::min(units, 4 * threads);
    pool_->run(pieces, [&](std::size_t piece) {
      for (std::size_t u = units * piece / pieces; u < units * (piece + 1) / pieces; ++u) run_one(u, nullptr);
    });
  } else {
    for (std::size_t u = 0; u < units; ++u) run_one(u, pool_.get());
  }
}

void Model::run(const void* input, std::size_t images, void* output) const {
  const std::size_t last = graph_.output() - 1;
  run_units({input, nullptr, Packing::rows, 0}, images,
            [&](const PlannedValue& value, const std::uint64_t* words, std::size_t first, std::size_t count,
                std::uint64_t* scratch) {
              if (value.node == last)
                value.unload.run(words, count, static_cast<char*>(output) + first * value_bytes(last),
                                 scratch);
            });
}

void Model::run_packed(const std::uint64_t* input, std::size_t images, Packing packing,
                       std::uint64_t* output) const {
  const std::size_t last = graph_.output() - 1;
  if (graph_.nodes()[last].type.kind != ValueKind::bits)
    throw Error(ErrorKind::format, "packed input: the network ends in numbers, so call it with an array");
  for (const Node& node : graph_.nodes())
    if (node.input() == 0 && !std::holds_alternative<PackBinary>(node.operation))
      throw Error(ErrorKind::format, "packed input: the network reads gray values, so call it with an array");
  if (schedule(1, true).rows == nullptr)
    throw Error(ErrorKind::format, "packed input: the model was loaded for batch-sliced work only");
  const std::size_t pitch = output_words(packing);
  run_units({nullptr, input, packing, 0}, images,
            [&](const PlannedValue& value, const std::uint64_t* words, std::size_t first, std::size_t,
                std::uint64_t*) {
              if (value.node == last) value.unload.pack(words, packing, output + first * pitch);
            });
}

void Model::trace(const void* input, std::size_t images, const std::vector<void*>& values) const {
  const Visit keep = [&](const PlannedValue& value, const std::uint64_t* words, std::size_t first,
                         std::size_t count, std::uint64_t* scratch) {
    char* start = static_cast<char*>(values[value.node]) + first * value_bytes(value.node);
    value.unload.run(words, count, start, scratch);
  };
  const auto joined = [](const PlannedStep& step) { return step.nodes.size() > 1; };
  if (std::none_of(plans_.front()->steps().begin(), plans_.front()->steps().end(), joined))
    return run_units({input, nullptr, Packing::rows, 0}, images, keep);
  // Values inside a fused step are never written: a plan in which every node runs apart has all of them.
  Target target = plans_.front()->target();
  target.images = 1;
  const Plan apart(graph_, target, false);
  AlignedVector<std::uint64_t> arena(apart.arena_words());
  for (std::size_t i = 0; i < images; ++i)
    run_unit(apart, {input, nullptr, Packing::rows, 0}, i, 1, arena.data(), pool_.get(), keep);
}

}  // namespace binmorph
