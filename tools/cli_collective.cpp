// supernode collective: one collective on a system, several at once, or a sweep.
#include <fmt/format.h>

#include <algorithm>
#include <stdexcept>

#include "scenarios/collective_json.hpp"
#include "scenarios/collective_sweep.hpp"
#include "scenarios/csv_text.hpp"
#include "scenarios/fabric_check.hpp"
#include "scenarios/result_json.hpp"
#include "tools/collective_report.hpp"
#include "tools/commands.hpp"
#include "tools/exit_code.hpp"
#include "tools/terminal.hpp"

namespace supernode {

namespace {

CollectiveRequest read_request(const CollectiveCommand& command, CollectiveOp op, Diagnostics& diagnostics) {
  CollectiveRequest request(op);
  for (const Override& setting : command.settings) read_setting(request, setting, diagnostics);
  finish_request(request);
  return request;
}

StudyOptions study_options(const CollectiveCommand& command) {
  StudyOptions options;
  if (command.flow) options.flow = FlowStudy{command.simgrid ? FlowEngine::kSimGrid : FlowEngine::kFolded};
  return options;
}

int print_one(const CollectiveCommand& command, const CollectiveRequest& request, const StudySystem& study) {
  const CollectiveAnswer answer = study_collective(request, study, study_options(command));
  if (command.json)
    print_result(to_text(collective_json(answer, study)));
  else if (command.csv)
    print_result(csv_text(collective_columns(), {collective_row(answer, study)}));
  else
    print_result(collective_report(answer, study, stdout_style()));
  return kDone;
}

int print_together(const CollectiveCommand& command, std::vector<CollectiveRequest> requests,
                   const StudySystem& study) {
  const ConcurrentAnswer answer = study_concurrent(requests, study);
  print_result(command.json ? to_text(concurrent_json(answer, study)) : concurrent_report(answer, stdout_style()));
  return kDone;
}

// A slip in a setting's name reads as an unknown key of the system.
std::string other_setting(const CollectiveSweep& sweep) {
  std::vector<std::string> names;
  for (const SettingDoc& doc : collective_settings()) names.emplace_back(doc.key);
  for (const SweepAxis& axis : sweep.axes)
    if (!is_collective_setting(axis.key))
      if (const auto near = nearest_candidate(axis.key, names)) return fmt::format(" (or the setting '{}'?)", *near);
  return "";
}

int print_sweep(const CollectiveCommand& command, CollectiveSweep sweep) {
  sweep.system = command.system;
  sweep.settings = command.settings;
  sweep.overrides = command.overrides;
  sweep.workers = command.workers.value_or(1);
  sweep.options.flow = study_options(command).flow;
  const auto rows = run_collective_sweep(sweep);
  if (!rows.empty() && std::ranges::none_of(rows, [](const auto& row) { return row["status"] == "ok"; }))
    throw std::invalid_argument(
        fmt::format("no point of the sweep can be: {}{}", rows[0]["error"].get<std::string>(), other_setting(sweep)));
  std::vector<std::string> keys;
  for (const SweepAxis& axis : sweep.axes)
    if (!is_collective_setting(axis.key)) keys.push_back(axis.key);
  if (command.json)
    print_result(to_text({{"rows", rows}}));
  else
    print_result(command.csv ? csv_text(collective_columns(), rows) : sweep_report(rows, keys));
  return kDone;
}

}  // namespace

int collective_command(const CollectiveCommand& command) {
  Diagnostics diagnostics;
  const auto op = read_collective_op(command.operation, diagnostics);
  const CollectiveRequest request = read_request(command, op.value_or(CollectiveOp::kAllReduce), diagnostics);
  CollectiveSweep sweep;
  sweep.op = request.call.op;
  sweep.axes = parse_sweep(command.sweeps, diagnostics);
  std::vector<CollectiveRequest> together = {request};
  for (const std::string& text : command.with) together.push_back(parse_concurrent(text, diagnostics));
  const auto study = load_study_system(command.system, command.overrides, diagnostics);
  print_message(diagnostics.render());
  if (!study || diagnostics.has_errors()) return kBadInput;
  try {
    if (!sweep.axes.empty()) return print_sweep(command, std::move(sweep));
    return command.with.empty() ? print_one(command, request, *study)
                                : print_together(command, std::move(together), *study);
  } catch (const FaultError& fault) {
    print_message(fault_message(fault, study->system.faults));
    return kBadInput;
  } catch (const std::invalid_argument& problem) {
    print_message(fmt::format("supernode collective: error: {}\n", problem.what()));
    return kBadInput;
  }
}

}  // namespace supernode
