#include "binmorph/shared_pool.h"

#include <memory>
#include <mutex>

#include "binmorph/thread_pool.h"

namespace binmorph {
namespace {

using Pool = std::shared_ptr<ThreadPool>;

// Replaced when another size is asked for. The child of a fork leaks its parent's pool, whose threads it
// lacks.
Pool pool_of(std::size_t threads) {
  static std::mutex mutex;
  static Pool* pool = new Pool;
  const std::lock_guard<std::mutex> lock(mutex);
  if (*pool != nullptr && (*pool)->forked()) pool = new Pool;
  if (*pool == nullptr || (*pool)->threads() != threads) *pool = std::make_shared<ThreadPool>(threads);
  return *pool;
}

}  // namespace

void run_on_pool(std::size_t threads, std::size_t count, const std::function<void(std::size_t)>& task) {
  pool_of(threads)->run(count, task);
}

}  // namespace binmorph
