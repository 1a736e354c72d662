// Runs scenarios of the library, given by name, and prints a table of docs/systems.md: each beside the first.
// tools/systems puts the tables into the document; a test holds the two equal.
#include <fmt/format.h>

#include <cstdio>
#include <stdexcept>

#include "tools/library_run.hpp"

namespace {

using namespace supernode;

std::string published(const PublishedResult& p) {
  if (p.step_time.value() > 0) return fmt::format("{:.1f} s", p.step_time.value());
  if (p.tokens_per_s_chip > 0) return fmt::format("{:.0f} tokens/s a chip", p.tokens_per_s_chip);
  return p.mfu > 0 ? fmt::format("MFU {:.0f} %", p.mfu * 100) : "–";
}

// Of a step of training, or of reinforcement learning with all its phases.
struct Figures {
  std::string step;
  double tokens_per_s_chip = 0;
  std::string mfu;
};

Figures figures(const Outcome& o) {
  const StepRange range = interval_90(o);
  if (o.rl) {
    const double chips = static_cast<double>(o.scenario.input.chips);
    return {fmt::format("{:.0f} s ({:.0f} to {:.0f})", o.rl->step_time.value(), range.low.value(), range.high.value()),
            o.rl->tokens / o.rl->step_time.value() / chips, "–"};
  }
  return {fmt::format("{:.2f} s ({:.2f} to {:.2f})", o.step_time.value(), range.low.value(), range.high.value()),
          o.tokens_per_s.per_chip, fmt::format("{:.1f} %", 100 * o.bf16.mfu)};
}

void print_row(const Outcome& o, const Outcome& first) {
  const Figures f = figures(o);
  fmt::print("| {} | {} × {} | {} | {:.0f} | {:.2f} | {} | {} |\n", o.scenario.name, o.scenario.input.chips,
             o.scenario.input.chip.name, f.step, f.tokens_per_s_chip,
             f.tokens_per_s_chip / figures(first).tokens_per_s_chip, f.mfu, published(o.scenario.published));
}

}  // namespace

int main(int argc, char** argv) {
  try {
    fmt::print("| scenario | chips | step | tokens/s a chip | a chip, over the first | MFU | published |\n");
    fmt::print("|---|---|---|---|---|---|---|\n");
    if (argc < 2) throw std::runtime_error("name scenarios of the library");
    const Outcome first = run_or_throw(load_or_throw(argv[1]));
    print_row(first, first);
    for (int i = 2; i < argc; ++i) print_row(run_or_throw(load_or_throw(argv[i])), first);
  } catch (const std::exception& e) {
    fmt::print(stderr, "supernode_systems: {}\n", e.what());
    return 1;
  }
  return 0;
}
