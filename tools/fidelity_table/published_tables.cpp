// The shipped tables of published figures, simulated.
#include <fmt/format.h>

#include <filesystem>
#include <fstream>
#include <iterator>
#include <stdexcept>
#include <thread>

#include "tools/fidelity_table/tables.hpp"
#include "tools/format.hpp"

namespace supernode {

namespace {

namespace fs = std::filesystem;

int workers() { return static_cast<int>(std::max(1u, std::thread::hardware_concurrency())); }

Validation validate_or_throw(const std::string& path) {
  Diagnostics diagnostics;
  auto validation = validate_runs({path, read_or_throw(path)}, {.where = {}, .workers = workers()}, diagnostics);
  if (!validation) throw std::runtime_error(diagnostics.render());
  return std::move(*validation);
}

using Study = std::optional<TraceStudy> (*)(const SourceFile&, bool, Diagnostics&);

std::optional<TraceStudy> study_if_there(const std::string& path, Study study) {
  if (!fs::exists(path)) return std::nullopt;
  Diagnostics diagnostics;
  auto result = study({path, read_or_throw(path)}, false, diagnostics);
  if (!result) throw std::runtime_error(diagnostics.render());
  return result;
}

bool is_runs(const std::string& path) {
  Diagnostics ignored;
  return read_published_runs({path, read_or_throw(path)}, ignored).has_value();
}

std::string run_row(const ValidatedRun& run) {
  if (run.share == RunShare::kSkipped)
    return fmt::format("| {} | {} | {} | – | – | – | {} |\n", run.id, run.chip, run.software, run.skipped);
  const std::string apart = run.share == RunShare::kMain ? "" : fmt::format("apart: {}", to_string(run.share));
  return fmt::format("| {} | {} | {} | {} | {} | {:.2f} | {}{} |\n", run.id, run.chip, run.software,
                     time_text(Seconds(run.measured_s)), time_text(Seconds(run.simulated_s)), run.ratio(),
                     run.inside() ? "" : "outside the interval ", apart);
}

void append(std::vector<ScoredRow>& all, std::vector<ScoredRow> rows) {
  all.insert(all.end(), std::make_move_iterator(rows.begin()), std::make_move_iterator(rows.end()));
}

}  // namespace

std::string read_or_throw(const std::string& path) {
  std::ifstream stream(path, std::ios::binary);
  if (!stream) throw std::runtime_error(path + " cannot be read");
  return {std::istreambuf_iterator<char>(stream), {}};
}

std::string summary_cells(const ErrorSummary& s) {
  if (s.predicted == 0) return fmt::format(" {} | – | – | – | – | – |", s.predicted);
  return fmt::format(" {} | {} | {} | {} | {:.2f} | {} |", s.predicted, percent_text(s.median_abs_error),
                     percent_text(s.p90_abs_error), percent_text(s.mean_abs_error), s.bias,
                     percent_text(s.interval_coverage));
}

std::string groups_table(const std::vector<ScoredRow>& rows, const std::vector<std::string>& dimensions) {
  std::string text = fmt::format("| by | |{}\n|---|---|---|---|---|---|---|---|\n", kSummaryHeader);
  text += fmt::format("| all | |{}\n", summary_cells(summarise(rows)));
  for (const auto& [dimension, groups] : summarise_groups(rows)) {
    if (std::find(dimensions.begin(), dimensions.end(), dimension) == dimensions.end()) continue;
    for (const auto& [value, summary] : groups)
      if (summary.predicted > 0) text += fmt::format("| {} | {} |{}\n", dimension, value, summary_cells(summary));
  }
  return text;
}

Reference read_reference(const std::string& folder) {
  Reference reference;
  std::vector<std::string> paths;
  for (const auto& entry : fs::directory_iterator(folder))
    if (entry.path().extension() == ".csv") paths.push_back(entry.path().string());
  std::sort(paths.begin(), paths.end());
  for (const std::string& path : paths)
    if (is_runs(path)) reference.runs.push_back({fs::path(path).filename().string(), validate_or_throw(path)});
  reference.kernels = study_if_there(folder + "/kernels.csv", study_kernels);
  reference.collectives = study_if_there(folder + "/collectives.csv", study_collectives);
  return reference;
}

std::string published_tables(const std::string& folder) {
  const Reference shipped = read_reference(folder);
  std::string text =
      "| run | chip | software | measured | simulated | simulated / measured | |\n|---|---|---|---|---|---|---|\n";
  std::vector<ScoredRow> rows;
  for (const ValidatedTable& table : shipped.runs) {
    for (const ValidatedRun& run : table.validation.runs) text += run_row(run);
    append(rows, scores(table.validation, RunShare::kMain));
  }
  text += "\n" + groups_table(rows, {"chip", "class", "kind"});
  if (shipped.kernels) text += "\n" + groups_table(shipped.kernels->scores(), {"op_class"});
  if (shipped.collectives) text += "\n" + groups_table(shipped.collectives->scores(), {"op_class"});
  return text;
}

}  // namespace supernode
