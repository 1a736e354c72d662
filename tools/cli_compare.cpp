// supernode compare: scenarios side by side.
#include <fmt/format.h>

#include <algorithm>
#include <cctype>
#include <set>

#include "scenarios/comparison.hpp"
#include "scenarios/result_json.hpp"
#include "scenarios/trace_json.hpp"
#include "tools/commands.hpp"
#include "tools/comparison_report.hpp"
#include "tools/exit_code.hpp"
#include "tools/output_folder.hpp"
#include "tools/run_report.hpp"

namespace supernode {

namespace {

// Every error of every scenario at once; nothing when there is any.
std::optional<std::vector<Scenario>> load_all(const RunCommand& command) {
  if (std::count(command.scenarios.begin(), command.scenarios.end(), "-") > 1) {
    print_message("supernode: stdin ('-') can be named once only\n");
    return std::nullopt;
  }
  Diagnostics diagnostics;
  std::vector<Scenario> scenarios;
  for (const std::string& argument : command.scenarios) {
    auto scenario = load_scenario(argument, command.overrides, diagnostics);
    if (scenario) scenarios.push_back(std::move(*scenario));
  }
  print_message(diagnostics.render());
  if (scenarios.size() < command.scenarios.size()) return std::nullopt;
  return scenarios;
}

// A scenario's name as the start of file names: unique, of letters, digits, '.', '_' and '-'.
std::string file_stem(const std::string& name, std::set<std::string>& taken) {
  std::string stem;
  for (char c : name) {
    const bool plain = std::isalnum(static_cast<unsigned char>(c)) || c == '.' || c == '_' || c == '-';
    stem += plain ? c : '_';
  }
  std::string candidate = stem;
  for (int n = 2; !taken.insert(candidate).second; ++n) candidate = fmt::format("{}-{}", stem, n);
  return candidate;
}

void write_comparison(const Comparison& comparison, const std::vector<Outcome>& outcomes, const std::string& folder) {
  std::vector<OutputFile> files = {{"result.json", to_text(comparison_json(comparison, outcomes))}};
  std::set<std::string> taken;
  for (const Outcome& outcome : outcomes) {
    const std::string stem = file_stem(outcome.scenario.name, taken);
    files.push_back({stem + ".scenario.yaml", outcome.provenance.resolved_scenario});
    files.push_back({stem + ".trace.json", trace_json(outcome.trace, outcome.scenario.name)});
  }
  write_output_folder(folder, files);
  std::string message = fmt::format("wrote into {}:\n", folder);
  for (const OutputFile& file : files) message += fmt::format("  {}\n", file.name);
  print_message(message);
}

std::vector<Outcome> run_all(const std::vector<Scenario>& scenarios, const RunCommand& command) {
  std::vector<Outcome> outcomes;
  for (const Scenario& scenario : scenarios) {
    print_progress(fmt::format("simulating {} …\n", scenario.spec.name));
    outcomes.push_back(run_scenario(
        scenario, {.trace = !command.out.empty(), .workers = command.workers, .ignore_memory = command.ignore_memory}));
  }
  return outcomes;
}

// Reports the plans that do not fit; true when there was one. As JSON: the comparison's shape without its rows.
bool report_overruns(const std::vector<Outcome>& outcomes, const RunCommand& command) {
  bool found = false;
  for (const Outcome& outcome : outcomes) {
    if (outcome.simulated) continue;
    found = true;
    if (!command.json) print_result(run_report(outcome, stdout_style()));
    print_message(fmt::format("{}: the plan does not fit in memory; --ignore-memory compares it all the same\n",
                              outcome.scenario.name));
  }
  if (found && command.json) print_result(to_text(comparison_json({}, outcomes)));
  return found;
}

}  // namespace

int compare_command(const RunCommand& command) {
  const auto scenarios = load_all(command);
  if (!scenarios) return kBadInput;
  const std::vector<Outcome> outcomes = run_all(*scenarios, command);
  if (report_overruns(outcomes, command)) return kDoesNotFit;
  const Comparison comparison = compare(outcomes);
  print_result(command.json ? to_text(comparison_json(comparison, outcomes))
                            : comparison_report(comparison, outcomes, stdout_style()));
  if (!command.out.empty()) write_comparison(comparison, outcomes, command.out);
  return kDone;
}

}  // namespace supernode
