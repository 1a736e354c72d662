#include "scenarios/error_summary_json.hpp"

namespace supernode {

using Json = nlohmann::ordered_json;

Json error_json(const ErrorSummary& summary) {
  const auto figure = [&](double value) { return summary.predicted > 0 ? Json(value) : Json(nullptr); };
  Json skipped = Json::object();
  for (const auto& [reason, rows] : summary.skipped) skipped[reason] = rows;
  return {{"rows", summary.rows},
          {"predicted", summary.predicted},
          {"skipped", std::move(skipped)},
          {"median_abs_error", figure(summary.median_abs_error)},
          {"p90_abs_error", figure(summary.p90_abs_error)},
          {"mean_abs_error", figure(summary.mean_abs_error)},
          {"bias", figure(summary.bias)},
          {"interval_coverage", figure(summary.interval_coverage)}};
}

Json errors_json(const std::vector<ScoredRow>& rows) {
  Json json = error_json(summarise(rows));
  json["by"] = Json::object();
  for (const auto& [dimension, groups] : summarise_groups(rows)) {
    Json& by = json["by"][dimension];
    for (const auto& [value, summary] : groups) by[value] = error_json(summary);
  }
  return json;
}

}  // namespace supernode
