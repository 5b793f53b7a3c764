// A mutex that the compiler follows: clang's -Wthread-safety fails the build where a field is used
// without its lock (clang.llvm.org/docs/ThreadSafetyAnalysis.html). g++ ignores the annotations.
#pragma once

#include <mutex>

#if defined(__clang__)
#define NEXTID_THREAD_SAFETY(attribute) __attribute__((attribute))
#else
#define NEXTID_THREAD_SAFETY(attribute)
#endif

/// Of a field: used only while the mutex is held.
#define NEXTID_GUARDED_BY(mutex) NEXTID_THREAD_SAFETY(guarded_by(mutex))
/// Of a pointer: what it points to is used only while the mutex is held.
#define NEXTID_PT_GUARDED_BY(mutex) NEXTID_THREAD_SAFETY(pt_guarded_by(mutex))
/// Of a function: its caller holds the mutex, before and after.
#define NEXTID_REQUIRES(...) NEXTID_THREAD_SAFETY(requires_capability(__VA_ARGS__))
/// Of a function: its caller does not hold the mutex, which it takes.
#define NEXTID_EXCLUDES(...) NEXTID_THREAD_SAFETY(locks_excluded(__VA_ARGS__))
/// Of a function: it returns a reference to the mutex.
#define NEXTID_RETURN_CAPABILITY(mutex) NEXTID_THREAD_SAFETY(lock_returned(mutex))
/// Of a function whose locks the compiler can't follow; a comment says why it is right.
#define NEXTID_NO_THREAD_SAFETY_ANALYSIS NEXTID_THREAD_SAFETY(no_thread_safety_analysis)

namespace nextid::base {

/// std::mutex with the annotations that libstdc++'s lacks.
class NEXTID_THREAD_SAFETY(capability("mutex")) Mutex {
 public:
  Mutex() = default;
  Mutex(const Mutex&) = delete;
  Mutex& operator=(const Mutex&) = delete;

  void lock() NEXTID_THREAD_SAFETY(acquire_capability()) { mutex_.lock(); }
  void unlock() NEXTID_THREAD_SAFETY(release_capability()) { mutex_.unlock(); }
  bool try_lock() NEXTID_THREAD_SAFETY(try_acquire_capability(true)) { return mutex_.try_lock(); }

 private:
  friend class Lock;
  std::mutex mutex_;
};

/// Holds a mutex to the end of a scope, as std::unique_lock; may unlock earlier, and lock again.
class NEXTID_THREAD_SAFETY(scoped_lockable) Lock {
 public:
  explicit Lock(Mutex& mutex) NEXTID_THREAD_SAFETY(acquire_capability(mutex))
      : lock_(mutex.mutex_) {}
  ~Lock() NEXTID_THREAD_SAFETY(release_capability()) = default;
  Lock(const Lock&) = delete;
  Lock& operator=(const Lock&) = delete;

  void unlock() NEXTID_THREAD_SAFETY(release_capability()) { lock_.unlock(); }
  void lock() NEXTID_THREAD_SAFETY(acquire_capability()) { lock_.lock(); }

  /// For std::condition_variable::wait(), which holds the mutex before and after. The compiler
  /// checks a predicate given to it as a function that holds no lock: loop around wait() instead.
  std::unique_lock<std::mutex>& native() noexcept { return lock_; }

 private:
  std::unique_lock<std::mutex> lock_;
};

}  // namespace nextid::base
