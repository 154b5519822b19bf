#include "cuda/words.h"

#include <algorithm>
#include <map>
#include <utility>

#include "binmorph/error.h"

namespace binmorph::cuda {
namespace {

constexpr unsigned kNoTiming = 2;
constexpr std::size_t kGranularity = 512;
constexpr std::size_t kMaxFree = 32;   // blocks of a device that are kept for use again
constexpr std::size_t kFreeShare = 8;  // and the part of its memory that they may be

struct FreeBlock {
  Address address;
  std::size_t bytes;
  Event done;  // of the work on it
};

struct DeviceState {
  std::mutex enqueue;  // one Work at a time
  std::mutex mutex;    // of what follows
  std::vector<FreeBlock> free;
  std::size_t free_bytes = 0;
};

DeviceState& state_of(const Device& device) {
  static std::mutex mutex;
  static auto* states = new std::map<int, DeviceState>();  // kept, as devices are
  const std::lock_guard<std::mutex> lock(mutex);
  return (*states)[device.ordinal()];
}

void drop(const FreeBlock& block) {
  const Driver& api = find_driver();
  api.cuEventSynchronize(block.done);
  api.cuEventDestroy_v2(block.done);
  api.cuMemFree_v2(block.address);
}

void drop_all(DeviceState& state) {
  for (const FreeBlock& block : state.free) drop(block);
  state.free.clear();
  state.free_bytes = 0;
}

// A free block that is not much larger, or new memory. The context must be current.
FreeBlock take(Device& device, std::size_t bytes) {
  DeviceState& state = state_of(device);
  const std::lock_guard<std::mutex> lock(state.mutex);
  auto best = state.free.end();
  for (auto at = state.free.begin(); at != state.free.end(); ++at)
    if (at->bytes >= bytes && at->bytes <= 2 * bytes && (best == state.free.end() || at->bytes < best->bytes))
      best = at;
  if (best != state.free.end()) {
    const FreeBlock block = *best;
    state.free.erase(best);
    state.free_bytes -= block.bytes;
    return block;
  }
  const Driver& api = driver();
  FreeBlock block{0, bytes, nullptr};
  int result = api.cuMemAlloc_v2(&block.address, bytes);
  if (result == kOutOfMemory) {
    drop_all(state);
    result = api.cuMemAlloc_v2(&block.address, bytes);
  }
  check_allocation(device, bytes, result);
  result = api.cuEventCreate(&block.done, kNoTiming);
  if (result != kSuccess) api.cuMemFree_v2(block.address);
  check(result, "creating an event");
  return block;
}

void give_back(const Device& device, const FreeBlock& block) {
  DeviceState& state = state_of(device);
  const std::lock_guard<std::mutex> lock(state.mutex);
  if (state.free.size() >= kMaxFree || state.free_bytes + block.bytes > device.info().memory / kFreeShare)
    return drop(block);
  state.free.push_back(block);
  state.free_bytes += block.bytes;
}

}  // namespace

Words::Words(Device& device, std::size_t count)
    : device_(device), count_(count), bytes_((8 * count + kGranularity - 1) / kGranularity * kGranularity) {
  if (count == 0) return;
  const Device::Scope scope(device);
  const FreeBlock block = take(device, bytes_);
  address_ = block.address;
  bytes_ = block.bytes;
  done_ = block.done;
  used_ = true;  // whatever ran on a block that was freed; an event that nobody recorded is over
}

Words::Words(Device& device, Address address, std::size_t count, Stream stream, std::function<void()> release)
    : device_(device), address_(address), count_(count), release_(std::move(release)), last_(stream) {
  const Device::Scope scope(device);
  check(driver().cuEventCreate(&done_, kNoTiming), "creating an event");
  check(driver().cuEventRecord(done_, stream), "recording an event");
  used_ = known_ = true;
}

Words::~Words() {
  if (done_ == nullptr) return;
  try {
    const Device::Scope scope(device_);
    const Driver& api = find_driver();
    if (shared_) api.cuCtxSynchronize();
    if (release_ == nullptr) {
      give_back(device_, {address_, bytes_, done_});
    } else {
      api.cuEventSynchronize(done_);
      api.cuEventDestroy_v2(done_);
    }
  } catch (const Error&) {
    // A lost context, or a forked child: there is nothing to free.
  }
  if (release_ != nullptr) release_();
}

Work::Work(Device& device, Stream stream, std::initializer_list<const Words*> words)
    : device_(device), stream_(stream), lock_(state_of(device).enqueue), scope_(device) {
  for (const Words* w : words) use(w);
}

void Work::use(const Words* words) {
  if (words == nullptr || words->done_ == nullptr) return;
  auto* operand = const_cast<Words*>(words);  // its place in the order of work
  if (operand->used_ && !(operand->known_ && operand->last_ == stream_))
    check(driver().cuStreamWaitEvent(stream_, operand->done_, 0), "waiting for an event");
  words_.push_back(operand);
}

Words& Work::make(std::size_t count) {
  made_.push_back(std::make_unique<Words>(device_, count));
  use(made_.back().get());
  return *made_.back();
}

NewWords Work::take(const Words& made) {
  const auto at =
      std::find_if(made_.begin(), made_.end(), [&](const NewWords& w) { return w.get() == &made; });
  return at == made_.end() ? nullptr : std::move(*at);
}

Work::~Work() {
  for (Words* words : words_) {
    find_driver().cuEventRecord(words->done_, stream_);  // an error here comes back with the next call
    words->last_ = stream_;
    words->used_ = words->known_ = true;
  }
}

void Work::copy(Address to, const void* from, std::size_t bytes) const {
  if (bytes != 0) check(driver().cuMemcpyHtoDAsync_v2(to, from, bytes, stream_), "copying to the device");
}

void Work::copy(void* to, Address from, std::size_t bytes) const {
  if (bytes == 0) return;
  check(driver().cuMemcpyDtoHAsync_v2(to, from, bytes, stream_), "copying to the host");
  check(driver().cuStreamSynchronize(stream_), "running a kernel");
}

void Work::copy(Address to, Address from, std::size_t bytes) const {
  if (bytes != 0) check(driver().cuMemcpyDtoDAsync_v2(to, from, bytes, stream_), "copying");
}

}  // namespace binmorph::cuda
