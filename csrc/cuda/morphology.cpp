#include "cuda/morphology.h"

#include <algorithm>
#include <string>

#include "binmorph/error.h"
#include "cuda/device_bits.h"
#include "cuda/morphology_stages.h"
#include "cuda/timing.h"
#include "kernels/common/bits.h"
#include "kernels/morphology2d/cuda_morphology2d.h"
#include "kernels/thinning/cuda_thinning.h"

namespace binmorph::cuda {
namespace {

constexpr std::size_t kLongestSide = (std::size_t{1} << 30) - 1;  // sums with offsets of points fit 32 bits
constexpr std::size_t kMostPoints = (1u << 16) - 1;               // what the planes of a rank filter count
constexpr std::size_t kIterations = 8;                            // of thinning, between two looks

void check_extents(const RowImages& shape, const Words& words) {
  if (std::max({shape.images, shape.height, shape.width}) > kLongestSide)
    throw Error(ErrorKind::shape, "images on the device have fewer than 2^30 rows, columns and images");
  if (words.count() != shape.words())
    throw Error(ErrorKind::shape, "the images have " + std::to_string(shape.words()) + " words, got " +
                                      std::to_string(words.count()));
}

void check_stage(const DeviceStage& stage, const RowImages& shape) {
  if (stage.plan->planar()) throw Error(ErrorKind::shape, "the element was compiled for another layout");
  if (stage.mask != nullptr) check_extents(shape, *stage.mask);
}

void launch_all(Device& device, const std::vector<Launch>& launches, Stream stream) {
  for (const Launch& launch : launches) device.launch(launch, stream);
}

const Words& copy_of(Work& work, const Words& src) {
  const Words& result = work.make(src.count());
  work.copy(result.address(), src.address(), 8 * src.count());
  return result;
}

}  // namespace

std::size_t RowImages::words() const { return images * height * words_for(width); }

NewWords run_stages(Stream stream, const std::vector<DeviceStage>& stages, const RowImages& shape,
                    const Words& src) {
  check_extents(shape, src);
  for (const DeviceStage& stage : stages) check_stage(stage, shape);
  Work work(src.device(), stream, {&src});
  const StageLaunches made(work, stages, shape, src);
  launch_all(src.device(), made.launches(), stream);
  return work.take(&made.result() == &src ? copy_of(work, src) : made.result());
}

std::pair<NewWords, bool> repeat_stage(Stream stream, const DeviceStage& stage, std::size_t times,
                                       const RowImages& shape, const Words& src) {
  check_extents(shape, src);
  check_stage(stage, shape);
  if (shape.words() == 0) return {std::make_unique<Words>(src.device(), 0), false};
  Work work(src.device(), stream, {&src});
  // The last time is a launch of its own: its input must be there to be compared.
  const StageLaunches many(work, std::vector<DeviceStage>(times - 1, stage), shape, src);
  const StageLaunches last(work, {stage}, shape, many.result());
  launch_all(src.device(), many.launches(), stream);
  launch_all(src.device(), last.launches(), stream);
  const Flag flag(work);
  const DifferParams params{many.result().data(), last.result().data(), flag.data(), shape.words()};
  work.launch("differ_u64_u32__cuda_simt", launch_differ(params), params);
  const bool changed = flag.read();
  return {work.take(last.result()), changed};
}

NewWords rank_filter(Stream stream, const std::vector<kernels::SePoint>& points, std::size_t rank,
                     bool border, const RowImages& shape, const Words& src) {
  check_extents(shape, src);
  if (points.size() > kMostPoints)
    throw Error(ErrorKind::unsupported, "the device counts up to " + std::to_string(kMostPoints) +
                                            " cells of an element, this one has " +
                                            std::to_string(points.size()) + "; filter on the CPU");
  Work work(src.device(), stream, {&src});
  const Words &result = work.make(src.count()), &table = work.make(points.size());
  work.copy(table.address(), points.data(), points.size() * sizeof(kernels::SePoint));
  auto params = row_params<MorphologyParams>(shape, src, result);
  params.points = pointer<kernels::SePoint>(table.address());
  params.point_count = static_cast<std::uint32_t>(points.size());
  params.rank = static_cast<std::uint32_t>(rank);
  params.border = border;
  work.launch("morphology2d_u64_u64__cuda_simt", launch_morphology2d(params), params);
  return work.take(result);
}

NewWords hit_or_miss(Stream stream, const SePlan& ones, const SePlan& zeros, const RowImages& shape,
                     const Words& src) {
  const auto hit = window_bits(ones.program()), miss = window_bits(zeros.program());
  if (!hit || !miss) {
    const NewWords fits = run_stages(stream, {{&ones, false, false, nullptr}}, shape, src);
    const NewWords touches = run_stages(stream, {{&zeros, true, false, nullptr}}, shape, src);
    return combine(stream, 3, *fits, *touches);
  }
  check_extents(shape, src);
  Work work(src.device(), stream, {&src});
  const Words& result = work.make(src.count());
  auto params = row_params<Morphology3x3Params>(shape, src, result);
  params.element = *hit;
  params.zeros = *miss;
  work.launch("hit_or_miss3x3_u64_u64__cuda_simt", launch_morphology3x3(params), params);
  return work.take(result);
}

std::pair<NewWords, std::size_t> thin(Stream stream, ThinMethod method, std::size_t limit, std::size_t height,
                                      std::size_t width, const Words& src) {
  using kernels::ThinRule;
  const RowImages shape{1, height, width};
  check_extents(shape, src);
  Work work(src.device(), stream, {&src});
  const Words &result = copy_of(work, src), &other = work.make(src.count());
  const Flag flag(work);
  const bool guo_hall = method == ThinMethod::guo_hall;
  auto params = ThinParams{nullptr,
                           nullptr,
                           flag.data(),
                           static_cast<std::uint32_t>(height),
                           static_cast<std::uint32_t>(width),
                           ThinRule::guo_hall_1};
  for (std::size_t done = 0;;) {
    // Iterations behind one that changed nothing change nothing either.
    const std::size_t next = limit == 0 ? kIterations : std::min(kIterations, limit - done);
    for (std::size_t i = 0; i < next; ++i) {
      if (i + 1 == next) flag.clear();
      for (const bool second : {false, true}) {
        params.src = second ? other.data() : result.data();
        params.dst = second ? result.data() : other.data();
        params.rule = guo_hall ? (second ? ThinRule::guo_hall_2 : ThinRule::guo_hall_1)
                               : (second ? ThinRule::zhang_suen_2 : ThinRule::zhang_suen_1);
        work.launch("thin_u64_u64__cuda_simt", launch_thin(params), params);
      }
    }
    done += next;
    if (done == limit || !flag.read()) return {work.take(result), done};
  }
}

std::vector<float> time_stages(Stream stream, const std::vector<DeviceStage>& stages, const RowImages& shape,
                               const Words& src, std::size_t rounds) {
  constexpr std::size_t kRepeats = 10;
  check_extents(shape, src);
  Work work(src.device(), stream, {&src});
  const StageLaunches made(work, stages, shape, src);
  std::vector<Launch> launches;
  for (std::size_t i = 0; i < kRepeats; ++i)
    launches.insert(launches.end(), made.launches().begin(), made.launches().end());
  return time_launches(src.device(), launches, false, kRepeats, rounds, stream);
}

}  // namespace binmorph::cuda
