#include "cuda/morphology_stages.h"

#include "kernels/common/bits.h"
#include "kernels/morphology2d/cuda_pack.h"

namespace binmorph::cuda {
namespace {

constexpr const char* kWide = "morphology3x3_wide_u64_u64__cuda_simt";
constexpr std::size_t kFewPoints = 8;  // up to here points are read one by one, without tiles

bool same_small_element(const DeviceStage& a, const DeviceStage& b) {
  const kernels::SeSpecial special = a.plan->program().special;
  return special == b.plan->program().special && a.mask == nullptr && b.mask == nullptr &&
         (special == kernels::SeSpecial::box3 || special == kernels::SeSpecial::cross3);
}

}  // namespace

std::optional<std::uint32_t> window_bits(const kernels::SeProgram& program) {
  std::uint32_t bits = 0;
  for (std::size_t i = 0; i < program.point_count; ++i) {
    const kernels::SePoint p = program.points[i];
    if (p.dy < -1 || p.dy > 1 || p.dx < -1 || p.dx > 1) return std::nullopt;
    bits |= 1u << (3 * (p.dy + 1) + p.dx + 1);
  }
  return bits;
}

StageLaunches::StageLaunches(Work& work, const std::vector<DeviceStage>& stages, const RowImages& shape,
                             const Words& src)
    : work_(work), shape_(shape), device_(src.device()), result_(&src) {
  for (const DeviceStage& stage : stages) work.use(stage.mask);
  if (shape.words() == 0) return;
  for (std::size_t i = 0; i < stages.size();) i += add(stages, i);
}

// Two are enough: a stage reads one (at first the source) and writes the other.
const Words& StageLaunches::other_buffer() {
  for (const Words*& buffer : buffers_) {
    if (buffer == nullptr) buffer = &work_.make(shape_.words());
    if (buffer != result_) return *buffer;
  }
  return *result_;  // never: there are two
}

std::size_t StageLaunches::add(const std::vector<DeviceStage>& stages, std::size_t at) {
  const DeviceStage& stage = stages[at];
  const Words &from = *result_, &to = other_buffer();
  result_ = &to;
  std::size_t run = 1;
  while (run < kChainStages && at + run < stages.size() && same_small_element(stage, stages[at + run])) ++run;
  if (run == 1) {
    add_single(stage, from, to);
    return 1;
  }
  auto params = row_params<MorphologyChainParams>(shape_, from, to);
  params.stages = run == kChainStages ? run : 2;
  params.cross = stage.plan->program().special == kernels::SeSpecial::cross3;
  for (std::uint32_t s = 0; s < params.stages; ++s) {
    params.dilate |= static_cast<std::uint32_t>(stages[at + s].dilate) << s;
    params.border |= static_cast<std::uint32_t>(stages[at + s].border) << s;
  }
  launches_.push_back(
      Plan::make_launch("morphology_chain_u64_u64__cuda_simt", launch_morphology_chain(params), params));
  return params.stages;
}

void StageLaunches::add_single(const DeviceStage& stage, const Words& from, const Words& to) {
  const kernels::SeProgram program = stage.plan->program();
  const std::optional<std::uint32_t> window = window_bits(program);
  if (window && *window != 0) {
    auto params = row_params<Morphology3x3Params>(shape_, from, to);
    params.element = *window;
    params.dilate = stage.dilate;
    params.border = stage.border;
    launches_.push_back(wide(params) ? Plan::make_launch(kWide, launch_morphology3x3_wide(params), params)
                                     : Plan::make_launch("morphology3x3_u64_u64__cuda_simt",
                                                         launch_morphology3x3(params), params));
  } else if (program.point_count <= kFewPoints || !add_program(stage, from, to)) {
    const std::size_t bytes = program.point_count * sizeof(kernels::SePoint);
    const Words& table = work_.make(program.point_count);
    work_.copy(table.address(), program.points, bytes);
    auto params = row_params<MorphologyParams>(shape_, from, to);
    params.points = pointer<kernels::SePoint>(table.address());
    params.point_count = static_cast<std::uint32_t>(program.point_count);
    params.rank = stage.dilate ? 1 : params.point_count;
    params.border = stage.border;
    launches_.push_back(
        Plan::make_launch("morphology2d_u64_u64__cuda_simt", launch_morphology2d(params), params));
  }
  if (stage.mask == nullptr) return;
  const BitwiseParams params{from.data(), to.data(), stage.mask->data(), to.data(), shape_.words(), 4};
  launches_.push_back(Plan::make_launch("bitwise_u64_u64__cuda_simt", launch_bitwise(params), params));
}

// Fewer threads with more to do each, where there are enough to fill the device.
bool StageLaunches::wide(const Morphology3x3Params& params) {
  constexpr std::size_t kThreads = 512;  // of each multiprocessor
  const LaunchShape shape = launch_morphology3x3_wide(params);
  const auto address = [](const void* p) { return reinterpret_cast<std::uintptr_t>(p); };
  return words_for(params.width) % 2 == 0 && (address(params.src) | address(params.dst)) % 16 == 0 &&
         std::size_t{shape.grid_x} * shape.block >=
             kThreads * static_cast<std::size_t>(device_.info().multiprocessors) &&
         device_.has(kWide);
}

bool StageLaunches::add_program(const DeviceStage& stage, const Words& from, const Words& to) {
  auto params = row_params<MorphologyProgramParams>(shape_, from, to);
  const DeviceInfo& info = device_.info();
  if (!pack_program(stage.plan->program(), info.shared_bytes, static_cast<std::size_t>(info.multiprocessors),
                    params))
    return false;
  params.dilate = stage.dilate;
  params.border = stage.border;
  launches_.push_back(
      Plan::make_launch("morphology_program_u64_u64__cuda_simt", launch_morphology_program(params), params));
  return true;
}

}  // namespace binmorph::cuda
