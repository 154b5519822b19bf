#include "cuda/plan.h"

#include <algorithm>
#include <limits>

#include "binmorph/error.h"
#include "cuda/programs.h"
#include "first_fit.h"
#include "kernels/common/bits.h"
#include "kernels/flatten/cuda_flatten.h"
#include "kernels/pack/cuda_pack.h"
#include "kernels/transpose/cuda_transpose.h"

namespace binmorph::cuda {
namespace {

constexpr std::size_t kAlign = 256;  // as the driver aligns allocations: whole sectors, and any vector load
constexpr std::size_t kMaxPixels = (std::size_t{1} << 31) - 1;  // of one launch
constexpr std::size_t kNever = SIZE_MAX;

bool contains(const std::vector<std::size_t>& values, std::size_t value) {
  return std::find(values.begin(), values.end(), value) != values.end();
}

constexpr std::size_t round_up(std::size_t bytes) { return (bytes + kAlign - 1) / kAlign * kAlign; }

std::uint32_t narrow(std::size_t n) { return static_cast<std::uint32_t>(n); }

}  // namespace

std::size_t device_bytes(const ValueType& type) {
  if (type.kind == ValueKind::bits) return 8 * type.height * type.width * words_for(type.channels);
  return caller_bytes(type);
}

std::size_t caller_bytes(const ValueType& type) {
  return type.size() * (type.kind == ValueKind::bits || type.kind == ValueKind::uint8 ? 1 : 4);
}

Plan::Plan(const binmorph::Graph& graph, Device& device, const PlanOptions& options)
    : graph_(graph), device_(device), options_(options) {
  const std::vector<Node>& nodes = graph.nodes();
  max_images_ = kMaxPixels;
  values_ = nodes.size() + 2;
  for (const Fused& fused : fused_nodes(graph, options.fuse)) add_group(fused);
  for (std::size_t i = 0; i < nodes.size(); ++i) {
    checks_input_ |= std::holds_alternative<PackBinary>(nodes[i].operation) && !options.packed;
    max_images_ = std::min(max_images_, kMaxPixels / std::max<std::size_t>(1, nodes[i].type.size()));
  }
  if (max_images_ == 0)
    throw Error(ErrorKind::memory_limit, "one image is more than a launch on the device can take");
  const ValueType& out = graph.type(graph.output());
  output_in_place_ = out.kind == ValueKind::bits ? options.packed && out.flat : out.height * out.width == 1;
  if (!output_in_place_) {
    const std::size_t value = graph.output();
    const Frame probe{1, 0, 0, std::vector<Address>(values_), 0};
    const Launch probed = unload(value, probe, 0);
    require(value - 1, probed.entry, probed.grid[1]);
    launches_.push_back(
        {{value - 1}, probed.entry, {}, {value}, false, true, [this, value](const Frame& frame) {
           return unload(value, frame, frame.output);
         }});
  }
  find_owners();
  if (options.tensor_cores == TensorCores::persistent && options.fuse) join_layers();
  if (options.tensor_cores == TensorCores::cluster && options.fuse) join_in_cluster();
  find_lifetimes();
  for (PlannedLaunch& launch : launches_) {
    const auto touches = [&](std::size_t value) {
      const auto is_in = [&](std::size_t operand) { return owner_[operand] == value; };
      return std::any_of(launch.writes.begin(), launch.writes.end(), is_in) ||
             std::any_of(launch.reads.begin(), launch.reads.end(), is_in);
    };
    launch.reads_input = touches(0);
    launch.writes_output |= output_in_place_ && touches(owner_[graph.output()]);
  }
}

void Plan::add_group(const Fused& fused) {
  if (fits_launch(fused)) {
    plan_group(*this, fused);
    launches_.back().nodes = fused.nodes;
    return;
  }
  for (std::size_t node : fused.nodes) plan_group(*this, single(graph_, node));
}

void Plan::require(std::size_t node, const std::string& entry, unsigned rows) {
  std::string why;
  if (!device_.has(entry))
    why = "this build has no kernel " + entry;
  else if (rows > kMaxGridY)  // of blocks: output channels; images and pixels lie along x
    why = "it has too many outputs, " + entry + " would need " + std::to_string(rows) +
          " rows of blocks where a launch may have " + std::to_string(kMaxGridY);
  if (!why.empty())
    throw Error(ErrorKind::unsupported,
                "node '" + graph_.nodes()[node].name + "': " + why + "; run the network with device=\"cpu\"");
}

const ValueType& Plan::type(std::size_t value) const { return graph_.type(value + 1 == values_ ? 0 : value); }

std::size_t Plan::input_stream(std::size_t node) {
  const ValueType& in = graph_.type(0);
  const std::size_t pixels = in.height * in.width, value = values_ - 1;
  if (pixels == 1 || in.channels == 1) return 0;
  const bool made = std::any_of(launches_.begin(), launches_.end(),
                                [&](const PlannedLaunch& launch) { return contains(launch.writes, value); });
  if (made) return value;
  // As a matrix of pixels in rows becomes one of channels in rows, so does its transpose.
  FlattenParams params{};
  params.pixels = in.channels;
  params.channels = narrow(pixels);
  add(node, "flatten_b32_b32__cuda_simt", {0}, params, launch_flatten_b32,
      [value](FlattenParams& p, const Frame& f) {
        p.src = pointer<void>(f.values[0]);
        p.dst = pointer<void>(f.values[value]);
        p.images = f.images;
      });
  amend({}, {value});
  return value;
}

std::size_t Plan::add_constant(const void* data, std::size_t bytes) {
  const std::size_t offset = constants_.size();
  constants_.resize(offset + round_up(bytes));
  if (bytes != 0) std::memcpy(constants_.data() + offset, data, bytes);
  return offset;
}

Launch Plan::unload(std::size_t value, const Frame& frame, Address destination) const {
  const ValueType& type = graph_.type(value);
  const std::size_t pixels = type.height * type.width;
  const Address source = frame.values[value];
  if (type.kind != ValueKind::bits) {
    const FlattenParams params{pointer<void>(source), pointer<void>(destination), frame.images, pixels,
                               narrow(type.channels)};
    return make_launch("flatten_b32_b32__cuda_simt", launch_flatten_b32(params), params);
  }
  if (options_.packed && !type.flat) {
    const RepackParams params{pointer<std::uint64_t>(source),
                              pointer<std::uint64_t>(destination),
                              narrow(frame.images),
                              narrow(type.channels),
                              narrow(type.height),
                              narrow(type.width)};
    return make_launch("channels_to_rows_u64_u64__cuda_simt", launch_channels_to_rows(params), params);
  }
  const UnpackParams params{pointer<std::uint64_t>(source), pointer<std::uint8_t>(destination), frame.images,
                            pixels, narrow(type.channels)};
  return make_launch("unpack_u64_u8__cuda_simt", launch_unpack(params), params);
}

// A value that nothing writes is another one's memory: a flattened image of one pixel.
void Plan::find_owners() {
  owner_.assign(values_, 0);
  std::vector<bool> written(values_, false);
  for (const PlannedLaunch& launch : launches_)
    for (std::size_t value : launch.writes) written[value] = true;
  if (written.back()) owner_.back() = values_ - 1;
  for (std::size_t value = 1; value + 1 < values_; ++value)
    owner_[value] = written[value] ? value : owner_[graph_.nodes()[value - 1].input()];
}

void Plan::find_lifetimes() {
  first_.assign(values_, kNever);
  last_.assign(values_, 0);
  for (std::size_t l = 0; l < launches_.size(); ++l)
    for (std::size_t value : launches_[l].writes) first_[value] = std::min(first_[value], l);
  for (std::size_t l = 0; l < launches_.size(); ++l) {
    for (std::size_t value : launches_[l].writes) last_[owner_[value]] = l;
    for (std::size_t value : launches_[l].reads) last_[owner_[value]] = l;
  }
  last_[owner_[graph_.output()]] = launches_.size();
}

Plan::Arena Plan::arena(std::size_t images, bool keep) const {
  Arena result{std::vector<std::size_t>(owner_.size(), 0), 0};
  FirstFit memory;
  std::vector<std::size_t> order;
  for (std::size_t value = 1; value < owner_.size(); ++value)
    if (owner_[value] == value) order.push_back(value);
  std::stable_sort(order.begin(), order.end(),
                   [&](std::size_t a, std::size_t b) { return first_[a] < first_[b]; });
  for (std::size_t value : order) {
    const std::size_t bytes = round_up(images * device_bytes(type(value)));
    result.offset[value] = memory.place(bytes, first_[value], keep ? kNever : last_[value]);
  }
  result.bytes = memory.size();
  for (std::size_t value = 1; value < owner_.size(); ++value)
    result.offset[value] = result.offset[owner_[value]];
  return result;
}

}  // namespace binmorph::cuda
