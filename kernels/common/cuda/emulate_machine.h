// The emulated multiprocessor: threads as fibres, barriers, instructions of whole warps, asynchronous copies.
#pragma once

#include <cstdint>
#include <cstdlib>
#include <cstring>
#include <functional>
#include <memory>
#include <new>
#include <stdexcept>
#include <string>
#include <tuple>
#include <utility>
#include <vector>

#include "kernels/common/cuda/emulate_threads.h"
#include "kernels/common/cuda/launch.h"

namespace binmorph::cuda::emulate {

class Machine {
 public:
  bool descending = false;
  std::string error;
  std::function<void()> previous;  // a launch that may overlap with the next one: it runs as late as it can
  std::shared_ptr<void> more;      // of emulate_wgmma.h

  template <class Params>
  void launch(const LaunchShape& shape, void (*kernel)(Params), const Params& params) {
    struct Call {
      void (*kernel)(Params);
      const Params* params;
    } call{kernel, &params};
    body_ = [](const void* c) { static_cast<const Call*>(c)->kernel(*static_cast<const Call*>(c)->params); };
    argument_ = &call;
    blockDim = {shape.block, 1, 1};
    gridDim = {shape.grid_x, shape.grid_y, shape.grid_z};
    if (shape.together || shape.cluster != 0) return run_together(shape);
    for (blockIdx.z = 0; blockIdx.z < shape.grid_z; ++blockIdx.z)
      for (blockIdx.y = 0; blockIdx.y < shape.grid_y; ++blockIdx.y)
        for (blockIdx.x = 0; blockIdx.x < shape.grid_x; ++blockIdx.x) run_block(shape);
    argument_ = nullptr;
  }

  unsigned char* shared() { return shared_.get(); }
  std::size_t shared_bytes() const { return shared_bytes_; }

  // For emulate_wgmma.h: a thread stops until it is woken; each block's shared memory is new.
  std::size_t block_number() const { return block_number_; }
  void block() { wait(); }
  void wake(unsigned thread) { threads_[thread].state = Thread::ready; }
  void fail(const char* what) {
    error = what;
    wait();
  }

  void await_previous() {
    if (!previous) return;
    threads_[threadIdx.x].early = true;
    wait();
  }

  void sync_threads() {
    if (++at_barrier_ < threads_.size()) return wait();
    at_barrier_ = 0;
    for (Thread& t : threads_) t.state = Thread::ready;
  }

  // The lanes of `mask` bring a payload each; the last one to arrive executes the operation for all.
  void collective(unsigned mask, void* payload, Collective operation) {
    Warp& warp = warps_[threadIdx.x / 32];
    const unsigned lane = threadIdx.x % 32;
    if (!(mask >> lane & 1)) fail("a lane outside the mask takes part in a warp's instruction");
    if (warp.arrived == 0) {
      warp.mask = mask;
      warp.operation = operation;
    } else if (warp.mask != mask || warp.operation != operation) {
      fail("lanes of a warp meet in different instructions");
    }
    warp.payload[lane] = payload;
    warp.arrived |= 1u << lane;
    if (warp.arrived != mask) return wait();
    operation(warp.payload, mask);
    warp.arrived = 0;
    for (unsigned i = 0; i < 32; ++i)
      if (mask >> i & 1) threads_[threadIdx.x / 32 * 32 + i].state = Thread::ready;
  }

  void copy_async(void* dst, const void* src, unsigned bytes) {
    if (descending) return land({dst, src, bytes});
    threads_[threadIdx.x].copies.add({dst, src, bytes});
  }
  void commit_copies() { threads_[threadIdx.x].copies.commit(); }
  void await_copies(std::size_t but_the_last) { threads_[threadIdx.x].copies.await(but_the_last); }

  // A block in parts, for those that run side by side (emulate_launches.h): goes on as far as it can; whether
  // it ended.
  void begin(const LaunchShape& shape) {
    shared_.reset(new (std::align_val_t{kSharedAlign}) unsigned char[shape.shared_bytes + kGuard]);
    std::memset(shared_.get(), 0xCD, shape.shared_bytes + kGuard);
    shared_bytes_ = shape.shared_bytes;
    ++block_number_;
    threads_.assign(shape.block, {});
    warps_.assign((shape.block + 31) / 32, {});
    at_barrier_ = fresh_ = 0;
    error.clear();
  }
  bool advance() {
    bool moved = true;
    while (moved) {
      moved = false;
      for (unsigned warp = 0; warp < warps_.size(); ++warp) moved = run_warp(warp) || moved;
      if (!error.empty()) throw std::runtime_error(error);
    }
    for (const Thread& t : threads_)
      if (t.state != Thread::done) return false;
    return true;
  }
  void end() {
    for (std::size_t i = 0; i < kGuard; ++i)
      if (shared_[shared_bytes_ + i] != 0xCD) throw std::runtime_error("wrote past the shared memory");
    shared_.reset();
  }
  // A barrier of all blocks that run side by side, for one thread of each, or for all of a cluster.
  void await_grid() {
    threads_[threadIdx.x].meets = true;
    wait();
  }
  void await_cluster() {
    if (peers_ == nullptr) return fail("a barrier of the cluster in a launch without clusters");
    await_grid();
  }
  // If so many threads wait for the other blocks: lets them go on.
  bool leave(std::size_t expected);
  // What lies in the shared memory of block `rank` of the cluster where `mine` does in this one's.
  const unsigned char* shared_of(unsigned rank, const void* mine, std::size_t bytes);

