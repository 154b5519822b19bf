// A loaded network. `run` is const and may be called from many threads at once.
#pragma once

#include <functional>
#include <memory>
#include <mutex>
#include <optional>
#include <vector>

#include "binmorph/graph.h"
#include "binmorph/plan.h"
#include "binmorph/thread_pool.h"

namespace binmorph {

struct ModelOptions {
  std::size_t threads = 1;
  Isa isa = Isa::generic;
  std::optional<Layout> layout;  // use only this one, whatever the batch size
  // Bytes of arena, over all threads of one call; the machine's memory is a limit too.
  std::size_t max_memory = SIZE_MAX;
};

class Model {
 public:
  // Throws Error(isa) when the machine lacks options.isa, Error(memory_limit) when one call would need more.
  Model(Graph graph, const ModelOptions& options);

  // input: `images` images in the input's dtype, densely packed; output: images * output_image_bytes().
  void run(const void* input, std::size_t images, void* output) const;

  // The same on bits that stay packed, as `packing` says: input_words(packing) words per image in,
  // output_words(packing) out. Throws Error(format) unless the network reads {0, 1} and writes bits.
  void run_packed(const std::uint64_t* input, std::size_t images, Packing packing,
                  std::uint64_t* output) const;

  // The same, keeping every node's value: values[i] takes images * value_bytes(i) bytes.
  void trace(const void* input, std::size_t images, const std::vector<void*>& values) const;

  // The same as `run`, with the steady clock read before and after every step. Units run one after the other,
  // so threads only split large layers.
  struct PlanProfile {
    const Plan* plan;
    std::vector<double> seconds;  // per step, over all units
    double unload = 0;            // handing the output over
  };
  std::vector<PlanProfile> profile(const void* input, std::size_t images, void* output) const;

  const Graph& graph() const { return graph_; }
  const ModelOptions& options() const { return options_; }
  std::size_t value_bytes(std::size_t node) const;  // of one image, as the caller sees it
  std::size_t input_image_bytes() const;
  std::size_t input_words(Packing packing) const;
  std::size_t output_words(Packing packing) const;

  const std::vector<std::unique_ptr<Plan>>& plans() const { return plans_; }

  // How a batch is cut: first blocks of images in planes, then single images in rows.
  struct Schedule {
    const Plan *planes, *rows;
    std::size_t images, blocks, singles;
  };
  Schedule schedule(std::size_t images, bool packed = false) const;

 private:
  class ArenaLease;
  using Arena = std::unique_ptr<std::uint64_t[]>;

  // The child of a fork leaks the pool: waiting for threads that it does not have would never end.
  struct RetirePool {
    void operator()(ThreadPool* pool) const {
      if (!pool->forked()) delete pool;
    }
  };

  Arena new_arena() const { return Arena(new std::uint64_t[arena_words_ + 8]); }  // room to align

  // Called with each value, where it lies, its first image, their number, and scratch memory to unload it.
  using Visit = std::function<void(const PlannedValue&, const std::uint64_t*, std::size_t, std::size_t,
                                   std::uint64_t*)>;
  void run_unit(const Plan& plan, const NetworkInput& input, std::size_t first, std::size_t count,
                std::uint64_t* arena, ThreadPool* pool, const Visit& visit) const;
  void run_units(const NetworkInput& input, std::size_t images, const Visit& visit) const;

  Graph graph_;
  ModelOptions options_;
  std::vector<std::unique_ptr<Plan>> plans_;
  std::unique_ptr<ThreadPool, RetirePool> pool_;
  std::size_t arena_words_ = 0;
  mutable std::mutex arenas_mutex_;
  mutable std::vector<Arena> arenas_;    // those that no call is using; a call takes one per thread
  mutable std::size_t arenas_made_ = 0;  // arenas_ has room for all of them
};

}  // namespace binmorph
