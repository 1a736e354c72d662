#include "scenarios/error_summary.hpp"

#include <algorithm>
#include <cmath>
#include <numeric>

#include "calibration/robust_fit.hpp"

namespace supernode {

namespace {

double mean_of(const std::vector<double>& values) {
  return std::accumulate(values.begin(), values.end(), 0.0) / static_cast<double>(values.size());
}

// Ranks from 1; equal values share the mean of theirs.
std::vector<double> ranks_of(const std::vector<double>& values) {
  std::vector<std::size_t> order(values.size());
  std::iota(order.begin(), order.end(), std::size_t{0});
  std::sort(order.begin(), order.end(), [&](std::size_t a, std::size_t b) { return values[a] < values[b]; });
  std::vector<double> ranks(values.size());
  for (std::size_t first = 0, last = 0; first < order.size(); first = last) {
    while (last < order.size() && values[order[last]] == values[order[first]]) ++last;
    for (std::size_t i = first; i < last; ++i) ranks[order[i]] = (static_cast<double>(first + last) + 1) / 2;
  }
  return ranks;
}

}  // namespace

double ScoredRow::abs_error() const { return std::abs(ratio() - 1); }

ErrorSummary summarise(const std::vector<const ScoredRow*>& rows) {
  ErrorSummary summary{.rows = static_cast<std::int64_t>(rows.size()), .skipped = {}};
  std::vector<double> errors, ratios;
  std::int64_t inside = 0;
  for (const ScoredRow* row : rows) {
    if (!row->skipped.empty()) {
      ++summary.skipped[row->skipped];
      continue;
    }
    errors.push_back(row->abs_error());
    ratios.push_back(row->ratio());
    inside += row->inside() ? 1 : 0;
  }
  summary.predicted = static_cast<std::int64_t>(errors.size());
  if (errors.empty()) return summary;
  summary.median_abs_error = quantile(errors, 0.5);
  summary.p90_abs_error = quantile(errors, 0.9);
  summary.mean_abs_error = mean_of(errors);
  summary.bias = quantile(ratios, 0.5);
  summary.interval_coverage = static_cast<double>(inside) / static_cast<double>(errors.size());
  return summary;
}

ErrorSummary summarise(const std::vector<ScoredRow>& rows) {
  std::vector<const ScoredRow*> all;
  for (const ScoredRow& row : rows) all.push_back(&row);
  return summarise(all);
}

GroupedErrors summarise_groups(const std::vector<ScoredRow>& rows) {
  std::vector<std::string> dimensions;
  std::map<std::string, std::map<std::string, std::vector<const ScoredRow*>>> members;
  for (const ScoredRow& row : rows) {
    for (const auto& [dimension, value] : row.groups) {
      if (!members.contains(dimension)) dimensions.push_back(dimension);
      members[dimension][value].push_back(&row);
    }
  }
  GroupedErrors groups;
  for (const std::string& dimension : dimensions) {
    groups.emplace_back(dimension, std::map<std::string, ErrorSummary>());
    for (const auto& [value, group] : members[dimension]) groups.back().second.emplace(value, summarise(group));
  }
  return groups;
}

std::optional<double> rank_correlation(const std::vector<double>& left, const std::vector<double>& right) {
  if (left.size() < 2 || left.size() != right.size()) return std::nullopt;
  const std::vector<double> a = ranks_of(left), b = ranks_of(right);
  const double mean = mean_of(a);  // of both: ranks are those of equally many values
  double product = 0, square_a = 0, square_b = 0;
  for (std::size_t i = 0; i < a.size(); ++i) {
    product += (a[i] - mean) * (b[i] - mean);
    square_a += (a[i] - mean) * (a[i] - mean);
    square_b += (b[i] - mean) * (b[i] - mean);
  }
  if (square_a == 0 || square_b == 0) return std::nullopt;
  return product / std::sqrt(square_a * square_b);
}

}  // namespace supernode
