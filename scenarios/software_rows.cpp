#include "scenarios/software_rows.hpp"

#include "scenarios/import_run.hpp"
#include "scenarios/published_step.hpp"

namespace supernode {
namespace {

bool specified(const PublishedRun& run) {
  return run.format != RunFormat::kTrainingRuns || run.grade == "A" || run.grade == "A-";
}

// Why a run does not count before its scenario is built; "" when it does.
std::string unsuitable(const PublishedRun& run) {
  if (!run.measured.ran) return "ran out of memory";
  if (!specified(run)) return "not specified well enough: grade " + (run.grade.empty() ? "unknown" : run.grade);
  const ImportedRun imported = import_run(run);
  if (!imported.problem.empty()) return imported.problem;
  return imported.kind == RunKind::kRl ? "reinforcement learning" : "";
}

std::string first_message(const Diagnostics& diagnostics) {
  return diagnostics.all().empty() ? "no scenario" : diagnostics.all().front().message;
}

// The reason when there is no row.
std::string read_row(const PublishedRun& run, SoftwareRow& row) {
  if (const std::string reason = unsuitable(run); !reason.empty()) return reason;
  Diagnostics diagnostics;
  const auto scenario = load_published_run(run, diagnostics);
  if (!scenario) return first_message(diagnostics);
  row = {run.format, run.id, run.source, run.model, {}, scenario->spec.training()};
  const auto measured = published_step(run, row.input);
  if (!measured) return "no step time was published";
  row.measured = measured->time;
  return "";
}

}  // namespace

SoftwareRows software_rows(const std::vector<PublishedRun>& runs) {
  SoftwareRows out;
  for (const PublishedRun& run : runs) {
    SoftwareRow row;
    const std::string reason = read_row(run, row);
    if (reason.empty())
      out.rows.push_back(std::move(row));
    else
      out.skipped.push_back({run.id, reason});
  }
  return out;
}

}  // namespace supernode
