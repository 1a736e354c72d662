#include "tools/run_report.hpp"

#include <fmt/format.h>

#include <algorithm>

#include "tools/format.hpp"
#include "tools/rl_report.hpp"
#include "tools/table.hpp"

namespace supernode {

namespace {

std::string plan_line(const PlanSpec& plan) {
  std::string line = fmt::format("TP{} PP{}", plan.tensor_parallel, plan.pipeline_parallel);
  if (plan.virtual_stages > 1) line += fmt::format(" VP{}", plan.virtual_stages);
  if (plan.expert_parallel > 1) line += fmt::format(" EP{}", plan.expert_parallel);
  return line +
         fmt::format(" DP{} ZeRO-{}, {} schedule, recompute {}, {}; {} sequences of {} tokens in {} micro-batches",
                     plan.data_parallel, plan.zero_stage, to_string(plan.schedule), to_string(plan.recompute),
                     to_string(plan.compute), plan.global_batch, plan.sequence_length, plan.microbatches());
}

std::string heading(const Outcome& outcome, const Style& style) {
  const SimulationInput& input = outcome.scenario.input;
  std::string out = style.title(outcome.scenario.name) + '\n';
  out += wrap(outcome.scenario.description, 2);
  out += fmt::format("  {} on {} chips of {}: {} x {} dies, {} ranks\n", input.model.name, outcome.size.chips,
                     input.system.name, input.chip.name, input.chip.dies, outcome.size.ranks);
  return out + wrap(plan_line(input.plan), 2) + "\n";
}

std::string utilisation_text(const Utilisation& u, double value) {
  return fmt::format("{} of {} dense {} a chip", percent_text(value), flops_rate_text(u.peak_chip),
                     to_string(u.precision));
}

// A simulated value beside the published one, when there is one.
void add_beside(Table& table, std::string name, std::string value, double simulated, double published,
                std::string published_text) {
  if (published <= 0) {
    table.add({std::move(name), std::move(value)});
    return;
  }
  table.add({std::move(name), std::move(value),
             fmt::format("published {} ({:+.1f} %)", published_text, (simulated / published - 1) * 100)});
}

std::string step_section(const Outcome& o, const Style& style) {
  // What was published of a step of reinforcement learning is all its phases', not its update's.
  const PublishedResult published = o.rl ? PublishedResult{} : o.scenario.published;
  Table table;
  table.align(1, Align::kLeft);
  table.align(2, Align::kLeft);
  add_beside(table, "step time", time_text(o.step_time), o.step_time.value(), published.step_time.value(),
             time_text(published.step_time));
  if (o.step_high.value() > 0)
    table.add({"  90 % interval", fmt::format("{} to {}", time_text(o.step_low), time_text(o.step_high))});
  table.add({"tokens/s", fmt::format("{} in all, {} a supernode", count_text(o.tokens_per_s.total),
                                     count_text(o.tokens_per_s.per_supernode))});
  add_beside(table, "tokens/s a chip", count_text(o.tokens_per_s.per_chip), o.tokens_per_s.per_chip,
             published.tokens_per_s_chip, count_text(published.tokens_per_s_chip));
  if (o.size.dies != o.size.chips) table.add({"tokens/s a die", count_text(o.tokens_per_s.per_die)});
  table.add({"model FLOPs a step",
             fmt::format("{} ({} with recomputation)", flops_text(o.model_flops), flops_text(o.hardware_flops))});
  add_beside(table, "model FLOP/s a chip", flops_rate_text(o.model_flops_chip), o.model_flops_chip.value(),
             published.model_flops_chip.value(), flops_rate_text(published.model_flops_chip));
  add_beside(table, "MFU", utilisation_text(o.bf16, o.bf16.mfu), o.bf16.mfu, published.mfu,
             percent_text(published.mfu));
  table.add({"HFU", utilisation_text(o.bf16, o.bf16.hfu)});
  if (o.compute.precision != o.bf16.precision) {
    table.add({"MFU in " + std::string(to_string(o.compute.precision)), utilisation_text(o.compute, o.compute.mfu)});
    table.add({"HFU in " + std::string(to_string(o.compute.precision)), utilisation_text(o.compute, o.compute.hfu)});
  }
  table.add({"lower bound", fmt::format("{} of computing at the peak", time_text(o.compute_bound))});
  std::string out = style.title("Step") + '\n' + table.render();
  if (published.any()) out += style.faint(wrap("published: " + published.source, 2));
  return out + '\n';
}

std::string share(Seconds part, Seconds whole) { return percent_text(part / whole); }

std::string breakdown_section(const Outcome& o, const Style& style) {
  const StepBreakdown& b = o.breakdown;
  Table table({"", "time", "share"});
  for (const BreakdownPart& part : parts(b)) {
    if (part.time.value() > 0) table.add({words(part.name), time_text(part.time), share(part.time, o.step_time)});
  }
  table.add({"sum", time_text(b.sum()), share(b.sum(), o.step_time)});
  Table apart({"not in the sum", "time", "share"});
  if (b.recompute.value() > 0) {
    apart.add({"recomputation (within compute)", time_text(b.recompute), share(b.recompute, o.step_time)});
  }
  for (int c = 0; c < kCommClasses; ++c) {
    if (b.hidden[c].value() <= 0) continue;
    apart.add({fmt::format("hidden {}", to_string(static_cast<CommClass>(c))), time_text(b.hidden[c]),
               share(b.hidden[c], o.step_time)});
  }
  std::string out = style.title("Where the time goes") + " (mean over ranks)\n" + table.render();
  if (!apart.empty()) out += apart.render();
  return out + '\n';
}

// A report shows the collectives that cost most; JSON has them all.
constexpr std::size_t kCollectivesShown = 12;

std::vector<CollectiveUse> costliest(std::vector<CollectiveUse> uses) {
  const auto total = [](const CollectiveUse& use) { return use.cost.time * static_cast<double>(use.calls); };
  std::stable_sort(uses.begin(), uses.end(), [&](const auto& a, const auto& b) { return total(a) > total(b); });
  if (uses.size() > kCollectivesShown) uses.resize(kCollectivesShown);
  return uses;
}

std::string collectives_section(const Outcome& o, const Style& style) {
  if (o.collectives.empty()) return "";
  Table table({"collective", "operation", "ranks", "calls", "bytes", "each", "algorithm", "plane"});
  for (std::size_t column : {1, 6, 7}) table.align(column, Align::kLeft);
  for (const CollectiveUse& use : costliest(o.collectives)) {
    table.add({use.name, std::string(to_string(use.call.op)), std::to_string(use.group_size), std::to_string(use.calls),
               bytes_text(use.call.bytes), time_text(use.cost.time), use.cost.algorithm,
               std::string(to_string(use.cost.plane))});
  }
  std::string out = style.title("Collectives") + " (a rank of the busiest stage, each alone on the fabric)\n";
  out += table.render();
  if (o.collectives.size() > kCollectivesShown) {
    out += fmt::format("  and {} more that cost less (--json)\n", o.collectives.size() - kCollectivesShown);
  }
  return out + '\n';
}

std::string assumptions_section(const Outcome& o, const Style& style) {
  if (o.assumptions.empty()) return "";
  std::string out = style.title("Assumed") + '\n';
  for (const std::string& text : o.assumptions) {
    std::string item = wrap(text, 4);
    item[2] = '-';
    out += item;
  }
  return out + '\n';
}

}  // namespace

std::string memory_report(const Outcome& o, const Style& style) {
  const StageMemory& peak = o.memory.stages.at(static_cast<std::size_t>(o.memory.peak_stage));
  Table table;
  table.add({"weights", gib_text(peak.weights)});
  table.add({"gradients", gib_text(peak.gradients)});
  table.add({"optimizer", gib_text(peak.optimizer)});
  table.add({fmt::format("activations of {} micro-batches", peak.microbatches_in_flight), gib_text(peak.activations)});
  table.add({"buffers", gib_text(peak.buffers)});
  table.add({"framework", gib_text(peak.framework)});
  table.add({"sum", gib_text(peak.total())});
  std::string out = fmt::format("{} (stage {}, the fullest of {})\n{}", style.title("Memory per rank"),
                                o.memory.peak_stage, o.memory.stages.size(), table.render());
  const std::string capacity = gib_text(o.memory.capacity);
  if (o.memory.fits) return out + fmt::format("  {} in {}\n\n", style.good("fits"), capacity);
  out += fmt::format("  {} in {}\n", style.bad("does not fit"), capacity);
  for (const std::string& remedy : o.memory.remedies) out += "    would fit: " + remedy + '\n';
  if (o.memory.remedies.empty()) out += "    no single change of the plan would make it fit\n";
  return out + '\n';
}

std::string run_report(const Outcome& outcome, const Style& style) {
  std::string out = heading(outcome, style) + rl_report(outcome, style) + projection_report(outcome, style);
  if (outcome.simulated) out += step_section(outcome, style) + breakdown_section(outcome, style);
  out += memory_report(outcome, style);
  if (outcome.simulated) out += collectives_section(outcome, style);
  out += assumptions_section(outcome, style);
  while (out.ends_with("\n\n")) out.pop_back();
  return out;
}

}  // namespace supernode
