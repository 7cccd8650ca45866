// Includes <ATen/Parallel.h> so that `at::parallel_for` really runs in parallel in our files.
//
// LibTorch's header is parallel only where the compiler has OpenMP on (`_OPENMP`). Swift's clang ships no OpenMP
// runtime, and its `-fopenmp` would call LLVM's, a second pool of threads beside the libgomp that LibTorch uses. So
// this header supplies the one function that is missing, over libgomp's own entry point, which is in the process
// anyway. Include it before anything that includes <ATen/Parallel.h>.
#pragma once
#if defined(_OPENMP) || defined(INTRA_OP_PARALLEL)
#error "parallel.h must come before every other header that includes ATen/Parallel.h"
#endif
#include <cstdint>

namespace at::internal {
template <typename F>
void invoke_parallel(int64_t begin, int64_t end, int64_t grain_size, const F &f);
}
#define INTRA_OP_PARALLEL
#include <ATen/Parallel.h>
#include <algorithm>
#include <atomic>
#include <exception>

extern "C" {
void GOMP_parallel(void (*body)(void *), void *data, unsigned thread_count, unsigned flags);
int omp_get_thread_num(void);
}

namespace at::internal {
template <typename F>
void invoke_parallel(int64_t begin, int64_t end, int64_t grain_size, const F &f) {
  // Shares are small and taken as threads get free, so that a thread that the system holds up holds up nobody else for
  // long: the others would spin meanwhile.
  struct Job {
    int64_t end, share;
    const F *f;
    std::atomic<int64_t> next;
    std::atomic_flag failed = ATOMIC_FLAG_INIT;
    std::exception_ptr error;
  } job{end, std::max<int64_t>({1, grain_size, divup(end - begin, 16 * at::get_num_threads())}), &f, begin};
  GOMP_parallel(
      [](void *data) {
        auto &job = *static_cast<Job *>(data);
        try {
          ThreadIdGuard guard(omp_get_thread_num());
          for (int64_t begin; (begin = job.next.fetch_add(job.share)) < job.end;) {
            (*job.f)(begin, std::min(job.end, begin + job.share));
          }
        } catch (...) {  // an exception must not cross libgomp's frames
          if (!job.failed.test_and_set()) job.error = std::current_exception();
          job.next = job.end;
        }
      },
      &job, 0, 0);
  if (job.error) std::rethrow_exception(job.error);
}
}  // namespace at::internal

namespace mvar {

/// How many threads a loop that begins here will have at most: for memory of each of them. LibTorch's answer alone may
/// be old, where another thread has asked for more since: a loop looks again before it begins.
inline int64_t loop_threads() {
  at::internal::lazy_init_num_threads();
  return at::get_num_threads();
}

}  // namespace mvar
