#include "cuda/timing.h"

#include "cuda/lane.h"

namespace binmorph::cuda {
namespace {

class Timer {
 public:
  Timer() {
    check(driver().cuEventCreate(&begin_, 0), "creating an event");
    const int result = driver().cuEventCreate(&end_, 0);
    if (result != kSuccess) driver().cuEventDestroy_v2(begin_);
    check(result, "creating an event");
  }
  ~Timer() {
    find_driver().cuEventDestroy_v2(begin_);
    find_driver().cuEventDestroy_v2(end_);
  }
  Timer(const Timer&) = delete;
  Timer& operator=(const Timer&) = delete;

  void begin(Stream stream) const { check(driver().cuEventRecord(begin_, stream), "recording an event"); }
  float end(Stream stream) const {
    float milliseconds = 0;
    check(driver().cuEventRecord(end_, stream), "recording an event");
    check(driver().cuEventSynchronize(end_), "running a kernel");
    check(driver().cuEventElapsedTime(&milliseconds, begin_, end_), "reading a clock");
    return milliseconds;
  }

 private:
  Event begin_ = nullptr, end_ = nullptr;
};

}  // namespace

std::vector<float> time_rounds(Stream stream, std::size_t rounds, std::size_t count,
                               const std::function<void()>& work) {
  const Timer timer;
  std::vector<float> times;
  for (std::size_t round = 0; round <= rounds; ++round) {
    timer.begin(stream);
    work();
    const float milliseconds = timer.end(stream);
    if (round != 0) times.push_back(milliseconds / static_cast<float>(count));
  }
  return times;
}

std::vector<float> time_launches(Device& device, const std::vector<Launch>& launches, bool overlap,
                                 std::size_t count, std::size_t rounds, Stream stream) {
  const LaunchGraph graph(device, launches, overlap);
  return time_rounds(stream, rounds, count, [&] { graph.run(stream); });
}

std::vector<float> copy_times(int ordinal, std::size_t bytes, std::size_t rounds) {
  constexpr std::size_t kRepeats = 10;
  Device& device = Device::get(ordinal);
  const Device::Scope scope(device);
  const Lane lane(device);
  const Buffer from(device, bytes), to(device, bytes);
  check(driver().cuMemsetD8Async(from.address(), 0x5A, bytes, lane.stream()), "writing memory");
  return time_rounds(lane.stream(), rounds, kRepeats, [&] {
    for (std::size_t i = 0; i < kRepeats; ++i)
      check(driver().cuMemcpyDtoDAsync_v2(to.address(), from.address(), bytes, lane.stream()), "copying");
  });
}

}  // namespace binmorph::cuda
