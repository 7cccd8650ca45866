// Libraries that are there or not: opened when something asks for them, never linked.
#pragma once
#ifdef __cplusplus
#include <dlfcn.h>
#include <string>
#include <vector>

namespace ctorch {

/// A library that stays open as long as the process.
class LoadedLibrary {
 public:
  /// Opens the first of these that there is.
  explicit LoadedLibrary(const std::vector<std::string> &names) {
    for (const auto &name : names) {
      handle_ = dlopen(name.c_str(), RTLD_NOW | RTLD_GLOBAL);
      if (handle_) return;
      const char *const why = dlerror();
      // The first reason that is not mere absence says most.
      if (why && (reason_.empty() || reason_.find("No such file") != std::string::npos)) reason_ = why;
    }
  }

  bool is_open() const { return handle_ != nullptr; }
  /// Why it is not.
  const std::string &reason() const { return reason_; }

  /// Sets a pointer to a function of the library; notes which one is missing.
  template <typename Function>
  void find(const char *name, Function *&function) {
    function = handle_ ? reinterpret_cast<Function *>(dlsym(handle_, name)) : nullptr;
    if (handle_ && !function && missing_.empty()) missing_ = name;
  }

  /// The first function that the library lacks, or nothing.
  const std::string &missing() const { return missing_; }

 private:
  void *handle_ = nullptr;
  std::string reason_, missing_;
};

}  // namespace ctorch
#endif
