#include "cuda/timing.h"

#include "binmorph/error.h"
#include "cuda/lane.h"
#include "kernels/common/bits.h"
#include "kernels/morphology2d/cuda_morphology2d.h"

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

// Bits of Morphology3x3Params::element, or 0 for an element that is larger.
std::uint32_t window_bits(const std::vector<kernels::SePoint>& points) {
  std::uint32_t bits = 0;
  for (const kernels::SePoint& p : points) {
    if (p.dy < -1 || p.dy > 1 || p.dx < -1 || p.dx > 1) return 0;
    bits |= 1u << (3 * (p.dy + 1) + p.dx + 1);
  }
  return bits;
}

template <class Params>
Params row_params(const RowImages& shape, bool border, const Buffer& from, const Buffer& to) {
  Params params{};
  params.src = pointer<std::uint64_t>(from.address());
  params.dst = pointer<std::uint64_t>(to.address());
  params.images = static_cast<std::uint32_t>(shape.images);
  params.height = static_cast<std::uint32_t>(shape.height);
  params.width = static_cast<std::uint32_t>(shape.width);
  params.border = border;
  return params;
}

Launch morphology_launch(const RowImages& shape, const std::vector<kernels::SePoint>& points,
                         std::size_t rank, bool border, const Buffer& from, const Buffer& to,
                         const Buffer& element) {
  const std::uint32_t bits = window_bits(points);
  if (bits != 0 && (rank == 1 || rank == points.size())) {
    auto params = row_params<Morphology3x3Params>(shape, border, from, to);
    params.element = bits;
    params.dilate = rank == 1;
    return Plan::make_launch("morphology3x3_u64_u64__cuda_simt", launch_morphology3x3(params), params);
  }
  auto params = row_params<MorphologyParams>(shape, border, from, to);
  params.points = pointer<kernels::SePoint>(element.address());
  params.point_count = static_cast<std::uint32_t>(points.size());
  params.rank = static_cast<std::uint32_t>(rank);
  return Plan::make_launch("morphology2d_u64_u64__cuda_simt", launch_morphology2d(params), params);
}

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

std::vector<float> time_launches(Device& device, const std::vector<Launch>& launches, std::size_t count,
                                 std::size_t rounds, Stream stream) {
  const LaunchGraph graph(device, launches);
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

std::vector<float> run_morphology2d(int ordinal, const RowImages& shape, const std::uint64_t* source,
                                    const std::vector<kernels::SePoint>& points, std::size_t rank,
                                    bool border, std::uint64_t* destination, std::size_t rounds) {
  constexpr std::size_t kRepeats = 10;
  if (points.empty() || rank == 0 || rank > points.size())
    throw Error(ErrorKind::shape, "rank must be from 1 to the number of points");
  Device& device = Device::get(ordinal);
  const Device::Scope scope(device);
  const Lane lane(device);
  const std::size_t bytes = 8 * shape.images * shape.height * words_for(shape.width);
  const Buffer from(device, bytes), to(device, bytes);
  const Buffer element(device, points.size() * sizeof(kernels::SePoint));
  const Driver& api = driver();
  check(api.cuMemcpyHtoDAsync_v2(from.address(), source, bytes, lane.stream()), "copying the images");
  check(api.cuMemcpyHtoDAsync_v2(element.address(), points.data(), element.bytes(), lane.stream()),
        "copying the element");
  const Launch launch = morphology_launch(shape, points, rank, border, from, to, element);
  device.launch(launch, lane.stream());
  check(api.cuMemcpyDtoHAsync_v2(destination, to.address(), bytes, lane.stream()), "copying the result");
  check(api.cuStreamSynchronize(lane.stream()), "running a kernel");
  if (rounds == 0) return {};
  return time_launches(device, std::vector<Launch>(kRepeats, launch), kRepeats, rounds, lane.stream());
}

}  // namespace binmorph::cuda
