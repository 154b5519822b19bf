// The worker threads of operations that do not own any: one pool for the process.
#pragma once

#include <cstddef>
#include <functional>

namespace binmorph {

void run_on_pool(std::size_t threads, std::size_t count, const std::function<void(std::size_t)>& task);

// Runs task(0) .. task(count - 1) on `threads` threads, the caller's among them.
template <class Task>
void run_shared(std::size_t threads, std::size_t count, const Task& task) {
  if (threads > 1 && count > 1) return run_on_pool(threads, count, task);
  for (std::size_t i = 0; i < count; ++i) task(i);
}

}  // namespace binmorph
