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
  // Word offsets, and the words of an image. The streams are those of StepInput.
  struct Place {
    std::size_t offset = 0, words = 0;
  };
  Place value_in, out;
  std::size_t scratch = 0;
  std::vector<Place> streams;
  std::vector<PlannedValue> values;
};

class Plan {
 public:
  // Without `fuse` every node runs apart, so that every value can be looked at.
  Plan(const Graph& graph, const Target& target, bool fuse = true);

  // Runs one unit. For each node's value, `after(value, words, first, count, scratch)` may look at images
  // first .. first + count - 1 of it as soon as they are written, with scratch memory for its Unloader.
  template <class After>
  void run(const NetworkInput& input, std::size_t images, std::uint64_t* arena, ThreadPool* pool,
           const After& after) const {
    for (const PlannedStep& s : steps_) {
      run_step(s, input, images, arena, pool);
      show_values(s, images, arena, after);
    }
  }

  void run_step(const PlannedStep& s, const NetworkInput& input, std::size_t images, std::uint64_t* arena,
                ThreadPool* pool) const {
    if (s.step->alias) return;
    // The table of pointers lies behind the step's scratch memory.
    auto** streams = reinterpret_cast<void**>(arena + s.scratch + s.step->scratch_words);
    const bool together = target_.layout == Layout::planes || s.step->blocks;
    const auto at = [&](const PlannedStep::Place& p, std::size_t image) {
      return arena + p.offset + image * p.words;
    };
    for (std::size_t i = 0; i < images; i += together ? images : 1) {
      for (std::size_t j = 0; j < s.streams.size(); ++j) streams[j] = at(s.streams[j], i);
      const NetworkInput from{
          input.values == nullptr ? nullptr : static_cast<const char*>(input.values) + i * input_bytes_,
          input.packed == nullptr ? nullptr : input.packed + i * packed_words(input.packing), input.packing,
          input.first + i};
      s.step->run({from, at(s.value_in, i), streams, together ? images : 1, pool}, at(s.out, i),
                  arena + s.scratch);
    }
  }

  template <class After>
  void show_values(const PlannedStep& s, std::size_t images, std::uint64_t* arena, const After& after) const {
    const bool planes = target_.layout == Layout::planes;
    for (const PlannedValue& v : s.values)
      for (std::size_t i = 0; v.observed && i < images; i += planes ? images : 1)
        after(v, arena + v.offset + i * v.words, i, planes ? images : 1, arena + unload_scratch_);
  }

  const Target& target() const { return target_; }
  const std::vector<PlannedStep>& steps() const { return steps_; }
  std::size_t arena_words() const { return arena_words_; }
  // The most that one step reads and writes for a unit, its scratch memory apart.
  std::size_t unit_words() const { return unit_words_; }
  double cost() const { return cost_; }
  std::size_t unit_images() const { return target_.layout == Layout::rows ? target_.images : kBlockImages; }

 private:
  struct Builder;

  Target target_;
  std::vector<PlannedStep> steps_;
  std::size_t arena_words_ = 0, unit_words_ = 0, unload_scratch_ = 0;
  std::size_t packed_words(Packing packing) const {
    return value_words(packed_input_, Layout::rows, packing);
  }

  ValueType packed_input_;
  std::size_t input_bytes_;  // of an image
  double cost_ = 0;
};

}  // namespace binmorph
