#pragma once
// How far predictions are from measurements, over a set of rows and over its groups: the figures that `predict` and
// `validate` end with. An error is |predicted / measured − 1| of a time.

#include <cstdint>
#include <map>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

namespace supernode {

// Of the rows that were predicted: figures are 0 when there are none.
struct ErrorSummary {
  std::int64_t rows = 0;                        // of the table, or of the group
  std::int64_t predicted = 0;                   // those that have both a prediction and a measured time
  std::map<std::string, std::int64_t> skipped;  // reason: rows
  double median_abs_error = 0, p90_abs_error = 0, mean_abs_error = 0;
  double bias = 0;               // median of predicted / measured
  double interval_coverage = 0;  // share of the measured times inside the predicted 90 % interval
};

// One row's part in a summary.
struct ScoredRow {
  // Dimension and value: {"chip", "h100"}, {"op_class", "gemm.bf16"}.
  std::vector<std::pair<std::string, std::string>> groups;
  std::string skipped;  // why it was not predicted; "" when it was
  double predicted = 0, measured = 0;
  double low = 0, high = 0;  // the predicted 90 % interval

  double ratio() const { return predicted / measured; }
  double abs_error() const;
  bool inside() const { return low <= measured && measured <= high; }
};

ErrorSummary summarise(const std::vector<const ScoredRow*>& rows);
ErrorSummary summarise(const std::vector<ScoredRow>& rows);

// By dimension in the order in which rows name them, then by value in alphabetical order.
using GroupedErrors = std::vector<std::pair<std::string, std::map<std::string, ErrorSummary>>>;
GroupedErrors summarise_groups(const std::vector<ScoredRow>& rows);

// Spearman's rank correlation; equal values share the mean of their ranks. Nothing when either side is all one value
// or there are fewer than two.
std::optional<double> rank_correlation(const std::vector<double>& left, const std::vector<double>& right);

// Standard deviations of a normal law to either end of its central 90 %.
inline constexpr double kNinetyPercent = 1.645;

}  // namespace supernode
