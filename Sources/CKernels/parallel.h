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
int omp_get_num_threads(void);
int omp_get_thread_num(void);
}

namespace at::internal {
template <typename F>
void invoke_parallel(int64_t begin, int64_t end, int64_t grain_size, const F &f) {
  struct Job {
    int64_t begin, end, grain_size;
    const F *f;
    std::atomic_flag failed = ATOMIC_FLAG_INIT;
    std::exception_ptr error;
  } job{begin, end, grain_size, &f};
  GOMP_parallel(
      [](void *data) {
        auto &job = *static_cast<Job *>(data);
        int64_t threads = omp_get_num_threads();
        if (job.grain_size > 0) threads = std::min(threads, divup(job.end - job.begin, job.grain_size));
        const int64_t thread = omp_get_thread_num(), share = divup(job.end - job.begin, threads);
        const int64_t begin = job.begin + thread * share;
        if (begin >= job.end) return;
        try {
          ThreadIdGuard guard(static_cast<int>(thread));
          (*job.f)(begin, std::min(job.end, begin + share));
        } catch (...) {  // an exception must not cross libgomp's frames
          if (!job.failed.test_and_set()) job.error = std::current_exception();
        }
      },
      &job, 0, 0);
  if (job.error) std::rethrow_exception(job.error);
}
}  // namespace at::internal
