// The C ABI over LibTorch that the Swift module `Torch` wraps.
//
// Why C: a C++ exception that reaches Swift ends the process, so Swift's C++ interoperability is out. Every entry that
// can fail returns a status; the message of a failure waits in `ctorch_last_error()` of the same thread, to be read
// before anything else is called (and, in Swift, before any `await`).
#pragma once
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#ifdef __cplusplus
extern "C" {
#endif
#pragma clang assume_nonnull begin

/// A retained `c10::TensorImpl *`. Whoever is given one owns it and ends it with `ctorch_tensor_release`.
typedef struct CTorchTensorImpl *CTorchTensor;
/// A `torch::jit::Module *`. Whoever is given one owns it and ends it with `ctorch_module_release`.
typedef struct CTorchModuleImpl *CTorchModule;
/// A `c10::OperatorHandle *`; lives as long as the process.
typedef const struct CTorchOperatorHandle *CTorchOperator;
/// Work of a CUDA device that can be repeated.
typedef struct CTorchGraphImpl *CTorchGraph;

/// 0 on success. Otherwise nothing was returned, and `ctorch_last_error()` says why.
typedef int32_t CTorchStatus;

/// The message of the last failure on this thread, valid until the next failing call on it.
const char *ctorch_last_error(void);

// ---- the library -------------------------------------------------------------------------------------------------

/// LibTorch's version as it was compiled in, e.g. "2.11.0".
const char *ctorch_version(void);
/// The folder from which LibTorch's CPU library was loaded; empty if the loader does not tell.
const char *ctorch_library_folder(void);

/// The number of threads that LibTorch's operators and ours use.
int32_t ctorch_thread_count(void);
CTorchStatus ctorch_set_thread_count(int32_t count);

/// Whether large tensors on the CPU have memory that keeps its pages. False where the system cannot do that.
bool ctorch_pool_memory(bool pools);

/// Loads LibTorch's CUDA library by name or path. Must happen before anything asks whether CUDA exists, because
/// LibTorch keeps the first answer.
CTorchStatus ctorch_load_cuda(const char *path);
/// The number of CUDA devices that LibTorch can use; 0 without its CUDA library or a driver.
int32_t ctorch_cuda_device_count(void);
/// Whether CUDA devices may keep 10 bits of each factor of float32 products and convolutions; false at first.
CTorchStatus ctorch_allow_tf32(bool allowed);
bool ctorch_allows_tf32(void);
/// The most memory that tensors on a CUDA device have had at once, and the most that LibTorch held for them, in bytes.
CTorchStatus ctorch_cuda_peak_memory(int32_t device, int64_t *allocated, int64_t *reserved);
/// The bytes of a CUDA device that nothing uses, and all that it has.
CTorchStatus ctorch_cuda_memory(int32_t device, int64_t *free, int64_t *total);

// ---- tensors -----------------------------------------------------------------------------------------------------

CTorchTensor ctorch_tensor_retain(CTorchTensor tensor);
void ctorch_tensor_release(CTorchTensor tensor);

/// An uninitialised row-major tensor. `cuda_index` < 0 stands for the CPU.
CTorchStatus ctorch_tensor_empty(
    const int64_t *shape, int32_t rank, int8_t dtype, int32_t cuda_index, CTorchTensor _Nullable *_Nonnull result);
/// A CPU tensor over memory that belongs to somebody else. `release(context)` is called once, when the last view of the
/// memory is gone, or at once if this function fails.
CTorchStatus ctorch_tensor_borrow(
    void *memory, const int64_t *shape, const int64_t *strides, int32_t rank, int8_t dtype,
    void (*release)(void *_Nullable context), void *_Nullable context, CTorchTensor _Nullable *_Nonnull result);

int32_t ctorch_tensor_rank(CTorchTensor tensor);
/// Writes `ctorch_tensor_rank` numbers each.
void ctorch_tensor_shape(CTorchTensor tensor, int64_t *shape);
CTorchStatus ctorch_tensor_strides(CTorchTensor tensor, int64_t *strides);
int64_t ctorch_tensor_count(CTorchTensor tensor);
int8_t ctorch_tensor_dtype(CTorchTensor tensor);
/// The index of its CUDA device, or -1 for the CPU.
int32_t ctorch_tensor_cuda_index(CTorchTensor tensor);
bool ctorch_tensor_is_contiguous(CTorchTensor tensor);
/// The first element of a CPU tensor.
CTorchStatus ctorch_tensor_memory(CTorchTensor tensor, const void *_Nullable *_Nonnull result);
/// The only element of the tensor, as a number.
CTorchStatus ctorch_tensor_item(CTorchTensor tensor, double *result);

// ---- autograd ----------------------------------------------------------------------------------------------------

bool ctorch_tensor_requires_gradient(CTorchTensor tensor);
CTorchStatus ctorch_tensor_set_requires_gradient(CTorchTensor tensor, bool value);
/// `gradient` weighs the elements of a tensor that is not a scalar; NULL for a scalar.
CTorchStatus ctorch_tensor_backward(CTorchTensor tensor, CTorchTensor _Nullable gradient);
/// NULL (and success) where there is no gradient.
CTorchStatus ctorch_tensor_gradient(CTorchTensor tensor, CTorchTensor _Nullable *_Nonnull result);
/// NULL drops the gradient.
CTorchStatus ctorch_tensor_set_gradient(CTorchTensor tensor, CTorchTensor _Nullable gradient);
/// The gradient with respect to `input` alone, which must have taken part in `tensor`; `weights` weighs the elements of
/// `tensor`. The recorded operations can be gone through again, and no tensor's own gradient changes.
CTorchStatus ctorch_tensor_gradient_of(
    CTorchTensor tensor, CTorchTensor weights, CTorchTensor input, CTorchTensor _Nullable *_Nonnull result);
/// Sets grad mode for this thread and returns what it was.
bool ctorch_set_gradients_enabled(bool enabled);

/// Calls `observe(context)` whenever `backward` has added to the gradient of this leaf, on the thread that did it; in
/// place of an earlier observer. `release(context)` is called once, when the tensor or the observer goes.
CTorchStatus ctorch_tensor_observe_gradient(
    CTorchTensor tensor, void (*observe)(void *_Nullable context), void (*release)(void *_Nullable context),
    void *_Nullable context);

// ---- processes that compute together -----------------------------------------------------------------------------

/// A `c10d::Store`: texts under keys, in one place for all processes. Each call locks the connection, so that a thread
/// that must not wait for another takes a clone. Texts that are returned are ended with `ctorch_free`.
typedef struct CTorchStoreConnection *CTorchStore;
/// A `c10d::ProcessGroupGloo`. All processes must call its functions in the same order.
typedef struct CTorchProcessGroup *CTorchGroup;
/// A `c10d::Work`: something that a group has begun. It keeps the tensor alive.
typedef struct CTorchProcessWork *CTorchWork;

typedef enum __attribute__((enum_extensibility(closed))) CTorchReduction : int32_t {
  CTorchReductionSum = 0,
  CTorchReductionMaximum,
} CTorchReduction;

/// Connects to the store at a port, or opens it there. `milliseconds` limits this and every later wait; keys get the
/// prefix.
CTorchStatus ctorch_store_connect(
    const char *host, int32_t port, bool is_host, int64_t milliseconds, const char *prefix,
    CTorchStore _Nullable *_Nonnull result);
CTorchStatus ctorch_store_clone(CTorchStore store, int64_t milliseconds, CTorchStore _Nullable *_Nonnull result);
void ctorch_store_release(CTorchStore store);
CTorchStatus ctorch_store_set(CTorchStore store, const char *key, const char *value);
/// Waits until the key is there.
CTorchStatus ctorch_store_get(CTorchStore store, const char *key, char *_Nullable *_Nonnull result);
CTorchStatus ctorch_store_has(CTorchStore store, const char *key, bool *result);
/// Sets the key unless it is there already; returns what it has then.
CTorchStatus ctorch_store_claim(
    CTorchStore store, const char *key, const char *value, char *_Nullable *_Nonnull result);

/// Connects the processes with each other; returns when all have come. Tensors travel over the network that leads to
/// the store, or over the interface that GLOO_SOCKET_IFNAME names.
CTorchStatus ctorch_group_join(
    CTorchStore store, const char *host, int32_t port, int32_t rank, int32_t count, int64_t milliseconds,
    CTorchGroup _Nullable *_Nonnull result);
void ctorch_group_release(CTorchGroup group);
/// Begins to replace a contiguous CPU tensor by its sum, or maximum, over all processes.
CTorchStatus ctorch_group_reduce(
    CTorchGroup group, CTorchTensor tensor, CTorchReduction reduction, CTorchWork _Nullable *_Nonnull work);
/// Begins to replace a contiguous CPU tensor by that of process 0.
CTorchStatus ctorch_group_broadcast(CTorchGroup group, CTorchTensor tensor, CTorchWork _Nullable *_Nonnull work);
/// Waits; `is_done` is false where the time was over first.
CTorchStatus ctorch_work_wait(CTorchWork work, int64_t milliseconds, bool *is_done);
void ctorch_work_release(CTorchWork work);

// ---- operators ---------------------------------------------------------------------------------------------------

typedef enum __attribute__((enum_extensibility(closed))) CTorchTag : int32_t {
  CTorchTagNone = 0,
  CTorchTagTensor,
  CTorchTagInteger,
  CTorchTagNumber,
  CTorchTagBoolean,
  CTorchTagString,
  CTorchTagIntegers,
  CTorchTagNumbers,
  CTorchTagBooleans,
  CTorchTagTensors,
  CTorchTagOptionalTensors,
  CTorchTagDevice,
} CTorchTag;

/// One argument or result. Lists are `count` long and are borrowed for the call.
typedef struct CTorchValue {
  CTorchTag tag;
  int32_t count;
  union {
    int64_t integer;
    double number;
    bool boolean;
    CTorchTensor _Nullable tensor;
    const char *_Nullable string;
    const int64_t *_Nullable integers;
    const double *_Nullable numbers;
    CTorchTensor _Nullable *_Nullable tensors;
  } as;
} CTorchValue;

/// Finds an operator of LibTorch or our own, e.g. ("aten::add", "Tensor").
CTorchStatus ctorch_operator_find(const char *name, const char *overload, CTorchOperator _Nullable *_Nonnull result);
/// Calls an operator through the dispatcher, so with autograd and with the schema's defaults for missing arguments.
/// `results` has room for `*result_count`, which becomes the number written. Tensors among them belong to the caller; a
/// list of tensors is ended with `ctorch_free` after its tensors were taken.
CTorchStatus ctorch_call(
    CTorchOperator callee, const CTorchValue *arguments, int32_t argument_count, CTorchValue *results,
    int32_t *result_count);
void ctorch_free(void *_Nullable memory);

// ---- CUDA graphs -------------------------------------------------------------------------------------------------

/// From here to `ctorch_graph_end` the work that this thread gives a CUDA device is recorded and not done. Nothing may
/// be read from the device meanwhile.
CTorchStatus ctorch_graph_begin(int32_t device, CTorchGraph _Nullable *_Nonnull result);
/// After a failure the graph can only be released.
CTorchStatus ctorch_graph_end(CTorchGraph graph);
/// Does what was recorded, on the same tensors.
CTorchStatus ctorch_graph_replay(CTorchGraph graph);
/// Lets go of the graph and of the memory of its tensors; ends a recording.
void ctorch_graph_release(CTorchGraph graph);

// ---- networks from files -----------------------------------------------------------------------------------------

/// Loads a TorchScript file to a CUDA device, or to the CPU (-1), for evaluation and with parameters that take no
/// gradients. Loading and calling run whatever program the file holds.
CTorchStatus ctorch_module_load(const char *path, int32_t cuda_index, CTorchModule _Nullable *_Nonnull result);
void ctorch_module_release(CTorchModule module);
/// Calls `forward`, which must return one dense tensor of float16, bfloat16, float32 or float64. Gradients flow back to
/// the arguments. Equal arguments give equal results, bit for bit: nothing is compiled anew after the first calls.
CTorchStatus ctorch_module_call(
    CTorchModule module, const CTorchTensor _Nonnull *_Nonnull arguments, int32_t argument_count,
    CTorchTensor _Nullable *_Nonnull result);

#pragma clang assume_nonnull end
#ifdef __cplusplus
}
#endif
