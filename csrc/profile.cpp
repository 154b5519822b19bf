#include <algorithm>
#include <chrono>

#include "binmorph/model.h"
#include "kernels/common/aligned_vector.h"

namespace binmorph {
namespace {

class Watch {
 public:
  // Seconds since the last call, or since the watch was made.
  double lap() {
    const auto now = std::chrono::steady_clock::now();
    const double seconds = std::chrono::duration<double>(now - last_).count();
    last_ = now;
    return seconds;
  }

 private:
  std::chrono::steady_clock::time_point last_ = std::chrono::steady_clock::now();
};

}  // namespace

std::vector<Model::PlanProfile> Model::profile(const void* input, std::size_t images, void* output) const {
  const Schedule schedule = this->schedule(images);
  const std::size_t last = graph_.output() - 1, in_blocks = images - schedule.singles;
  AlignedVector<std::uint64_t> arena(arena_words_);
  std::vector<PlanProfile> profiles;
  const auto run_plan = [&](const Plan& plan, std::size_t begin, std::size_t end) {
    if (begin == end) return;
    PlanProfile profile{&plan, std::vector<double>(plan.steps().size())};
    for (std::size_t first = begin; first < end; first += plan.unit_images()) {
      const std::size_t count = std::min(plan.unit_images(), end - first);
      const NetworkInput unit{static_cast<const char*>(input) + first * input_image_bytes(), nullptr,
                              Packing::rows, first};
      Watch watch;
      for (std::size_t s = 0; s < plan.steps().size(); ++s) {
        const PlannedStep& step = plan.steps()[s];
        plan.run_step(step, unit, count, arena.data(), pool_.get());
        profile.seconds[s] += watch.lap();
        plan.show_values(step, count, arena.data(),
                         [&](const PlannedValue& value, const std::uint64_t* words, std::size_t at,
                             std::size_t together, std::uint64_t* scratch) {
                           if (value.node == last)
                             value.unload.run(words, together,
                                              static_cast<char*>(output) + (first + at) * value_bytes(last),
                                              scratch);
                         });
        profile.unload += watch.lap();
      }
    }
    profiles.push_back(std::move(profile));
  };
  if (schedule.planes != nullptr) run_plan(*schedule.planes, 0, in_blocks);
  if (schedule.rows != nullptr) run_plan(*schedule.rows, in_blocks, images);
  return profiles;
}

}  // namespace binmorph
