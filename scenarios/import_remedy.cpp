// Recomputation that a published run leaves open: it ran, so it fitted.

#include <fmt/format.h>

#include <array>

#include "scenarios/import_parts.hpp"
#include "scenarios/import_text.hpp"
#include "scenarios/scenario_loader.hpp"
#include "sim/simulate.hpp"

namespace supernode {

namespace {

// A column that is empty, or says that something is recomputed but not what.
bool leaves_recompute_open(const PublishedRun& run) {
  return run.recompute.empty() || contains(lower_case(run.recompute), "(+recompute)");
}

// nullopt where the scenario is not valid, which loading it reports.
std::optional<bool> fits(YamlBuilder yaml, const std::string& name) {
  Diagnostics ignored;
  const auto scenario = load_scenario_tree(yaml.take(), name, {}, ignored);
  if (!scenario) return std::nullopt;
  return estimate_memory(scenario->spec.input).fits;
}

// Each beside those before it, in order of what they cost (workloads/memory_remedies.hpp).
struct Remedy {
  std::string_view path, value, text;
};
constexpr std::array kRemedies = {
    Remedy{"plan.recompute", "selective", "selective recomputation"},
    Remedy{"plan.recompute", "full", "full recomputation"},
    Remedy{"plan.offload.optimizer", "1", "full recomputation and the optimizer in host memory"},
};

}  // namespace

void import_remedy(RunImport& import) {
  if (!import.run.measured.ran || !leaves_recompute_open(import.run)) return;
  if (fits(import.yaml, import.run.id).value_or(true)) return;
  YamlBuilder trial = import.yaml;
  trial.erase("plan.recomputed");
  for (const Remedy& remedy : kRemedies) {
    trial.set_word(std::string(remedy.path), remedy.value);
    if (!fits(trial, import.run.id).value_or(false)) continue;
    import.yaml = std::move(trial);
    import.assume(fmt::format("{}, the cheapest that fits: the run fitted and its row does not say", remedy.text));
    return;
  }
}

}  // namespace supernode
