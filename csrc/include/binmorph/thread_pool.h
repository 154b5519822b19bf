// A fixed set of workers. Results never depend on it: tasks are independent and write disjoint memory.
#pragma once

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

  // Runs task(0) .. task(count - 1), any order, and returns when all are done; the first exception is rethrown.
  // When another caller has the workers, or this is a task of theirs, the calling thread does all the work itself.
  void run(std::size_t count, const std::function<void(std::size_t)>& task);

 private:
  void work();
  void take_tasks(std::unique_lock<std::mutex>& lock);

  std::vector<std::thread> workers_;
  std::mutex busy_;  // held by the caller that has the workers
  std::mutex mutex_;
  std::condition_variable wake_, done_;
  const std::function<void(std::size_t)>* task_ = nullptr;
  std::size_t next_ = 0, count_ = 0, unfinished_ = 0;
  std::exception_ptr error_;
  bool stop_ = false;
};

}  // namespace binmorph
