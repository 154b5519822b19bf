// A fixed set of workers. Results never depend on it: tasks are independent and write disjoint memory.
#pragma once

#include <sys/types.h>

#include <atomic>
#include <condition_variable>
#include <cstddef>
#include <exception>
#include <functional>
#include <mutex>
#include <thread>
#include <vector>

namespace binmorph {

class ThreadPool {
 public:
  explicit ThreadPool(std::size_t threads);  // the calling thread counts as one of them
  ~ThreadPool();
  ThreadPool(const ThreadPool&) = delete;
  ThreadPool& operator=(const ThreadPool&) = delete;

  std::size_t threads() const { return workers_.size() + 1; }

  // Whether this is the child of a fork: the workers live in the parent only, so they cannot be woken or
  // joined.
  bool forked() const;

  // Runs task(0) .. task(count - 1), any order, and returns when all are done; of their exceptions that of
  // the lowest index is rethrown. When another caller has the workers, or this is a task of theirs, the
  // calling thread does all the work itself.
  void run(std::size_t count, const std::function<void(std::size_t)>& task);

 private:
  void work();
  void stop();
  void take_tasks(std::unique_lock<std::mutex>& lock);

  const pid_t process_;
  std::vector<std::thread> workers_;
  std::atomic<bool> busy_{false};  // a caller has the workers
  std::mutex mutex_;
  std::condition_variable wake_, done_;
  const std::function<void(std::size_t)>* task_ = nullptr;
  std::size_t next_ = 0, count_ = 0, unfinished_ = 0;
  std::exception_ptr error_;
  std::size_t error_index_ = 0;
  bool stop_ = false;
};

}  // namespace binmorph
