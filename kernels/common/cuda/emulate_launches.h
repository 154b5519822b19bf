// Launches that overlap with the one before, and launches whose blocks all live at once, on the host.
#pragma once

#include "kernels/common/cuda/emulate_machine.h"

namespace binmorph::cuda::emulate {

inline void Machine::resume_early() {
  for (Thread& t : threads_)
    if (std::exchange(t.early, false)) t.state = Thread::ready;
}

// On a machine of its own, while this one's threads stand still.
inline void Machine::run_previous() {
  const auto work = std::exchange(previous, nullptr);
  const Index3 places[] = {threadIdx, blockIdx, blockDim, gridDim};
  Machine outer;
  outer.descending = descending;
  std::swap(*this, outer);
  work();
  std::swap(*this, outer);
  std::tie(threadIdx, blockIdx, blockDim, gridDim) = std::tie(places[0], places[1], places[2], places[3]);
  resume_early();
}

inline bool Machine::leave(std::size_t expected) {
  std::size_t waiting = 0;
  for (const Thread& t : threads_) waiting += t.meets;
  if (waiting != expected) return false;
  for (Thread& t : threads_)
    if (std::exchange(t.meets, false)) t.state = Thread::ready;
  return true;
}

inline const unsigned char* Machine::shared_of(unsigned rank, const void* mine, std::size_t bytes) {
  const auto at = static_cast<std::size_t>(static_cast<const unsigned char*>(mine) - shared());
  if (peers_ == nullptr || rank >= peers_->size() || at + bytes > shared_bytes_)
    fail("reads what is no block's shared memory");
  const Machine& block = rank == blockIdx.x ? *this : (*peers_)[rank];
  if (block.shared_ == nullptr) fail("reads the shared memory of a block that has ended");
  return block.shared_.get() + at;
}

// Of a grid or a cluster. A block goes as far as it can before the next begins (the last one first, where the
// schedule is `descending`), so that a missing barrier shows.
inline void Machine::run_together(const LaunchShape& shape) {
  const bool cluster = shape.cluster != 0;
  if (cluster && shape.cluster != shape.grid_x) throw std::runtime_error("more than one cluster");
  if (previous && !cluster) run_previous();
  std::vector<Machine> blocks(shape.grid_x);
  for (Machine& block : blocks) {
    block.body_ = body_;
    block.argument_ = argument_;
    block.descending = descending;
    block.previous = previous;
    if (cluster) block.peers_ = &blocks;
    block.begin(shape);
  }
  std::vector<bool> ended(blocks.size(), false);
  for (std::size_t left = blocks.size(); left != 0;) {
    for (std::size_t i = 0; i < blocks.size(); ++i) {
      const std::size_t b = descending ? blocks.size() - 1 - i : i;
      if (ended[b]) continue;
      blockIdx = {static_cast<unsigned>(b), 0, 0};
      std::swap(*this, blocks[b]);
      ended[b] = advance();
      std::swap(*this, blocks[b]);
      if (ended[b]) blocks[b].end();
      left -= ended[b];
    }
    if (left != 0 && previous) {
      run_previous();
      for (Machine& block : blocks) {
        block.previous = nullptr;
        block.resume_early();
      }
      continue;
    }
    for (std::size_t b = 0; b < blocks.size(); ++b)
      if (left != 0 && (ended[b] || !blocks[b].leave(cluster ? shape.block : 1)))
        throw std::runtime_error("blocks wait for others that never come");
  }
}

}  // namespace binmorph::cuda::emulate
