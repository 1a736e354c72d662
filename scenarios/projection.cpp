#include "scenarios/projection.hpp"

#include <limits>

namespace supernode {

void bind(RunSpec& run, SpecReader& r) {
  r.number({"tokens", "of the whole run"}, run.tokens, {.min = 1, .max = 1e18});
  r.number({"steps", "of the whole run, in place of tokens"}, run.steps, {.min = 1, .max = 1e12});
  r.number({"samples", "of the whole run (sequences), in place of tokens"}, run.samples, {.min = 1, .max = 1e15});
  r.sourced_number({"chip_hours_per_interruption", "chip-hours of work per unexpected interruption"},
                   run.chip_hours_per_interruption, {.min = 1e-3, .max = 1e15});
  r.sourced({"restart", "from an interruption until steps run again"}, run.restart, true);
  r.sourced({"checkpoint_interval", "between checkpoints"}, run.checkpoint_interval);
  r.sourced({"checkpoint_stall", "how long training waits for each checkpoint"}, run.checkpoint_stall, true);
  r.sourced_number({"chip_watts", "power of a chip with its share of the system; 0 = unknown"}, run.chip_watts,
                   {.min = 0, .max = 1e6});
  if (r.documenting()) return;
  const int given = (run.tokens > 0) + (run.steps > 0) + (run.samples > 0);
  if (given != 1) r.error("tokens", "a run needs one of tokens, steps and samples");
}

Projection project(const RunSpec& run, const StepRate& step) {
  Projection p;
  p.steps = run.steps > 0 ? run.steps : run.tokens > 0 ? run.tokens / step.tokens : run.samples / step.samples;
  p.tokens = p.steps * step.tokens;
  p.samples = p.steps * step.samples;
  p.stepping = p.steps * step.time;
  const Seconds interval = run.checkpoint_interval.value;
  const Seconds saved = p.stepping * (1 + run.checkpoint_stall.value / interval);
  const Seconds between = Seconds(3600 * run.chip_hours_per_interruption.value / step.chips);
  const double lost = (run.restart.value + interval / 2) / between;
  p.time = lost < 1 ? saved / (1 - lost) : Seconds(std::numeric_limits<double>::infinity());
  p.interruptions = p.time / between;
  p.effective = p.stepping / p.time;
  p.chip_hours = step.chips * p.time.value() / 3600;
  p.megawatt_hours = p.chip_hours * run.chip_watts.value / 1e6;
  return p;
}

}  // namespace supernode
