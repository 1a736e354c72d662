#include "scenarios/validation.hpp"

#include <fmt/format.h>

#include <algorithm>

#include "base/child_process.hpp"
#include "base/serialize.hpp"
#include "calibration/trace_check.hpp"
#include "scenarios/import_run.hpp"
#include "scenarios/outcome.hpp"
#include "scenarios/published_step.hpp"
#include "scenarios/reference_resolver.hpp"
#include "scenarios/validation_table.hpp"

namespace supernode {

namespace {

// Runs that are simulated between two reports of progress.
constexpr std::size_t kBatch = 64;

std::string grade_of(const PublishedRun& run) {
  if (run.format != RunFormat::kTrainingRuns) return "ungraded";
  return run.grade.empty() ? "unknown" : run.grade;
}

bool counts(const std::string& grade) { return grade == "A" || grade == "A-" || grade == "ungraded"; }

RunShare share_of(const std::string& grade) {
  if (counts(grade)) return RunShare::kMain;
  return grade == "B" ? RunShare::kGradeB : RunShare::kHeadline;
}

// Why a run is not simulated before its scenario is looked at; "" when it is.
std::string unsuitable(const PublishedRun& run, bool all) {
  if (!run.measured.ran) return "ran out of memory";
  const std::string grade = grade_of(run);
  if (counts(grade) || grade == "B" || all) return "";
  return grade == "C" ? "grade C: a headline only" : fmt::format("grade {}", grade);
}

std::string parallelism(const PlanSpec& plan) {
  std::string name;
  const auto add = [&](std::int64_t degree, std::string_view dimension) {
    if (degree > 1) name += (name.empty() ? "" : " ") + std::string(dimension);
  };
  add(plan.tensor_parallel, "TP");
  add(plan.pipeline_parallel, "PP");
  add(plan.context_parallel, "CP");
  add(plan.expert_parallel, "EP");
  return name.empty() ? "data" : name;
}

std::string machine(const PublishedRun& run, const SimulationInput& input) {
  return fmt::format("{} {}L h{} seq {} on {} x {}", run.model, input.model.layers, input.model.hidden,
                     input.plan.sequence_length, run.ranks, run.chip);
}

std::string main_parts(const Outcome& outcome) {
  constexpr double kWorthNaming = 0.05;
  std::string text;
  for (const BreakdownPart& part : parts(outcome.breakdown)) {
    const double share = part.time / outcome.step_time;
    if (share < kWorthNaming) continue;
    text += fmt::format("{}{} {:.0f} %", text.empty() ? "" : ", ", part.name, share * 100);
  }
  return text;
}

void describe(ValidatedRun& result, const PublishedRun& run, const ImportedRun& imported,
              const SimulationInput& input) {
  result.software = input.software.name;
  result.model_class = input.model.moe.experts > 0 ? "moe" : "dense";
  result.parallelism = parallelism(input.plan);
  result.plan = machine(run, input);
  result.tokens = static_cast<double>(input.plan.global_batch) * static_cast<double>(input.plan.sequence_length);
  result.share = imported.kind == RunKind::kRl ? RunShare::kRl : share_of(result.spec);
}

// The interval of a step of reinforcement learning is as wide as that of its update: rollouts have none of their own.
void take_times(ValidatedRun& result, const Outcome& outcome) {
  const double step = outcome.step_time.value();
  const double whole = outcome.rl ? outcome.rl->step_time.value() : step;
  result.simulated_s = whole;
  result.low_s = whole * outcome.step_low.value() / step;
  result.high_s = whole * outcome.step_high.value() / step;
  result.fits_memory = outcome.memory.fits;
  result.breakdown = main_parts(outcome);
  result.assumed = outcome.assumptions;
}

void skip(ValidatedRun& result, std::string reason) {
  result.share = RunShare::kSkipped;
  result.skipped = std::move(reason);
}

std::string first_problem(const Diagnostics& diagnostics, const std::string& id) {
  if (diagnostics.all().empty()) return "no scenario";
  const std::string& message = diagnostics.all().front().message;
  return message.starts_with(id + ": ") ? message.substr(id.size() + 2) : message;
}

void simulate_run(ValidatedRun& result, const PublishedRun& run, bool all) {
  if (const std::string reason = unsuitable(run, all); !reason.empty()) return skip(result, reason);
  Diagnostics diagnostics;
  const ImportedRun imported = import_run(run);
  result.kind = to_string(imported.kind);
  const auto scenario = load_published_run(run, diagnostics);
  if (!scenario) return skip(result, first_problem(diagnostics, run.id));
  const SimulationInput input = scenario->spec.training();
  describe(result, run, imported, input);
  const auto measured = published_step(run, input);
  if (!measured) return skip(result, "no step time, throughput or utilisation was published");
  result.figure = measured->from;
  result.measured_s = measured->time.value();
  const Outcome outcome = run_scenario(*scenario, {.ignore_memory = true});
  if (!outcome.simulated) return skip(result, "the rollout does not fit in memory");
  take_times(result, outcome);
}

std::string to_bytes(const ValidatedRun& run) {
  ByteWriter writer;
  for (const std::string* text : {&run.software, &run.model_class, &run.kind, &run.parallelism, &run.plan, &run.skipped,
                                  &run.figure, &run.breakdown})
    writer.put(*text);
  writer.put(run.share);
  for (double value : {run.measured_s, run.simulated_s, run.low_s, run.high_s, run.tokens}) writer.put(value);
  writer.put(run.fits_memory);
  writer.put(run.assumed.size());
  for (const std::string& text : run.assumed) writer.put(text);
  return writer.take();
}

void from_bytes(ValidatedRun& run, const std::string& bytes) {
  ByteReader reader(bytes);
  for (std::string* text : {&run.software, &run.model_class, &run.kind, &run.parallelism, &run.plan, &run.skipped,
                            &run.figure, &run.breakdown})
    *text = reader.get_string();
  run.share = reader.get<RunShare>();
  for (double* value : {&run.measured_s, &run.simulated_s, &run.low_s, &run.high_s, &run.tokens})
    *value = reader.get<double>();
  run.fits_memory = reader.get<bool>();
  run.assumed.resize(reader.get<std::size_t>());
  for (std::string& text : run.assumed) text = reader.get_string();
}

// In a process of its own, so that a crash costs one run and not all.
std::string simulate_apart(const PublishedRun& run, bool all) {
  try {
    return run_in_child([&] { return to_bytes(validate_run(run, all)); });
  } catch (const std::exception& error) {
    ValidatedRun failed;
    skip(failed, fmt::format("the simulation failed: {}", error.what()));
    return to_bytes(failed);
  }
}

std::vector<std::string> simulate_batch(const PublishedRun* runs, std::size_t count, const ValidationOptions& options) {
  try {
    return run_in_children(
        count, [&](std::size_t i) { return to_bytes(validate_run(runs[i], options.all)); }, options.workers);
  } catch (const std::exception&) {
    std::vector<std::string> results;
    for (std::size_t i = 0; i < count; ++i) results.push_back(simulate_apart(runs[i], options.all));
    return results;
  }
}

ValidatedRun begin(const PublishedRun& run) {
  ValidatedRun result;
  result.line = run.position.line;
  result.id = run.id;
  result.chip = run.chip;
  result.source = run.source;
  result.model = run.model;
  result.spec = grade_of(run);
  return result;
}

std::vector<ValidatedRun> simulate_runs(const std::vector<PublishedRun>& runs, const ValidationOptions& options) {
  read_catalogues();
  std::vector<ValidatedRun> results;
  for (const PublishedRun& run : runs) results.push_back(begin(run));
  for (std::size_t first = 0; first < runs.size(); first += kBatch) {
    if (options.progress) options.progress(first, runs.size());
    const std::size_t count = std::min(kBatch, runs.size() - first);
    const std::vector<std::string> done = simulate_batch(&runs[first], count, options);
    for (std::size_t i = 0; i < count; ++i) from_bytes(results[first + i], done[i]);
  }
  return results;
}

}  // namespace

ValidatedRun validate_run(const PublishedRun& run, bool all) {
  ValidatedRun result = begin(run);
  try {
    simulate_run(result, run, all);
  } catch (const std::exception& error) {
    skip(result, fmt::format("the simulation failed: {}", error.what()));
  }
  return result;
}

std::optional<Validation> validate_runs(const SourceFile& file, const ValidationOptions& options,
                                        Diagnostics& diagnostics) {
  auto table = CsvTable::parse(file, {}, diagnostics);
  auto runs = table ? check_runs(file, *table, diagnostics) : std::nullopt;
  if (!runs) return std::nullopt;
  const BadRows bad(diagnostics);
  if (!bad.empty() && (!options.skip_bad || bad.has(0) || bad.has(1))) return std::nullopt;
  Validation validation{.table = std::move(*table), .runs = {}};
  std::erase_if(*runs, [&](const PublishedRun& run) { return bad.has(run.position.line); });
  validation.bad_rows = static_cast<int>(bad.count());
  if (!filter_runs(validation.table, options.where, *runs, diagnostics)) return std::nullopt;
  validation.runs = simulate_runs(*runs, options);
  return validation;
}

}  // namespace supernode
