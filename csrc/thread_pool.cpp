#include "binmorph/thread_pool.h"

#include <unistd.h>

#include <chrono>
#include <string>
#include <system_error>
#include <utility>

#include "binmorph/error.h"

namespace binmorph {
namespace {

// A thread that sleeps is back some 50 microseconds after it was called: to wait as long costs no more.
constexpr std::chrono::microseconds kAwake{50};

void pause() {
#if defined(__x86_64__)
  __builtin_ia32_pause();
#elif defined(__aarch64__)
  asm volatile("yield");
#endif
}

}  // namespace

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
  stop_ = true;
  wake_sleepers();
  for (std::thread& worker : workers_) worker.join();
}

bool ThreadPool::forked() const { return getpid() != process_; }

void ThreadPool::run(std::size_t count, const std::function<void(std::size_t)>& task) {
  if (workers_.empty() || count < 2 || forked() || busy_.exchange(true)) {
    for (std::size_t i = 0; i < count; ++i) task(i);
    return;
  }
  // Nobody sees any of this before end_.
  task_ = &task;
  first_ = end_.load(std::memory_order_relaxed);
  next_.store(first_ + 1, std::memory_order_relaxed);
  unfinished_.store(count, std::memory_order_relaxed);
  end_ = first_ + count;
  wake_sleepers();
  run_task(first_);
  take_tasks();
  wait([this] { return unfinished_ == 0; });
  // Nobody writes it now: the last of those who did has counted unfinished_ down since.
  std::exception_ptr error;
  std::swap(error, error_);
  busy_ = false;
  if (error) std::rethrow_exception(error);
}

void ThreadPool::work() {
  while (!stop_) {
    wait([this] { return stop_ || next_ < end_; });
    take_tasks();
  }
}

void ThreadPool::take_tasks() {
  for (std::uint64_t ticket = next_; ticket < end_; ticket = next_)
    if (next_.compare_exchange_weak(ticket, ticket + 1)) run_task(ticket);
}

void ThreadPool::run_task(std::uint64_t ticket) {
  try {
    (*task_)(ticket - first_);
  } catch (...) {
    const std::lock_guard<std::mutex> lock(mutex_);
    if (!error_ || ticket < error_ticket_) {
      error_ = std::current_exception();
      error_ticket_ = ticket;
    }
  }
  if (--unfinished_ == 0) wake_sleepers();
}

template <class Done>
void ThreadPool::wait(const Done& done) {
  const auto until = std::chrono::steady_clock::now() + kAwake;
  while (std::chrono::steady_clock::now() < until)
    for (int i = 0; i < 32; ++i) {
      if (done()) return;
      pause();
    }
  std::unique_lock<std::mutex> lock(mutex_);
  ++sleepers_;
  wake_.wait(lock, done);
  --sleepers_;
}

// Whoever counts itself among the sleepers looks once more, so one of the two sees what the other did.
void ThreadPool::wake_sleepers() {
  if (sleepers_ == 0) return;
  {
    const std::lock_guard<std::mutex> lock(mutex_);
  }  // they do sleep by now
  wake_.notify_all();
}

}  // namespace binmorph
