#include "cubin_cache.h"
#include <c10/util/hash.h>
#include <unistd.h>
#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <optional>
#include <sstream>

namespace mvar::cuda {

namespace {

namespace files = std::filesystem;

/// As scripts/set-up.sh has it: the standard says to ignore a relative XDG_CACHE_HOME.
std::optional<files::path> folder() {
  if (const char *const cache = std::getenv("XDG_CACHE_HOME"); cache && *cache == '/')
    return files::path(cache) / "mvar/cuda";
  if (const char *const home = std::getenv("HOME"); home && *home) return files::path(home) / ".cache/mvar/cuda";
  return std::nullopt;
}

/// Hexadecimal digits, always as many.
std::string digest(const std::string &text) { return c10::sha1(text).str(); }

/// A file is the digest of the code and then the code.
std::optional<std::string> read(const files::path &path) {
  std::ifstream file(path, std::ios::binary);
  if (!file) return std::nullopt;
  std::ostringstream stream;
  stream << file.rdbuf();
  const std::string content = stream.str();
  const size_t length = digest("").size();
  if (content.size() <= length) return std::nullopt;
  std::string code = content.substr(length);
  return digest(code) == content.substr(0, length) ? std::optional(std::move(code)) : std::nullopt;
}

void write(const files::path &path, const std::string &code) {
  std::error_code ignored;
  files::create_directories(path.parent_path(), ignored);
  // Another process may write the same: each has a file of its own, and renaming replaces a whole by a whole.
  std::string unfinished = path.string() + ".XXXXXX";
  const int descriptor = mkstemp(unfinished.data());
  if (descriptor < 0) return;
  close(descriptor);
  std::ofstream file(unfinished, std::ios::binary);
  file << digest(code) << code;
  file.close();
  if (file) {
    files::rename(unfinished, path, ignored);
    if (!ignored) return;
  }
  files::remove(unfinished, ignored);
}

}  // namespace

std::string cached_cubin(const std::string &key, const std::function<std::string()> &make) {
  const auto place = folder();
  if (!place) return make();
  const auto path = *place / (digest(key) + ".cubin");
  if (auto known = read(path)) return *std::move(known);
  std::string code = make();
  write(path, code);
  return code;
}

}  // namespace mvar::cuda
