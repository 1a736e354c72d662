#include "base/child_process.hpp"

#include <fmt/format.h>
#include <poll.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cerrno>
#include <csignal>
#include <cstdio>
#include <cstring>
#include <exception>
#include <stdexcept>
#include <utility>

namespace supernode {
namespace {

struct Child {
  pid_t pid = -1;
  int pipe = -1;  // read end
  std::size_t index = 0;
  std::string bytes;  // read so far: one status byte, then the result or the message
};

void write_all(int fd, const char* data, std::size_t size) {
  while (size > 0) {
    const ssize_t written = ::write(fd, data, size);
    if (written < 0 && errno == EINTR) continue;
    if (written <= 0) ::_exit(1);
    data += written;
    size -= static_cast<std::size_t>(written);
  }
}

[[noreturn]] void child_main(int fd, const std::function<std::string()>& work) {
  ::prctl(PR_SET_PDEATHSIG, SIGKILL);  // an interrupted parent leaves no child behind
  char status = 'k';
  std::string bytes;
  try {
    bytes = work();
  } catch (const std::exception& e) {
    status = 'e';
    bytes = e.what();
  }
  write_all(fd, &status, 1);
  write_all(fd, bytes.data(), bytes.size());
  // No destructors, no atexit handlers: they belong to the parent (and SimGrid's may hang after a deadlock).
  ::_exit(0);
}

Child start(std::size_t index, const std::function<std::string()>& work) {
  int ends[2];
  if (::pipe(ends) != 0) throw std::runtime_error(fmt::format("cannot make a pipe: {}", std::strerror(errno)));
  std::fflush(nullptr);  // or the child would print the parent's buffers again
  const pid_t pid = ::fork();
  if (pid < 0) throw std::runtime_error(fmt::format("cannot fork: {}", std::strerror(errno)));
  if (pid == 0) {
    ::close(ends[0]);
    child_main(ends[1], work);
  }
  ::close(ends[1]);
  return {pid, ends[0], index, {}};
}

// Reads what is there; false at end of file.
bool drain(Child& child) {
  char buffer[1 << 16];
  ssize_t got = 0;
  do got = ::read(child.pipe, buffer, sizeof buffer);
  while (got < 0 && errno == EINTR);
  if (got <= 0) return false;
  child.bytes.append(buffer, static_cast<std::size_t>(got));
  return true;
}

std::string finish(Child& child) {
  ::close(child.pipe);
  int status = 0;
  while (::waitpid(child.pid, &status, 0) < 0 && errno == EINTR) {
  }
  if (WIFSIGNALED(status))
    throw std::runtime_error(
        fmt::format("a simulation process was ended by signal {} ({})", WTERMSIG(status), strsignal(WTERMSIG(status))));
  if (child.bytes.empty() || WEXITSTATUS(status) != 0)
    throw std::runtime_error("a simulation process ended without a result");
  if (child.bytes[0] == 'e') throw std::runtime_error(child.bytes.substr(1));
  return child.bytes.substr(1);
}

void stop_all(std::vector<Child>& running) {
  for (Child& child : running) {
    ::kill(child.pid, SIGKILL);
    ::close(child.pipe);
    ::waitpid(child.pid, nullptr, 0);
  }
  running.clear();
}

// Waits until some child has ended and moves its result into place.
void reap_one(std::vector<Child>& running, std::vector<std::string>& results) {
  while (true) {
    std::vector<pollfd> fds;
    for (const Child& child : running) fds.push_back({child.pipe, POLLIN, 0});
    if (::poll(fds.data(), fds.size(), -1) < 0 && errno != EINTR)
      throw std::runtime_error(fmt::format("poll failed: {}", std::strerror(errno)));
    for (std::size_t i = 0; i < fds.size(); ++i) {
      if (fds[i].revents == 0 || drain(running[i])) continue;
      Child done = std::move(running[i]);
      running.erase(running.begin() + static_cast<std::ptrdiff_t>(i));
      results[done.index] = finish(done);
      return;
    }
  }
}

}  // namespace

std::string run_in_child(const std::function<std::string()>& work) {
  return run_in_children(
             1, [&](std::size_t) { return work(); }, 1)
      .front();
}

std::vector<std::string> run_in_children(std::size_t count, const std::function<std::string(std::size_t)>& work,
                                         int workers) {
  std::vector<std::string> results(count);
  std::vector<Child> running;
  try {
    for (std::size_t next = 0; next < count || !running.empty();) {
      if (next < count && running.size() < static_cast<std::size_t>(workers)) {
        running.push_back(start(next, [&work, next] { return work(next); }));
        ++next;
      } else {
        reap_one(running, results);
      }
    }
  } catch (...) {
    stop_all(running);
    throw;
  }
  return results;
}

}  // namespace supernode
