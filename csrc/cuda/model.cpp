#include "cuda/model.h"

#include <algorithm>

#include "binmorph/error.h"
#include "binmorph/step.h"
#include "cuda/lease.h"
#include "cuda/timing.h"
#include "kernels/common/bits.h"

namespace binmorph::cuda {
namespace {

std::size_t packed_bytes(const ValueType& type) {
  if (type.flat) return 8 * words_for(type.channels);
  return 8 * type.channels * type.height * words_for(type.width);
}

}  // namespace

DeviceModel::DeviceModel(binmorph::Graph graph, int ordinal, const DeviceOptions& options)
    : graph_(std::move(graph)), device_(Device::get(ordinal)), options_(options) {
  if (graph_.output() == 0) throw Error(ErrorKind::format, "the graph has no output");
  const Device::Scope scope(device_);
  const Plan& plan = *planned(kValues, 1).plan;
  std::size_t free = 0, total = 0;
  check(driver().cuMemGetInfo_v2(&free, &total), "asking for the free memory");
  const std::size_t limit = std::min(options_.max_memory, free / 4);
  if (plan.arena(1).bytes > limit)
    throw Error(ErrorKind::memory_limit, "a call needs " + std::to_string(plan.arena(1).bytes) +
                                             " bytes on the device, the limit is " + std::to_string(limit) +
                                             ": max_memory, or a quarter of the " + std::to_string(free) +
                                             " bytes that are free there");
  chunk_ = 1;
  while (2 * chunk_ <= plan.max_images() && plan.arena(2 * chunk_).bytes <= limit) chunk_ *= 2;
}

DeviceModel::~DeviceModel() {
  try {
    const Device::Scope scope(device_);
    lanes_.clear();
  } catch (const Error&) {
    for (auto& lane : lanes_) static_cast<void>(lane.release());  // a lost context, or a forked child
  }
}

// What is too large for one cluster runs as if none had been asked for.
const DeviceModel::Planned& DeviceModel::planned(Kind kind, std::size_t images) {
  const Planned& asked = planned(kind, options_.tensor_cores);
  return images <= asked.plan->cluster_images() ? asked : planned(kind, TensorCores::best);
}

// Made at first use, with tables of its own.
const DeviceModel::Planned& DeviceModel::planned(Kind kind, TensorCores tensor_cores) {
  const std::lock_guard<std::mutex> lock(mutex_);
  Planned& planned = plans_[{kind, tensor_cores}];
  if (planned.plan != nullptr) return planned;
  const Device::Scope scope(device_);
  auto plan =
      std::make_unique<Plan>(graph_, device_, PlanOptions{tensor_cores, kind != kTraced, kind == kPacked});
  const std::vector<std::byte>& constants = plan->constants();
  planned.constants = Buffer(device_, constants.size());
  if (!constants.empty()) {
    const Lane lane(device_);
    check(driver().cuMemcpyHtoDAsync_v2(planned.constants.address(), constants.data(), constants.size(),
                                        lane.stream()),
          "copying the weights");
    check(driver().cuStreamSynchronize(lane.stream()), "copying the weights");
  }
  planned.plan = std::move(plan);
  return planned;
}

void DeviceModel::check_packed() const {
  if (graph_.type(graph_.output()).kind != ValueKind::bits)
    throw Error(ErrorKind::format, "packed input: the network ends in numbers, so call it with an array");
  for (const Node& node : graph_.nodes())
    if (node.input() == 0 && !std::holds_alternative<PackBinary>(node.operation))
      throw Error(ErrorKind::format, "packed input: the network reads gray values, so call it with an array");
}

std::size_t DeviceModel::input_bytes(bool packed) const {
  return packed ? packed_bytes(graph_.type(0)) : caller_bytes(graph_.type(0));
}

std::size_t DeviceModel::output_bytes(bool packed) const {
  const ValueType& type = graph_.type(graph_.output());
  return packed ? packed_bytes(type) : caller_bytes(type);
}

void DeviceModel::enqueue(Lane& lane, const Planned& planned, Stream stream, Address input,
                          std::size_t images, Address output) {
  const Plan& plan = *planned.plan;
  Frame frame = lane.frame(plan, images, planned.constants.address());
  frame.values[0] = input;
  frame.output = output;
  if (plan.output_in_place()) {
    const std::size_t owner = plan.owner(graph_.output());
    for (std::size_t value = 1; value < frame.values.size(); ++value)
      if (plan.owner(value) == owner) frame.values[value] = output;
  }
  if (plan.checks_input())
    check(driver().cuMemsetD8Async(frame.invalid, 0xFF, sizeof(std::uint64_t), stream), "clearing a flag");
  lane.run(plan, frame, stream);
}

void DeviceModel::check_input(Lane& lane, Stream stream, Address input, std::size_t first,
                              std::size_t images) {
  const Driver& api = driver();
  std::uint64_t invalid = 0;
  const Address flag = lane.frame(plan(images), images, 0).invalid;
  check(api.cuMemcpyDtoHAsync_v2(&invalid, flag, sizeof invalid, stream), "reading a flag");
  check(api.cuStreamSynchronize(stream), "running the network");
  if (invalid == UINT64_MAX) return;
  const ValueType& type = graph_.type(0);
  const bool bytes = type.kind == ValueKind::uint8;
  float number = 0;
  std::uint8_t byte = 0;
  void* value = bytes ? static_cast<void*>(&byte) : &number;
  const std::size_t size = bytes ? 1 : 4;
  check(api.cuMemcpyDtoHAsync_v2(value, input + invalid * size, size, stream), "reading the input");
  check(api.cuStreamSynchronize(stream), "reading the input");
  throw_not_binary(bytes ? byte : number, invalid % type.size(), first + invalid / type.size());
}

void DeviceModel::run(const void* input, const Images& images, void* output) {
  if (images.packed) check_packed();
  const Kind kind = images.packed ? kPacked : kValues;
  const std::size_t in_bytes = input_bytes(images.packed), out_bytes = output_bytes(images.packed);
  const Driver& api = driver();
  Lease lease(*this, std::nullopt);
  const Stream stream = lease.stream();
  for (std::size_t first = 0; first < images.count; first += chunk_) {
    const std::size_t count = std::min(chunk_, images.count - first);
    const Planned& planned = this->planned(kind, count);
    const Address x = lease.lane().staged_input(count * in_bytes);
    const Address y = lease.lane().staged_output(count * out_bytes);
    lease.lane().begin(stream);
    check(api.cuMemcpyHtoDAsync_v2(x, static_cast<const char*>(input) + first * in_bytes, count * in_bytes,
                                   stream),
          "copying the input");
    enqueue(lease.lane(), planned, stream, x, count, y);
    lease.lane().end(stream);
    if (planned.plan->checks_input() && !images.binary) check_input(lease.lane(), stream, x, first, count);
    check(api.cuMemcpyDtoHAsync_v2(static_cast<char*>(output) + first * out_bytes, y, count * out_bytes,
                                   stream),
          "copying the output");
    check(api.cuStreamSynchronize(stream), "running the network");
  }
}

void DeviceModel::run_on(Stream stream, Address input, const Images& images, Address output) {
  if (images.packed) check_packed();
  const Kind kind = images.packed ? kPacked : kValues;
  const std::size_t in_bytes = input_bytes(images.packed), out_bytes = output_bytes(images.packed);
  Lease lease(*this, stream);
  for (std::size_t first = 0; first < images.count; first += chunk_) {
    const std::size_t count = std::min(chunk_, images.count - first);
    const Planned& planned = this->planned(kind, count);
    const Address x = input + first * in_bytes, y = output + first * out_bytes;
    lease.lane().begin(stream);
    enqueue(lease.lane(), planned, stream, x, count, y);
    lease.lane().end(stream);
    if (planned.plan->checks_input() && !images.binary) check_input(lease.lane(), stream, x, first, count);
  }
}

void DeviceModel::trace(const void* input, std::size_t images, const std::vector<void*>& values) {
  const Driver& api = driver();
  const Planned& planned = this->planned(kTraced, 1);
  const Plan& plan = *planned.plan;
  Lease lease(*this, std::nullopt);
  const Stream stream = lease.stream();
  // One image at a time: a trace is for looking, and keeps every value.
  for (std::size_t image = 0; image < images; ++image) {
    const Address x = lease.lane().staged_input(input_bytes(false));
    Frame frame = lease.lane().frame(plan, 1, planned.constants.address(), true);
    std::size_t widest = 0;
    for (const Node& node : graph_.nodes()) widest = std::max(widest, caller_bytes(node.type));
    const Address out = lease.lane().staged_output(widest);
    lease.lane().begin(stream);
    check(api.cuMemcpyHtoDAsync_v2(x, static_cast<const char*>(input) + image * input_bytes(false),
                                   input_bytes(false), stream),
          "copying the input");
    check(api.cuMemsetD8Async(frame.invalid, 0xFF, sizeof(std::uint64_t), stream), "clearing a flag");
    frame.values[0] = x;
    frame.output = out;
    for (const PlannedLaunch& launch : plan.launches()) device_.launch(launch.make(frame), stream);
    lease.lane().end(stream);
    if (plan.checks_input()) check_input(lease.lane(), stream, x, image, 1);
    for (std::size_t i = 0; i < values.size(); ++i) {
      const std::size_t bytes = caller_bytes(graph_.nodes()[i].type);
      device_.launch(plan.unload(i + 1, frame, out), stream);
      check(api.cuMemcpyDtoHAsync_v2(static_cast<char*>(values[i]) + image * bytes, out, bytes, stream),
            "copying a value");
      check(api.cuStreamSynchronize(stream), "running the network");
    }
  }
}

std::vector<std::vector<float>> DeviceModel::profile(const void* input, std::size_t images,
                                                     std::size_t rounds) {
  constexpr std::size_t kRepeats = 20;  // in one graph, so that the host's share of a launch does not count
  if (images == 0 || images > chunk_)
    throw Error(ErrorKind::shape, "profile: the batch must have 1 to " + std::to_string(chunk_) + " images");
  const Planned& planned = this->planned(kValues, images);
  const Plan& plan = *planned.plan;
  Lease lease(*this, std::nullopt);
  const Stream stream = lease.stream();
  Frame frame = lease.lane().frame(plan, images, planned.constants.address(), true);
  frame.values[0] = lease.lane().staged_input(images * input_bytes(false));
  frame.output = lease.lane().staged_output(images * output_bytes(false));
  lease.lane().begin(stream);
  check(driver().cuMemcpyHtoDAsync_v2(frame.values[0], input, images * input_bytes(false), stream),
        "copying the input");
  std::vector<Launch> launches;
  for (const PlannedLaunch& launch : plan.launches()) launches.push_back(launch.make(frame));
  std::vector<std::vector<float>> result;
  for (const Launch& launch : launches)
    result.push_back(
        time_launches(device_, std::vector<Launch>(kRepeats, launch), false, kRepeats, rounds, stream));
  for (const bool overlap : {false, true})
    result.push_back(time_launches(device_, launches, overlap, 1, rounds, stream));
  lease.lane().end(stream);
  return result;
}

}  // namespace binmorph::cuda
