#include "tools/output_folder.hpp"

#include <fcntl.h>
#include <fmt/format.h>
#include <unistd.h>

#include <cerrno>
#include <csignal>
#include <cstring>
#include <filesystem>
#include <stdexcept>

namespace supernode {

namespace {

namespace fs = std::filesystem;

// Holds back SIGINT and SIGTERM while it lives.
class InterruptsHeld {
 public:
  InterruptsHeld() {
    sigset_t held;
    ::sigemptyset(&held);
    ::sigaddset(&held, SIGINT);
    ::sigaddset(&held, SIGTERM);
    ::sigprocmask(SIG_BLOCK, &held, &before_);
  }
  ~InterruptsHeld() { ::sigprocmask(SIG_SETMASK, &before_, nullptr); }
  InterruptsHeld(const InterruptsHeld&) = delete;
  InterruptsHeld& operator=(const InterruptsHeld&) = delete;

 private:
  sigset_t before_;
};

[[noreturn]] void fail(const fs::path& path, int error) {
  throw std::runtime_error(fmt::format("cannot write '{}': {}", path.string(), std::strerror(error)));
}

void write_whole(const fs::path& path, const std::string& text) {
  const int descriptor = ::open(path.c_str(), O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0644);
  if (descriptor < 0) fail(path, errno);
  for (std::size_t done = 0; done < text.size();) {
    const ssize_t written = ::write(descriptor, text.data() + done, text.size() - done);
    if (written < 0 && errno == EINTR) continue;
    if (written < 0) {
      const int error = errno;
      ::close(descriptor);
      fail(path, error);
    }
    done += static_cast<std::size_t>(written);
  }
  if (::close(descriptor) != 0) fail(path, errno);
}

// The folder that must exist and be writable for `path` to be made: itself or its nearest existing ancestor.
fs::path existing_ancestor(fs::path path) {
  std::error_code ignored;
  while (!fs::exists(path, ignored) && path.has_relative_path() && path != path.parent_path())
    path = path.parent_path();
  return path.empty() ? fs::path(".") : path;
}

fs::path without_trailing_slash(const std::string& folder) {
  const fs::path path = fs::absolute(folder).lexically_normal();
  return path.has_filename() ? path : path.parent_path();
}

// Into place at once when the target is new, else file by file (each by one rename).
void move_into_place(const fs::path& temporary, const fs::path& target, const std::vector<OutputFile>& files) {
  if (!fs::exists(target)) {
    fs::rename(temporary, target);
    return;
  }
  for (const OutputFile& file : files) fs::rename(temporary / file.name, target / file.name);
  fs::remove(temporary);
}

}  // namespace

std::string output_folder_problem(const std::string& folder) {
  const fs::path ancestor = existing_ancestor(without_trailing_slash(folder));
  std::error_code error;
  if (!fs::is_directory(ancestor, error)) return fmt::format("'{}' is not a folder", ancestor.string());
  if (::access(ancestor.c_str(), W_OK | X_OK) != 0) {
    return fmt::format("'{}' cannot be written to: {}", ancestor.string(), std::strerror(errno));
  }
  return "";
}

void write_output_folder(const std::string& folder, const std::vector<OutputFile>& files) {
  const InterruptsHeld held;
  const fs::path target = without_trailing_slash(folder);
  fs::path temporary = target;
  temporary += fmt::format(".partial-{}", ::getpid());
  try {
    fs::create_directories(target.parent_path());
    fs::create_directory(temporary);
    for (const OutputFile& file : files) write_whole(temporary / file.name, file.text);
    move_into_place(temporary, target, files);
  } catch (const std::exception& problem) {
    std::error_code ignored;
    fs::remove_all(temporary, ignored);
    throw std::runtime_error(problem.what());
  }
}

void write_output_file(const std::string& path, const std::string& text) {
  const InterruptsHeld held;
  const fs::path temporary = fmt::format("{}.partial-{}", path, ::getpid());
  try {
    write_whole(temporary, text);
    fs::rename(temporary, path);
  } catch (const std::exception& problem) {
    std::error_code ignored;
    fs::remove(temporary, ignored);
    throw std::runtime_error(problem.what());
  }
}

}  // namespace supernode
