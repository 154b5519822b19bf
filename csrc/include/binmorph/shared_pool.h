// The worker threads of operations that do not own any: one pool for the process.
#pragma once

#include <cstddef>
#include <functional>

namespace binmorph {

// Runs task(0) .. task(count - 1) on `threads` threads, the caller's among them.
void run_shared(std::size_t threads, std::size_t count, const std::function<void(std::size_t)>& task);

}  // namespace binmorph
