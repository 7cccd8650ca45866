// How the kernels of attention over windows are started: what stands in shared memory, and how much of it. The tests'
// emulation starts them in the same way.
#pragma once
#include <algorithm>
#include <cstdint>
#include "Device/neighborhood.h"

namespace mvar::neighborhood {

constexpr int largest_depth = 128;
constexpr int largest_map = 1 << 24;  // places; indices within a map are of 32 bits

/// The most shared memory that a block takes: three blocks fit into a multiprocessor, so that one loads while others
/// compute, each with the KiB that the system takes for itself.
constexpr int stage_bytes(int multiprocessor_bytes) { return std::min(64 * 1024, multiprocessor_bytes / 3 - 1024); }

struct KernelForm {
  int threads, bytes_of_chunk;
};

/// Two rows of 16 bits, padded as `MatrixStage` says, for every place.
constexpr KernelForm tensor_core_form(int depth) { return {128, chunk * 2 * ((depth + 15) / 16 * 16 + 8) * 2}; }

/// Two rows of floats and three numbers for every place.
constexpr KernelForm plain_form(int depth) { return {4 * tile_places, chunk * (2 * depth + 3) * 4}; }

/// How many chunks a block of a form has room for, one at least.
constexpr int chunks_at_once(const KernelForm &form, int multiprocessor_bytes) {
  return std::max(1, stage_bytes(multiprocessor_bytes) / form.bytes_of_chunk);
}

}  // namespace mvar::neighborhood
