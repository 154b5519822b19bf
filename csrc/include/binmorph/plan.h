// A graph made runnable for one layout: steps in order, and one arena for everything they write.
#pragma once

#include <memory>
#include <string>
#include <vector>

#include "binmorph/graph.h"
#include "binmorph/step.h"

namespace binmorph {

struct PlannedStep {
  std::unique_ptr<Step> step;
  std::size_t node;
  Unloader unload;
  bool repack = false;   // only changes how the value of `node` is packed
  bool observed = true;  // what it writes is the value of `node`, for those who look
  std::size_t value_in = 0, value_out = 0, scratch = 0;  // word offsets into the arena
};

class Plan {
 public:
  Plan(const Graph& graph, const Target& target);

  // Runs one unit. After each step, `after(step, value, scratch)` may look at what it wrote, with scratch
  // memory for the step's Unloader.
  template <class After>
  void run(const NetworkInput& input, std::size_t images, std::uint64_t* arena, ThreadPool* pool,
           const After& after) const {
    for (const PlannedStep& s : steps_) {
      if (!s.step->alias)
        s.step->run({input, arena + s.value_in, images, pool}, arena + s.value_out, arena + s.scratch);
      if (s.observed) after(s, arena + s.value_out, arena + unload_scratch_);
    }
  }

  const Target& target() const { return target_; }
  const std::vector<PlannedStep>& steps() const { return steps_; }
  std::size_t arena_words() const { return arena_words_; }
  double cost() const { return cost_; }
  std::size_t unit_images() const { return target_.layout == Layout::rows ? 1 : kBlockImages; }

 private:
  Target target_;
  std::vector<PlannedStep> steps_;
  std::size_t arena_words_ = 0, unload_scratch_ = 0;
  double cost_ = 0;
};

}  // namespace binmorph
