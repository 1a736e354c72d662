#include "scenarios/import_run.hpp"

#include <fmt/format.h>

#include "scenarios/import_parts.hpp"
#include "scenarios/import_text.hpp"

namespace supernode {

namespace {

// A run is what its id says before what its notes mention: notes of LoRA tables speak of both.
RunKind kind_of(const PublishedRun& run) {
  const std::string id = lower_case(run.id), overlap = lower_case(run.overlap), notes = lower_case(run.notes);
  if (overlap.starts_with("rl (") || overlap.starts_with("rl ") || contains(notes, "(rl step)")) return RunKind::kRl;
  if (contains(id, "lora") || contains(notes, "[lora]") || contains(notes, "lora (frozen base")) return RunKind::kLora;
  if (contains(id, "sft") || contains(notes, "[sft]") || contains(notes, "sft, packed")) return RunKind::kSft;
  return RunKind::kPretrain;
}

void missing_shape(RunImport& import) {
  const PublishedRun& run = import.run;
  std::string missing;
  const auto need = [&](std::int64_t value, std::string_view what) {
    if (value <= 0) missing += fmt::format("{}{}", missing.empty() ? "" : ", ", what);
  };
  need(run.ranks, "chips");
  need(run.layers, "layers");
  need(run.hidden, "hidden");
  need(run.heads, "heads");
  need(run.sequence, "seq");
  need(run.tensor, "tp");
  if (!missing.empty()) import.problem = "the row does not give " + missing;
}

void check_degrees(RunImport& import) {
  const PublishedRun& run = import.run;
  const std::int64_t replica = import.tensor() * import.pipeline() * import.context();
  if (run.host_ranks > 0) {
    import.assume(fmt::format("{} of the host's {} ranks: those that report memory, by their numbers", run.ranks,
                              run.host_ranks));
  }
  if (import.ranks % replica != 0) {
    import.problem = fmt::format("tp x pp x cp = {} does not divide {} ranks", replica, import.ranks);
  } else if (run.data > 0 && run.data != import.data()) {
    import.assume(
        fmt::format("data parallelism {} = ranks / (tp x pp x cp); the row says {}", import.data(), run.data));
  }
}

// What was measured, per chip of the system (a chip of two dies hosts two ranks).
void import_published(RunImport& import) {
  const MeasuredRun& measured = import.run.measured;
  const double chips = static_cast<double>(import.yaml.integer("system.chips", import.run.ranks));
  const double ranks_per_chip = static_cast<double>(import.run.ranks) / chips;
  YamlBuilder& yaml = import.yaml;
  if (measured.step_time_s > 0) yaml.set_word("published.step_time", fmt::format("{} s", measured.step_time_s));
  if (measured.tokens_per_s_rank > 0) {
    yaml.set_number("published.tokens_per_s_chip", measured.tokens_per_s_rank * ranks_per_chip);
  }
  if (measured.tflops_rank > 0) {
    yaml.set_word("published.model_flops_chip", fmt::format("{} TFLOPS", measured.tflops_rank * ranks_per_chip));
  }
  if (measured.mfu_percent > 0) yaml.set_number("published.mfu", measured.mfu_percent / 100);
  if (yaml.has("published")) yaml.set_text("published.source", import.run.source);
}

}  // namespace

std::string_view to_string(RunKind kind) {
  switch (kind) {
    case RunKind::kPretrain:
      return "pretrain";
    case RunKind::kSft:
      return "sft";
    case RunKind::kLora:
      return "lora";
    case RunKind::kRl:
      return "rl";
  }
  return "?";
}

ImportedRun import_run(const PublishedRun& run) {
  RunImport import{.run = run, .stack = stack_defaults(run), .name = lower_case(run.model), .kind = kind_of(run)};
  import.ranks = import.kind == RunKind::kRl ? rl_training_ranks(run) : run.ranks;
  missing_shape(import);
  if (import.problem.empty()) check_degrees(import);
  import.yaml.set_word("name", run.id);
  import.yaml.set_text("description",
                       fmt::format("{}, {} ranks of {}; {}", run.model, run.ranks, run.chip, run.source));
  for (auto* part : {import_system, import_model, import_plan, import_published, import_remedy}) {
    if (import.problem.empty()) part(import);
  }
  ImportedRun imported;
  imported.kind = import.kind;
  imported.tree = import.yaml.take();
  imported.assumptions = std::move(import.assumptions);
  imported.warnings = std::move(import.warnings);
  imported.problem = std::move(import.problem);
  return imported;
}

std::string scenario_text(const PublishedRun& run, const ImportedRun& imported) {
  return import_text(imported, fmt::format("{} ({}): {}", run.id, to_string(imported.kind), run.source));
}

std::optional<Scenario> load_published_run(const PublishedRun& run, Diagnostics& diagnostics) {
  const ImportedRun imported = import_run(run);
  if (!imported.problem.empty()) {
    diagnostics.error(run.position, fmt::format("{}: {}", run.id, imported.problem));
    return std::nullopt;
  }
  Diagnostics found;
  auto scenario = load_scenario_tree(imported.tree, run.id, {}, found);
  for (const Diagnostic& each : found.all()) {
    if (each.severity == Severity::kError) diagnostics.error(run.position, fmt::format("{}: {}", run.id, each.message));
  }
  if (!scenario) return std::nullopt;
  scenario->assumptions.insert(scenario->assumptions.begin(), imported.assumptions.begin(), imported.assumptions.end());
  return scenario;
}

}  // namespace supernode
