// A graph made runnable for one layout: steps in order, and one arena for everything they write.
#pragma once

#include <memory>
#include <string>
#include <vector>

#include "binmorph/graph.h"
#include "binmorph/step.h"

namespace binmorph {

// Whether the node has a step for the layout of planes.
bool runs_in_planes(const Graph& graph, const Node& node);

// A node's value that a step writes.
struct PlannedValue {
  std::size_t node;
  std::size_t offset;  // in words, into the arena
  std::size_t words;
  Unloader unload;
  bool observed;  // the value of the node, for those who look
};

struct PlannedStep {
  std::unique_ptr<Step> step;
  std::vector<std::size_t> nodes;  // that run in it
  bool repack = false;             // only changes how a value lies in memory
  std::size_t value_in = 0, out = 0, scratch = 0;
  std::vector<std::size_t> streams;  // word offsets, as StepInput::streams has them
  std::vector<PlannedValue> values;
};

class Plan {
 public:
  // Without `fuse` every node runs apart, so that every value can be looked at.
  Plan(const Graph& graph, const Target& target, bool fuse = true);

  // Runs one unit. For each node's value, `after(value, words, scratch)` may look at it as soon as it is
  // written, with scratch memory for its Unloader.
  template <class After>
  void run(const NetworkInput& input, std::size_t images, std::uint64_t* arena, ThreadPool* pool,
           const After& after) const {
    for (const PlannedStep& s : steps_) {
      if (!s.step->alias) {
        // The table of pointers lies behind the step's scratch memory.
        auto** streams = reinterpret_cast<void**>(arena + s.scratch + s.step->scratch_words);
        for (std::size_t i = 0; i < s.streams.size(); ++i) streams[i] = arena + s.streams[i];
        s.step->run({input, arena + s.value_in, streams, images, pool}, arena + s.out, arena + s.scratch);
      }
      for (const PlannedValue& v : s.values)
        if (v.observed) after(v, arena + v.offset, arena + unload_scratch_);
    }
  }

  const Target& target() const { return target_; }
  const std::vector<PlannedStep>& steps() const { return steps_; }
  std::size_t arena_words() const { return arena_words_; }
  double cost() const { return cost_; }
  std::size_t unit_images() const { return target_.layout == Layout::rows ? 1 : kBlockImages; }

 private:
  struct Builder;

  Target target_;
  std::vector<PlannedStep> steps_;
  std::size_t arena_words_ = 0, unload_scratch_ = 0;
  double cost_ = 0;
};

}  // namespace binmorph
