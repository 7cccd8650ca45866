#include <c10/util/Exception.h>
#include <cstdlib>
#include <cstring>
#include "ckernels_cuda.h"
#include "neighborhood_launch.h"
#include "program.h"

namespace {

thread_local std::string last_text;

template <typename Make>
const char *text(Make make) noexcept {
  try {
    last_text = make();
  } catch (const std::exception &error) {
    last_text = error.what();
  } catch (...) {
    last_text = "an unknown error";
  }
  return last_text.c_str();
}

template <typename Make>
void *copied(Make make, int64_t *size) noexcept {
  try {
    const std::string code = make();
    void *const result = std::malloc(code.size());
    TORCH_CHECK(result, "no memory for ", code.size(), " bytes of machine code");
    std::memcpy(result, code.data(), code.size());
    *size = static_cast<int64_t>(code.size());
    return result;
  } catch (const c10::Error &error) {
    text([&] { return error.what_without_backtrace(); });
  } catch (const std::exception &error) {
    text([&] { return error.what(); });
  } catch (...) {
    text([] { return "an unknown error"; });
  }
  return nullptr;
}

}  // namespace

extern "C" {

const char *ckernels_cuda_problem(int32_t device) {
  return text([&] { return mvar::cuda::problem(device); });
}

const char *ckernels_cuda_driver_problem(void) {
  return text([] { return mvar::cuda::libtorch_problem(); });
}

const char *ckernels_cuda_version_problem(int32_t driver, int32_t needed) {
  return text([&] { return mvar::cuda::version_problem(driver, needed, "LibTorch"); });
}

const char *ckernels_nvrtc_problem(void) {
  return text([] { return mvar::cuda::nvrtc_problem(); });
}

int32_t ckernels_nvrtc_version(void) {
  const auto [major, minor] = mvar::cuda::nvrtc_version();
  return major * 1000 + minor * 10;
}

int32_t ckernels_cuda_driver_version(void) { return mvar::cuda::driver_version(); }

int32_t ckernels_cuda_attention_memory(int32_t depth, bool is_half, int32_t multiprocessor_bytes) {
  using namespace mvar::neighborhood;
  const KernelForm form = is_half ? tensor_core_form(depth) : plain_form(depth);
  return chunks_at_once(form, multiprocessor_bytes) * form.bytes_of_chunk;
}

void *ckernels_cuda_compile(
    const char *source, const char *number, int32_t depth, int32_t architecture, int64_t *size) {
  return copied(
      [&] {
        const mvar::cuda::Program program{source, number, depth};
        return mvar::cuda::compile(program.compilation(architecture)).cubin;
      },
      size);
}

void *ckernels_cuda_cubin(const char *source, const char *number, int32_t depth, int32_t architecture, int64_t *size) {
  return copied([&] { return mvar::cuda::cubin({source, number, depth}, architecture); }, size);
}

const char *ckernels_cuda_error(void) { return last_text.c_str(); }
}
