// supernode run: one scenario to a report, JSON or a folder.
#include <fmt/format.h>

#include "scenarios/fabric_check.hpp"
#include "scenarios/result_json.hpp"
#include "scenarios/trace_json.hpp"
#include "tools/commands.hpp"
#include "tools/exit_code.hpp"
#include "tools/output_folder.hpp"
#include "tools/run_report.hpp"

namespace supernode {

namespace {

void print_outcome(const Outcome& outcome, bool json) {
  print_result(json ? to_text(outcome_json(outcome)) : run_report(outcome, stdout_style()));
}

void write_outcome(const Outcome& outcome, const std::string& folder) {
  write_output_folder(folder, {{"result.json", to_text(outcome_json(outcome))},
                               {"scenario.yaml", outcome.provenance.resolved_scenario},
                               {"trace.json", trace_json(outcome.trace, outcome.scenario.name)}});
  print_message(fmt::format("wrote result.json, scenario.yaml and trace.json into {}\n", folder));
}

int run_one(const Scenario& scenario, const RunCommand& command) {
  const Outcome outcome = run_scenario(
      scenario, {.trace = !command.out.empty(), .workers = command.workers, .ignore_memory = command.ignore_memory});
  print_outcome(outcome, command.json);
  if (!outcome.simulated) {
    print_message(fmt::format("{}: the plan does not fit in memory; --ignore-memory simulates it all the same\n",
                              outcome.scenario.name));
    return kDoesNotFit;
  }
  if (!command.out.empty()) write_outcome(outcome, command.out);
  return kDone;
}

}  // namespace

int run_command(const RunCommand& command) {
  Diagnostics diagnostics;
  const auto scenario = load_scenario(command.scenarios.front(), command.overrides, diagnostics);
  print_message(diagnostics.render());
  if (!scenario) return kBadInput;
  print_progress(fmt::format("simulating {} …\n", scenario->spec.name));
  try {
    return run_one(*scenario, command);
  } catch (const FaultError& fault) {
    print_message(fault_message(fault, scenario->faults));
    return kBadInput;
  }
}

}  // namespace supernode
