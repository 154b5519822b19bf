// Times by the device's clock, and packed morphology by itself.
#pragma once

#include <functional>
#include <vector>

#include "cuda/device.h"
#include "kernels/morphology2d/morphology2d.h"

namespace binmorph::cuda {

// Milliseconds of work / count, one per round, after a round that does not count. A context must be current.
std::vector<float> time_rounds(Stream stream, std::size_t rounds, std::size_t count,
                               const std::function<void()>& work);

// Of the launches as one graph, divided by `count`.
std::vector<float> time_launches(Device& device, const std::vector<Launch>& launches, std::size_t count,
                                 std::size_t rounds, Stream stream);

// Of copies within the device's memory, of that many bytes each.
std::vector<float> copy_times(int ordinal, std::size_t bytes, std::size_t rounds);

struct RowImages {
  std::size_t images, height, width;  // [images][height][words_for(width)], tails zero
};

// Result pixel = [number of points whose pixel is set >= rank] (MorphologyParams), from host memory to host
// memory; the times are those of the kernel.
std::vector<float> run_morphology2d(int ordinal, const RowImages& shape, const std::uint64_t* source,
                                    const std::vector<kernels::SePoint>& points, std::size_t rank,
                                    bool border, std::uint64_t* destination, std::size_t rounds);

}  // namespace binmorph::cuda
