#pragma once
// From a step to a whole run: tokens, steps or samples to days, with interruptions, checkpoints and energy.
// Equations: docs/models/rl.md, "The whole run".

#include <string>

#include "base/quantity.hpp"
#include "base/spec_reader.hpp"

namespace supernode {

struct RunSpec {
  double tokens = 0, steps = 0, samples = 0;  // one of them
  // Chip-hours of work per unexpected interruption, all chips together.
  Sourced<double> chip_hours_per_interruption{
      50700, "Llama 3, arXiv 2407.21783, table 5: 419 in 54 days of 16,384 H100", Confidence::kDerived};
  Sourced<Seconds> restart{Seconds(900), "MegaScale, arXiv 2402.15627: detected within 10 minutes, caught up within 15",
                           Confidence::kMeasured};  // from the interruption until steps run again
  Sourced<Seconds> checkpoint_interval{Seconds(1800), "assumed: half an hour between checkpoints",
                                       Confidence::kAssumed};
  Sourced<Seconds> checkpoint_stall{Seconds(1), "ByteCheckpoint, arXiv 2407.20143, table 8: 0.59 s blocked at 405B",
                                    Confidence::kDerived};  // training waits for each checkpoint
  Sourced<double> chip_watts{0, "unknown",
                             Confidence::kAssumed};  // of a chip with its share of the system; 0 = unknown
  bool any() const { return tokens > 0 || steps > 0 || samples > 0; }
};

void bind(RunSpec& run, SpecReader& reader);

// What a step does, as far as a run cares.
struct StepRate {
  Seconds time{};
  double tokens = 0, samples = 0;
  double chips = 0;
};

struct Projection {
  double steps = 0, tokens = 0, samples = 0;
  Seconds stepping{};  // the steps alone
  Seconds time{};      // with checkpoints, interruptions and what they throw away
  double interruptions = 0;
  double effective = 0;  // stepping / time
  double chip_hours = 0;
  double megawatt_hours = 0;  // 0 = power unknown
  double days() const { return time.value() / 86400; }
};

// Time t satisfies t = s·(1 + stall/interval) + t·λ·(restart + interval/2), s the steps alone and λ = chips /
// (chip-hours per interruption): each interruption costs its restart and, on average, half of the interval between
// checkpoints. Time is infinite when interruptions come faster than the run recovers.
Projection project(const RunSpec& run, const StepRate& step);

}  // namespace supernode
