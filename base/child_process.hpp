#pragma once
// Runs a function in a forked child and brings back the bytes it returns. SimGrid allows one engine a process, so each
// simulation runs in a child of its own; the parent stays clean.

#include <functional>
#include <string>
#include <vector>

namespace supernode {

// Runs `work` in a child and returns its result. Throws std::runtime_error if the child throws (with its message),
// crashes or is killed. Interrupts (SIGINT) end the child too.
std::string run_in_child(const std::function<std::string()>& work);

// Runs `count` pieces of work, up to `workers` children at once; results in the order of the pieces.
std::vector<std::string> run_in_children(std::size_t count, const std::function<std::string(std::size_t)>& work,
                                         int workers);

}  // namespace supernode
