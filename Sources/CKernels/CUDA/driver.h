// NVIDIA's driver: what it says of GPUs, and kernels that it starts.
#pragma once
#include <cstdint>
#include <string>

namespace mvar::cuda {

/// What keeps the driver from being used, in one line, or nothing.
std::string driver_problem();

/// 13000 for a driver that serves CUDA 13.0; 0 without one.
int driver_version();

/// What keeps a driver from serving what needs a version of CUDA, both as 13000 for 13.0, in one line, or nothing.
std::string version_problem(int driver, int needed, const std::string &who);

/// What keeps the driver from serving the CUDA that LibTorch brings, in one line, or nothing. Known without a GPU's
/// being asked for: LibTorch itself only warns and finds no device.
std::string libtorch_problem();

/// 90 for a GPU of compute capability 9.0; throws where there is none.
int architecture_of(int device);

/// A kernel on a device.
using Function = struct FunctionOfDriver *;

/// Loads machine code on a device, for good, and finds a kernel in it.
struct Module;
Module *load_module(int device, const std::string &cubin, const std::string &name);
Function function_of(Module *module, const char *name);

/// Starts a kernel on a stream. `parameters` is the kernel's only parameter, copied before this returns.
void launch(
    int device, Function function, int64_t blocks, int threads, int shared_bytes, void *stream, void *parameters);

/// The shared memory of a multiprocessor, in bytes.
int shared_memory_of(int device);

}  // namespace mvar::cuda
