// Packed morphology on GPUs: words in, new words out, on a stream of the caller's.
#pragma once

#include <utility>
#include <vector>

#include "binmorph/se_plan.h"
#include "binmorph/thinning.h"
#include "cuda/words.h"

namespace binmorph::cuda {

struct RowImages {
  std::size_t images, height, width;  // [images][height][words_for(width)], tails zero
  std::size_t words() const;
};

// As MorphStage, on the device.
struct DeviceStage {
  const SePlan* plan;
  bool dilate, border;
  const Words* mask;  // where it is 0 the stage keeps its input; null: nowhere
};

// All throw Error(shape) where words or extents do not fit, Error(memory_limit), Error(device).

// The stages applied in order.
NewWords run_stages(Stream stream, const std::vector<DeviceStage>& stages, const RowImages& shape,
                    const Words& src);

// One stage applied that many times, at least once; whether the last time changed anything. Waits.
std::pair<NewWords, bool> repeat_stage(Stream stream, const DeviceStage& stage, std::size_t times,
                                       const RowImages& shape, const Words& src);

// [number of points whose pixel is set >= rank]; Error(unsupported) beyond 65535 points.
NewWords rank_filter(Stream stream, const std::vector<kernels::SePoint>& points, std::size_t rank,
                     bool border, const RowImages& shape, const Words& src);

// 1 where all pixels at the points of `ones` are 1 and all at those of `zeros` 0; outside all are 0.
NewWords hit_or_miss(Stream stream, const SePlan& ones, const SePlan& zeros, const RowImages& shape,
                     const Words& src);

// At most `limit` iterations of two passes each (0: until nothing changes), and how many; waits now and then.
std::pair<NewWords, std::size_t> thin(Stream stream, ThinMethod method, std::size_t limit, std::size_t height,
                                      std::size_t width, const Words& src);

// Milliseconds of the stages by the device's clock, one per round; the launches of a round are one graph.
std::vector<float> time_stages(Stream stream, const std::vector<DeviceStage>& stages, const RowImages& shape,
                               const Words& src, std::size_t rounds);

}  // namespace binmorph::cuda
