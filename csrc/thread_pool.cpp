#include "binmorph/thread_pool.h"

#include <unistd.h>

#include <string>
#include <system_error>
#include <utility>

#include "binmorph/error.h"

namespace binmorph {

ThreadPool::ThreadPool(std::size_t threads) : process_(getpid()) {
  workers_.reserve(threads - 1);
  try {
    while (workers_.size() + 1 < threads) workers_.emplace_back([this] { work(); });
  } catch (const std::system_error&) {  // those that did start must not be left running
    const std::size_t started = workers_.size() + 1;
    stop();
    throw Error(ErrorKind::memory_limit, "the system refused thread " + std::to_string(started + 1) + " of " +
                                             std::to_string(threads) + "; load the model with fewer threads");
  }
}

ThreadPool::~ThreadPool() { stop(); }

void ThreadPool::stop() {
  {
    const std::lock_guard<std::mutex> lock(mutex_);
    stop_ = true;
  }
  wake_.notify_all();
  for (std::thread& worker : workers_) worker.join();
}

bool ThreadPool::forked() const { return getpid() != process_; }

void ThreadPool::run(std::size_t count, const std::function<void(std::size_t)>& task) {
  if (workers_.empty() || count < 2 || forked() || busy_.exchange(true)) {
    for (std::size_t i = 0; i < count; ++i) task(i);
    return;
  }
  std::exception_ptr error;
  {
    std::unique_lock<std::mutex> lock(mutex_);
    task_ = &task;
    next_ = 0;
    count_ = unfinished_ = count;
    wake_.notify_all();
    take_tasks(lock);
    done_.wait(lock, [this] { return unfinished_ == 0; });
    task_ = nullptr;
    std::swap(error, error_);
  }
  busy_ = false;
  if (error) std::rethrow_exception(error);
}

void ThreadPool::work() {
  std::unique_lock<std::mutex> lock(mutex_);
  for (;;) {
    wake_.wait(lock, [this] { return stop_ || (task_ != nullptr && next_ < count_); });
    if (stop_) return;
    take_tasks(lock);
  }
}

void ThreadPool::take_tasks(std::unique_lock<std::mutex>& lock) {
  while (next_ < count_) {
    const std::size_t index = next_++;
    const auto& task = *task_;
    lock.unlock();
    std::exception_ptr error;
    try {
      task(index);
    } catch (...) {
      error = std::current_exception();
    }
    lock.lock();
    if (error && (!error_ || index < error_index_)) {
      error_ = error;
      error_index_ = index;
    }
    if (--unfinished_ == 0) done_.notify_all();
  }
}

}  // namespace binmorph