 private:
  static constexpr std::size_t kStack = 64 * 1024, kGuard = 256;

  void run_block(const LaunchShape& shape) {
    begin(shape);
    while (!advance())
      if (!previous)
        throw std::runtime_error("threads wait for others that never come");
      else
        run_previous();
    end();
  }

  void run_together(const LaunchShape& shape);
  void run_previous();
  void resume_early();

  // Goes on with a warp for as long as any of its threads can, which leaves the other warps far behind.
  bool run_warp(unsigned warp) {
    bool any = false;
    for (bool moved = true; moved;) {
      moved = false;
      for (unsigned i = warp * 32; i < (warp + 1) * 32 && i < threads_.size() && error.empty(); ++i) {
        const unsigned t = at(i);
        if (threads_[t].state != Thread::ready && threads_[t].state != Thread::fresh) continue;
        resume(t);
        moved = any = true;
      }
    }
    return any;
  }

  unsigned at(unsigned i) const {
    const auto count = static_cast<unsigned>(threads_.size());
    return descending ? count - 1 - i : i;
  }

  void resume(unsigned t) {
    if (threads_[t].state == Thread::fresh) return start();
    running_ = threads_[t].fibre;
    threadIdx = {t, 0, 0};
    if (_setjmp(scheduler_) == 0) _longjmp(fibres_[static_cast<std::size_t>(running_)]->place, 1);
  }

  void start() {
    if (free_.empty()) {
      fibres_.push_back(std::make_unique<Fibre>());
      fibres_.back()->stack.reset(new char[kStack]);
      free_.push_back(static_cast<int>(fibres_.size()) - 1);
    }
    running_ = free_.back();
    free_.pop_back();
    Fibre& fibre = *fibres_[static_cast<std::size_t>(running_)];
    getcontext(&fibre.begin);
    fibre.begin.uc_stack.ss_sp = fibre.stack.get();
    fibre.begin.uc_stack.ss_size = kStack;
    fibre.begin.uc_link = nullptr;
    makecontext(&fibre.begin, &Machine::trampoline, 0);
    if (_setjmp(scheduler_) == 0) setcontext(&fibre.begin);
  }

  // A fibre whose thread ended without waiting goes on with the next fresh one of the warp.
  static void trampoline();
  void run_fresh() {
    const int fibre = running_;
    do {
      const unsigned t = at(fresh_++);
      threads_[t].fibre = fibre;
      threads_[t].state = Thread::ready;
      threadIdx = {t, 0, 0};
      body_(argument_);
      threads_[t].state = Thread::done;
    } while (fresh_ % 32 != 0 && fresh_ < threads_.size() && error.empty());
    free_.push_back(fibre);
    _longjmp(scheduler_, 1);
  }

  void wait() {
    Thread& thread = threads_[threadIdx.x];
    thread.state = Thread::waiting;
    if (_setjmp(fibres_[static_cast<std::size_t>(thread.fibre)]->place) == 0) _longjmp(scheduler_, 1);
  }

  void (*body_)(const void*) = nullptr;
  const void* argument_ = nullptr;
  struct Release {
    void operator()(unsigned char* p) const { ::operator delete[](p, std::align_val_t{kSharedAlign}); }
  };
  std::unique_ptr<unsigned char[], Release> shared_;
  std::size_t shared_bytes_ = 0, block_number_ = 0;
  std::vector<Thread> threads_;
  std::vector<Warp> warps_;
  std::vector<Machine>* peers_ =
      nullptr;  // blocks of its cluster; its own place holds the machine that waits
  std::size_t at_barrier_ = 0;
  unsigned fresh_ = 0;
  std::vector<std::unique_ptr<Fibre>> fibres_;
  std::vector<int> free_;
  int running_ = -1;
  jmp_buf scheduler_;
};

inline Machine machine;
inline void Machine::trampoline() { machine.run_fresh(); }

template <class Payload>
Payload& lane_of(void* const* lanes, unsigned lane) {
  return *static_cast<Payload*>(lanes[lane]);
}
}  // namespace binmorph::cuda::emulate
