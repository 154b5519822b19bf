#include "cuda/morphology_stages.h"

#include <algorithm>

#include "kernels/common/bits.h"
#include "kernels/morphology2d/cuda_pack.h"

namespace binmorph::cuda {
namespace {

constexpr std::size_t kFewPoints = 8;  // up to here points are read one by one, without tiles

bool is_3x3(const WalkStage& s) {
  return s.steps == 1 && s.left[0] == 1 && s.right[0] == 1 && s.up == 1 && s.down == 1;
}

// How many of a walk's stages, from `at` on, one launch takes.
std::size_t fitting(const std::vector<WalkStage>& walk, std::size_t at, WalkShape& shape) {
  constexpr std::uint32_t kRows = 64;  // that wait in shared memory
  std::size_t small = 0;
  while (at + small < walk.size() && small < kWalkStages && is_3x3(walk[at + small])) ++small;
  if (shape != WalkShape::cross3) shape = small == 0 ? WalkShape::box : WalkShape::box3;
  if (small != 0) return small == 3 ? 2 : small;
  if (at + 1 == walk.size()) return 1;
  const WalkStage &a = walk[at], &b = walk[at + 1];
  return a.up + a.down + b.up + b.down <= kRows ? 2 : 1;
}

// How far a box reaches, or a 3x3 cross if crosses are wanted; nothing for other stages.
std::optional<BoxReach> reach_of(const DeviceStage& stage, WalkShape shape) {
  const kernels::SeProgram program = stage.plan->program();
  if (stage.mask != nullptr) return std::nullopt;
  if (shape == WalkShape::box) return box_reach(program);
  if (program.special != kernels::SeSpecial::cross3) return std::nullopt;
  return BoxReach{1, 1, 1, 1};
}

// The stages from `at` on as those of a walk, and how many they are. Equal operations by boxes that follow
// one another are one by the sum of the boxes, borders included: a box holds its origin, so that the sum
// reaches pixels of the image by way of others of the image, and those outside stay as they are.
std::size_t walk_of(const std::vector<DeviceStage>& stages, std::size_t at, WalkShape shape,
                    std::vector<WalkStage>& walk) {
  std::size_t i = at;
  while (i < stages.size()) {
    const DeviceStage& first = stages[i];
    std::optional<BoxReach> sum = reach_of(first, shape);
    if (!sum) break;
    for (++i; shape == WalkShape::box && i < stages.size(); ++i) {
      const auto next = reach_of(stages[i], shape);
      if (!next || stages[i].dilate != first.dilate || stages[i].border != first.border) break;
      sum = {sum->left + next->left, sum->right + next->right, sum->up + next->up, sum->down + next->down};
    }
    do walk.push_back(cut_stage(*sum, first.dilate, first.border));
    while ((sum->left | sum->right | sum->up | sum->down) != 0);
  }
  return i - at;
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
  for (WalkShape shape : {WalkShape::box, WalkShape::cross3}) {
    std::vector<WalkStage> walk;
    const std::size_t run = walk_of(stages, at, shape, walk);
    if (run != 0 && add_walk(walk, shape)) return run;
  }
  const Words &from = *result_, &to = other_buffer();
  add_single(stages[at], from, to);
  result_ = &to;
  return 1;
}

// Not for 3x3 alone on images that do not fill the device: shorter columns are quicker there.
bool StageLaunches::add_walk(const std::vector<WalkStage>& walk, WalkShape shape) {
  const DeviceInfo& info = device_.info();
  for (std::size_t i = 0; i < walk.size();) {
    const Words& to = other_buffer();
    auto params = row_params<MorphologyWalkParams>(shape_, *result_, to);
    params.stages = static_cast<std::uint32_t>(fitting(walk, i, shape));
    params.shape = shape;
    std::copy_n(walk.begin() + static_cast<std::ptrdiff_t>(i), params.stages, params.stage);
    const auto address = [](const void* p) { return reinterpret_cast<std::uintptr_t>(p); };
    const std::uint32_t lane_words =
        spread_rows(params, address(params.src) | address(params.dst), info.shared_bytes,
                    static_cast<std::size_t>(info.multiprocessors));
    if (walk.size() == 1 && shape != WalkShape::box && params.rows <= kWalkRows) return false;
    launches_.push_back(Plan::make_launch(
        lane_words == 2 ? "morphology_walk_wide_u64_u64__cuda_simt" : "morphology_walk_u64_u64__cuda_simt",
        launch_morphology_walk(params, lane_words), params));
    result_ = &to;
    i += params.stages;
  }
  return true;
}

void StageLaunches::add_single(const DeviceStage& stage, const Words& from, const Words& to) {
  const kernels::SeProgram program = stage.plan->program();
  const std::optional<std::uint32_t> window = window_bits(program);
  if (window && *window != 0) {
    auto params = row_params<Morphology3x3Params>(shape_, from, to);
    params.element = *window;
    params.dilate = stage.dilate;
    params.border = stage.border;
    launches_.push_back(
        Plan::make_launch("morphology3x3_u64_u64__cuda_simt", launch_morphology3x3(params), params));
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
