#pragma once
// What a published run measured, as the time of a step.

#include <optional>
#include <string>

#include "base/quantity.hpp"
#include "scenarios/import_table.hpp"
#include "sim/simulate.hpp"

namespace supernode {

struct PublishedStep {
  Seconds time{};
  std::string from;  // the figure it comes from: "step time", "tokens/s", "TFLOPS", "MFU"
};

// The most direct figure counts: a step time; a throughput, which is one said otherwise; then TFLOPS or MFU, with the
// FLOPs counted as the run's software counts them (StackDefaults: full or causal attention, recomputation) and, for
// MFU, the chip's dense bf16 peak or the one its source divides by. Nothing when none was published.
std::optional<PublishedStep> published_step(const PublishedRun& run, const SimulationInput& input);

}  // namespace supernode
