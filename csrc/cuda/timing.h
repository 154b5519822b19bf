// Times by the device's clock.
#pragma once

#include <functional>
#include <vector>

#include "cuda/device.h"

namespace binmorph::cuda {

// Milliseconds of work / count, one per round, after a round that does not count. A context must be current.
std::vector<float> time_rounds(Stream stream, std::size_t rounds, std::size_t count,
                               const std::function<void()>& work);

// Of the launches as one graph, divided by `count`; overlap: as for LaunchGraph.
std::vector<float> time_launches(Device& device, const std::vector<Launch>& launches, bool overlap,
                                 std::size_t count, std::size_t rounds, Stream stream);

// Of copies within the device's memory, of that many bytes each.
std::vector<float> copy_times(int ordinal, std::size_t bytes, std::size_t rounds);

}  // namespace binmorph::cuda
