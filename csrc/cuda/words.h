// Words of 64 bits on a GPU that several streams may read and write, in order and without waiting: what a
// BitArray on the device holds.
#pragma once

#include <cstdint>
#include <functional>
#include <initializer_list>
#include <memory>
#include <mutex>
#include <vector>

#include "cuda/device.h"
#include "cuda/plan.h"

namespace binmorph::cuda {

class Words {
 public:
  // New memory, with any content. Throws Error(memory_limit).
  Words(Device& device, std::size_t count);
  // Somebody else's memory, whose data are ready for work on `stream`; `release` is called in the end.
  Words(Device& device, Address address, std::size_t count, Stream stream, std::function<void()> release);
  ~Words();
  Words(const Words&) = delete;
  Words& operator=(const Words&) = delete;

  Device& device() const { return device_; }
  Address address() const { return address_; }
  std::size_t count() const { return count_; }
  std::uint64_t* data() const { return pointer<std::uint64_t>(address_); }

  // From now on somebody else works on the memory, on streams that are not known here.
  void share() { shared_ = true; }

 private:
  friend class Work;

  Device& device_;
  Address address_ = 0;
  std::size_t count_, bytes_ = 0;
  std::function<void()> release_;  // of somebody else's memory
  Event done_ = nullptr;           // after the work so far
  Stream last_ = nullptr;          // where that was enqueued, if `used_`
  bool used_ = false, known_ = false, shared_ = false;
};

using NewWords = std::unique_ptr<Words>;

// Work on a stream, behind all earlier work on the same words. While it lives the device's context is
// current, and nobody else enqueues work on the device's words.
class Work {
 public:
  Work(Device& device, Stream stream, std::initializer_list<const Words*> words);
  ~Work();
  Work(const Work&) = delete;
  Work& operator=(const Work&) = delete;

  // One more operand, which must outlive this; null pointers are none.
  void use(const Words* words);

  // New memory that lives as long as this, unless it is taken.
  Words& make(std::size_t count);
  NewWords take(const Words& made);

  template <class Params>
  void launch(const char* entry, const LaunchShape& shape, const Params& params) {
    if (shape.grid_x != 0 && shape.grid_y != 0)
      device_.launch(Plan::make_launch(entry, shape, params), stream_);
  }
  void copy(Address to, const void* from, std::size_t bytes) const;  // from the host
  void copy(void* to, Address from, std::size_t bytes) const;        // to the host; waits
  void copy(Address to, Address from, std::size_t bytes) const;

  Stream stream() const { return stream_; }

 private:
  Device& device_;
  Stream stream_;
  std::unique_lock<std::mutex> lock_;
  Device::Scope scope_;
  std::vector<Words*> words_;
  std::vector<NewWords> made_;
};

}  // namespace binmorph::cuda
