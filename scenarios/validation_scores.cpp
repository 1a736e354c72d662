// Validated runs as scores.

#include <fmt/format.h>

#include <map>

#include "scenarios/trace_study.hpp"
#include "scenarios/validation.hpp"

namespace supernode {

namespace {

constexpr std::size_t kLeastPlans = 5;  // of a rank correlation

std::string reason_apart(RunShare share) {
  switch (share) {
    case RunShare::kMain:
      return "grade A, A- or none: the main figures";
    case RunShare::kGradeB:
      return "grade B: reported apart";
    case RunShare::kHeadline:
      return "grade C: reported apart";
    case RunShare::kRl:
      return "reinforcement learning: reported apart";
    case RunShare::kSkipped:
      break;
  }
  return "";
}

std::vector<std::pair<std::string, std::string>> groups_of(const ValidatedRun& run) {
  const auto known = [](const std::string& text) { return text.empty() ? std::string("unknown") : text; };
  return {{"chip", known(run.chip)},
          {"class", known(run.model_class)},
          {"kind", known(run.kind)},
          {"software", known(run.software)},
          {"spec", run.spec},
          {"parallelism", known(run.parallelism)},
          {"source", publication(run.source)}};
}

}  // namespace

std::string_view to_string(RunShare share) {
  switch (share) {
    case RunShare::kMain:
      return "main";
    case RunShare::kGradeB:
      return "B";
    case RunShare::kHeadline:
      return "C";
    case RunShare::kRl:
      return "rl";
    case RunShare::kSkipped:
      break;
  }
  return "skipped";
}

std::vector<ScoredRow> scores(const Validation& validation, RunShare share) {
  std::vector<ScoredRow> rows;
  for (const ValidatedRun& run : validation.runs) {
    ScoredRow row{.groups = groups_of(run),
                  .skipped = run.skipped,
                  .predicted = run.simulated_s,
                  .measured = run.measured_s,
                  .low = run.low_s,
                  .high = run.high_s};
    if (run.share != share && run.share != RunShare::kSkipped) row.skipped = reason_apart(run.share);
    rows.push_back(std::move(row));
  }
  for (int i = 0; i < validation.bad_rows; ++i) rows.push_back({.skipped = std::string(kBadRow)});
  return rows;
}

std::vector<std::pair<std::string, double>> plan_correlations(const Validation& validation) {
  std::map<std::string, std::pair<std::vector<double>, std::vector<double>>> groups;
  for (const ValidatedRun& run : validation.runs) {
    if (run.share != RunShare::kMain) continue;
    auto& [simulated, measured] = groups[run.plan];
    simulated.push_back(run.simulated_s / run.tokens);
    measured.push_back(run.measured_s / run.tokens);
  }
  std::vector<std::pair<std::string, double>> correlations;
  for (const auto& [name, times] : groups) {
    if (times.first.size() < kLeastPlans) continue;
    if (const auto correlation = rank_correlation(times.first, times.second))
      correlations.emplace_back(name, *correlation);
  }
  return correlations;
}

}  // namespace supernode
