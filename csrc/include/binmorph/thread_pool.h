// A fixed set of workers. Results never depend on it: tasks are independent and write disjoint memory.
#pragma once

#include <sys/types.h>

#include <atomic>
#include <condition_variable>
#include <cstddef>
#include <cstdint>
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
  void take_tasks();
  void run_task(std::uint64_t ticket);
  // Until `done`: for a while in a loop, as the next layer follows within microseconds, then asleep.
  template <class Done>
  void wait(const Done& done);
  void wake_sleepers();

  // Moving lines of cache from core to core is what a hand-over costs: each line has what is used together.
  static constexpr std::size_t kLine = 64;

  const pid_t process_;
  std::vector<std::thread> workers_;
  std::atomic<bool> busy_{false};  // a caller has the workers

  // Every task that there ever was has a ticket; those of a run are [first_, end_). A ticket is taken once,
  // by raising next_, so who takes it knows that its run is not over, and that task_ and first_ are of that
  // run. The first is the caller's. Workers wait for this line.
  alignas(kLine) std::atomic<std::uint64_t> next_{0};
  std::atomic<std::uint64_t> end_{0};
  std::uint64_t first_ = 0;
  const std::function<void(std::size_t)>* task_ = nullptr;
  std::atomic<bool> stop_{false};

  alignas(kLine) std::atomic<std::size_t> unfinished_{0};  // the caller waits for this one

  alignas(kLine) std::atomic<std::size_t> sleepers_{0};
  std::mutex mutex_;  // of what follows, and of going to sleep
  std::condition_variable wake_;
  std::exception_ptr error_;
  std::uint64_t error_ticket_ = 0;
};

}  // namespace binmorph
