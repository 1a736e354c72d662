#pragma once
// Summaries of errors as JSON: `rows, predicted, skipped {reason: n}, median_abs_error, p90_abs_error, mean_abs_error,
// bias, interval_coverage`; figures are null where nothing was predicted.

#include <nlohmann/json.hpp>

#include "scenarios/error_summary.hpp"

namespace supernode {

nlohmann::ordered_json error_json(const ErrorSummary& summary);

// The same over all rows, with the same of each group under `by`: dimension, then value.
nlohmann::ordered_json errors_json(const std::vector<ScoredRow>& rows);

}  // namespace supernode
