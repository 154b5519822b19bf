#include "cuda/lane.h"

#include <algorithm>
#include <utility>

#include "binmorph/error.h"

namespace binmorph::cuda {
namespace {

constexpr std::size_t kMaxGraphs = 8;       // batch sizes in use at once
constexpr std::size_t kInvalidBytes = 256;  // Frame::invalid, before the arena
constexpr unsigned kNonBlocking = 1, kNoTiming = 2;

std::size_t bucket(std::size_t images) {
  std::size_t size = 1;
  while (size < images) size *= 2;
  return size;
}

}  // namespace

Lane::Lane(Device& device) : device_(device) {
  const Driver& api = driver();
  check(api.cuStreamCreate(&stream_, kNonBlocking), "creating a stream");
  const int result = api.cuEventCreate(&done_, kNoTiming);
  if (result != kSuccess) api.cuStreamDestroy_v2(stream_);
  check(result, "creating an event");
}

Lane::~Lane() {
  const Driver& api = find_driver();
  if (used_) api.cuEventSynchronize(done_);
  api.cuEventDestroy_v2(done_);
  api.cuStreamDestroy_v2(stream_);
}

void Lane::begin(Stream stream) {
  if (used_ && stream != last_) check(driver().cuStreamWaitEvent(stream, done_, 0), "waiting for an event");
}

void Lane::end(Stream stream) {
  check(driver().cuEventRecord(done_, stream), "recording an event");
  last_ = stream;
  used_ = true;
}

bool Lane::busy() const { return used_ && driver().cuEventQuery(done_) == kNotReady; }

void Lane::grow(Buffer& buffer, std::size_t bytes) {
  if (buffer.bytes() >= bytes) return;
  if (used_) check(driver().cuEventSynchronize(done_), "waiting for the device");
  buffer = Buffer();  // first, so that both need not fit
  buffer = Buffer(device_, bytes);
}

Frame Lane::frame(const Plan& plan, std::size_t images, Address constants, bool keep) {
  Plan::Arena arena = plan.arena(images, keep);
  if (kInvalidBytes + arena.bytes > arena_.bytes()) {
    if (used_) check(driver().cuEventSynchronize(done_), "waiting for the device");
    graphs_.clear();  // they point into the old one
    grow(arena_, kInvalidBytes + std::max(arena.bytes, plan.arena(bucket(images), keep).bytes));
    // Barriers of grids begin at zero.
    check(driver().cuMemsetD8Async(arena_.address(), 0, kInvalidBytes, stream_), "clearing memory");
    check(driver().cuStreamSynchronize(stream_), "clearing memory");
  }
  Frame result{images, constants, arena_.address(), std::move(arena.offset), 0};
  for (Address& value : result.values) value += arena_.address() + kInvalidBytes;
  return result;
}

void Lane::run(const Plan& plan, const Frame& frame, Stream stream) {
  auto at = std::find_if(graphs_.begin(), graphs_.end(),
                         [&](const Ready& r) { return r.plan == &plan && r.images == frame.images; });
  if (at == graphs_.end()) {
    std::vector<Launch> launches;
    for (const PlannedLaunch& launch : plan.launches()) launches.push_back(launch.make(frame));
    if (graphs_.size() == kMaxGraphs) {
      if (used_) check(driver().cuEventSynchronize(done_), "waiting for the device");
      graphs_.pop_back();
    }
    graphs_.push_front({&plan, frame.images, std::make_unique<LaunchGraph>(device_, launches, true)});
  } else {
    graphs_.splice(graphs_.begin(), graphs_, at);
    for (std::size_t i = 0; i < plan.launches().size(); ++i) {
      const PlannedLaunch& launch = plan.launches()[i];
      if (launch.reads_input || launch.writes_output) at->graph->set(i, launch.make(frame).parameters);
    }
  }
  graphs_.front().graph->run(stream);
}

Address Lane::staged_input(std::size_t bytes) {
  grow(input_, bytes);
  return input_.address();
}

Address Lane::staged_output(std::size_t bytes) {
  grow(output_, bytes);
  return output_.address();
}

}  // namespace binmorph::cuda
