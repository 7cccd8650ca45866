#include "driver.h"
#include <c10/util/Exception.h>
#include <dlfcn.h>
#include <limits>
#include <map>
#include <mutex>
#include "ctorch_loaded_library.h"

namespace mvar::cuda {

namespace {

// As cuda.h has them; these functions and numbers are the driver's stable interface.
using Status = int;
using Context = struct ContextOfDriver *;
constexpr int capability_major = 75, capability_minor = 76;  // CU_DEVICE_ATTRIBUTE_…
constexpr int shared_memory_per_multiprocessor = 81;
constexpr int largest_dynamic_shared_memory = 8;  // CU_FUNC_ATTRIBUTE_MAX_DYNAMIC_SHARED_SIZE_BYTES

struct Driver {
  ctorch::LoadedLibrary library{{"libcuda.so.1", "libcuda.so"}};
  Status (*init)(unsigned);
  Status (*version)(int *);
  Status (*error_text)(Status, const char **);
  Status (*device_get)(int *, int);
  Status (*attribute)(int *, int, int);
  Status (*retain)(Context *, int);
  Status (*set_current)(Context);
  Status (*load)(Module **, const void *);
  Status (*get_function)(Function *, Module *, const char *);
  Status (*set_function_attribute)(Function, int, int);
  Status (*launch_kernel)(
      Function, unsigned, unsigned, unsigned, unsigned, unsigned, unsigned, unsigned, void *, void **, void **);
  int found = 0;
  std::string problem;

  Driver() {
    library.find("cuInit", init);
    library.find("cuDriverGetVersion", version);
    library.find("cuGetErrorString", error_text);
    library.find("cuDeviceGet", device_get);
    library.find("cuDeviceGetAttribute", attribute);
    library.find("cuDevicePrimaryCtxRetain", retain);
    library.find("cuCtxSetCurrent", set_current);
    library.find("cuModuleLoadData", load);
    library.find("cuModuleGetFunction", get_function);
    library.find("cuFuncSetAttribute", set_function_attribute);
    library.find("cuLaunchKernel", launch_kernel);
    if (!library.is_open()) {
      problem = "NVIDIA's driver (libcuda.so.1) is not there";
    } else if (!library.missing().empty()) {
      problem = "NVIDIA's driver is too old (no " + library.missing() + "): install one for CUDA 13 (580 or newer)";
    } else if (const Status status = init(0); status != 0) {
      problem = "NVIDIA's driver does not start (" + text(status) + "): nvidia-smi says more";
    } else {
      version(&found);
    }
  }

  std::string text(Status status) const {
    const char *words = nullptr;
    if (error_text && error_text(status, &words) == 0 && words) return words;
    return "error " + std::to_string(status);
  }

  void check(Status status, const std::string &what) const {
    TORCH_CHECK(status == 0, "CUDA: ", what, ": ", text(status));
  }

  int attribute_of(int device, int which) const {
    TORCH_CHECK(problem.empty(), problem);
    int handle = 0, value = 0;
    check(device_get(&handle, device), "there is no device " + std::to_string(device));
    check(attribute(&value, which, handle), "asking device " + std::to_string(device) + " what it has");
    return value;
  }

  /// Makes the context current that LibTorch uses too.
  void enter(int device) {
    TORCH_CHECK(problem.empty(), problem);
    const std::lock_guard<std::mutex> lock(mutex);
    Context &context = contexts[device];
    if (!context) {
      int handle = 0;
      check(device_get(&handle, device), "there is no device " + std::to_string(device));
      check(retain(&context, handle), "using device " + std::to_string(device));
    }
    check(set_current(context), "using device " + std::to_string(device));
  }

  std::mutex mutex;
  std::map<int, Context> contexts;

  static Driver &instance() {
    static Driver driver;
    return driver;
  }
};

}  // namespace

std::string driver_problem() { return Driver::instance().problem; }

int driver_version() { return Driver::instance().found; }

std::string version_problem(int driver, int needed, const std::string &who) {
  if (driver / 1000 >= needed / 1000) return {};
  const auto spoken = [](int version) {
    return std::to_string(version / 1000) + "." + std::to_string(version % 1000 / 10);
  };
  return "NVIDIA's driver serves CUDA " + spoken(driver) + ", and " + who + " needs " + spoken(needed) +
         ": install a newer driver (580 for CUDA 13)";
}

std::string libtorch_problem() {
  if (auto problem = driver_problem(); !problem.empty()) return problem;
  int needed = 0;
  const auto version = reinterpret_cast<int (*)(int *)>(dlsym(RTLD_DEFAULT, "cudaRuntimeGetVersion"));
  if (!version || version(&needed) != 0) return {};
  return version_problem(driver_version(), needed, "LibTorch");
}

int architecture_of(int device) {
  const Driver &driver = Driver::instance();
  return 10 * driver.attribute_of(device, capability_major) + driver.attribute_of(device, capability_minor);
}

int shared_memory_of(int device) { return Driver::instance().attribute_of(device, shared_memory_per_multiprocessor); }

Module *load_module(int device, const std::string &cubin, const std::string &name) {
  Driver &driver = Driver::instance();
  driver.enter(device);
  Module *module = nullptr;
  driver.check(driver.load(&module, cubin.data()), "loading " + name + " on device " + std::to_string(device));
  return module;
}

Function function_of(Module *module, const char *name) {
  const Driver &driver = Driver::instance();
  Function function = nullptr;
  driver.check(driver.get_function(&function, module, name), std::string("there is no kernel ") + name);
  return function;
}

void launch(
    int device, Function function, int64_t blocks, int threads, int shared_bytes, void *stream, void *parameters) {
  if (blocks == 0) return;
  TORCH_CHECK(
      blocks <= std::numeric_limits<int32_t>::max(), blocks,
      " blocks are more than a GPU starts at once: use smaller batches");
  Driver &driver = Driver::instance();
  driver.enter(device);
  constexpr int always_allowed = 48 * 1024;  // more has to be asked for
  if (shared_bytes > always_allowed) {
    driver.check(
        driver.set_function_attribute(function, largest_dynamic_shared_memory, shared_bytes),
        "asking for " + std::to_string(shared_bytes) + " bytes of shared memory");
  }
  void *arguments[] = {parameters};
  driver.check(
      driver.launch_kernel(
          function, static_cast<unsigned>(blocks), 1, 1, static_cast<unsigned>(threads), 1, 1,
          static_cast<unsigned>(shared_bytes), stream, arguments, nullptr),
      "starting a kernel");
}

}  // namespace mvar::cuda
