// Machine code that was compiled before, in the user's cache folder: $XDG_CACHE_HOME/mvar/cuda, else
// ~/.cache/mvar/cuda.
#pragma once
#include <functional>
#include <string>

namespace mvar::cuda {

/// The code of that key from the cache, else what `make` returns, which is kept. Whatever is wrong with the cache only
/// costs time: a damaged file is made again, and a folder that cannot be written to stays as it is.
std::string cached_cubin(const std::string &key, const std::function<std::string()> &make);

}  // namespace mvar::cuda
