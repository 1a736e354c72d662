#include "tools/rl_report.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <cmath>

#include "tools/format.hpp"
#include "tools/table.hpp"

namespace supernode {

namespace {

std::string serving_line(const InferencePlan& plan) {
  std::string line = fmt::format("rollout TP{} DP{}", plan.tensor_parallel, plan.data_parallel);
  if (plan.expert_parallel > 1) line += fmt::format(" EP{}", plan.expert_parallel);
  line += fmt::format(" in {}, keys and values in {}, at most {} sequences a replica", to_string(plan.weight),
                      to_string(plan.cache), plan.max_batch);
  if (plan.speculative.tokens > 0)
    line += fmt::format(", {} draft tokens ({:.2f} tokens a step)", plan.speculative.tokens,
                        plan.speculative.tokens_per_step());
  return line + ", software " + plan.software.name;
}

std::string what_line(const RlSpec& spec) {
  std::string line =
      fmt::format("{}: {} prompts x {} samples, {:.0f} + {:.0f} tokens on average; {}", to_string(spec.algorithm),
                  spec.prompts, spec.samples, spec.prompt_length, spec.response.mean, to_string(spec.placement.kind));
  if (spec.placement.kind == RlPlacement::kDisaggregated)
    line += fmt::format(", {} chips sample, staleness {}", spec.placement.rollout_chips, spec.placement.staleness);
  if (spec.placement.finished_share < 1)
    line += fmt::format(", {} of the samples finish in a step", percent_text(spec.placement.finished_share));
  return line + "; " + serving_line(spec.rollout);
}

std::string phases_table(const RlResult& rl) {
  Table table({"phase", "time", "share", "tokens/s"});
  for (const RlPhase& phase : rl.phases) {
    if (phase.time.value() <= 0) continue;
    table.add({words(phase.name), time_text(phase.time), percent_text(phase.time / rl.step_time),
               phase.tokens > 0 ? count_text(phase.tokens / phase.time.value()) : ""});
  }
  table.add({"step", time_text(rl.step_time), "", count_text(rl.tokens / rl.step_time.value())});
  return table.render();
}

std::string rollout_table(const RolloutReport& r) {
  Table table;
  table.align(1, Align::kLeft);
  table.add({"decode steps", fmt::format("{:.0f}, the first takes {}", r.steps, time_text(r.first_step))});
  table.add({"prefill", time_text(r.prefill)});
  table.add({"tail", fmt::format("{} with less than half of the most sequences at once", time_text(r.tail))});
  table.add({"sequences a replica", fmt::format("{:.1f} on average", r.mean_batch)});
  table.add({"cache a replica", fmt::format("{} tokens, beside {} of weights a rank", count_text(r.capacity_tokens),
                                            gib_text(r.weights))});
  if (r.preempted > 0) table.add({"preempted", fmt::format("{} sequences for want of cache", r.preempted)});
  return table.render();
}

}  // namespace

std::string rl_report(const Outcome& o, const Style& style) {
  if (!o.rl) return "";
  const RlResult& rl = *o.rl;
  const double chips = static_cast<double>(o.scenario.input.chips);
  std::string out = style.title("Reinforcement learning step") + '\n' + wrap(what_line(o.scenario.rl->spec), 2);
  out += phases_table(rl);
  const StepRange range = interval_90(o);
  out += fmt::format("  90 % interval {} to {}\n", time_text(range.low), time_text(range.high));
  if (const Seconds published = o.scenario.published.step_time; published.value() > 0) {
    out +=
        fmt::format("  published {} a step ({:+.1f} %)\n", time_text(published), (rl.step_time / published - 1) * 100);
  }
  out += fmt::format("  {} samples/s, {} tokens/s a chip of {}; {:.2f} training steps\n",
                     count_text(rl.samples / rl.step_time.value()),
                     count_text(rl.tokens / rl.step_time.value() / chips), chips, rl.training_steps);
  return out + rollout_table(rl.rollout) + '\n';
}

std::string projection_report(const Outcome& o, const Style& style) {
  if (!o.projection) return "";
  const Projection& p = *o.projection;
  std::string out = style.title("The whole run") + '\n';
  if (!std::isfinite(p.time.value())) return out + "  interruptions come faster than the run recovers from them\n\n";
  Table table;
  table.align(1, Align::kLeft);
  table.add({"steps", fmt::format("{}, {} tokens, {} samples", count_text(p.steps), count_text(p.tokens),
                                  count_text(p.samples))});
  table.add({"time", fmt::format("{} days, of which {} days of steps", significant_text(p.days()),
                                 significant_text(p.stepping.value() / 86400))});
  table.add(
      {"effective", fmt::format("{} with {} interruptions", percent_text(p.effective), count_text(p.interruptions))});
  table.add({"chip-hours", count_text(p.chip_hours)});
  if (p.megawatt_hours > 0) table.add({"energy", fmt::format("{} MWh", count_text(p.megawatt_hours))});
  return out + table.render() + '\n';
}

}  // namespace supernode
