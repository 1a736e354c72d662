#include "calibration/software_spread.hpp"

#include <algorithm>
#include <cmath>
#include <map>

#include "calibration/robust_fit.hpp"

namespace supernode {
namespace {

constexpr double kNinetyPercent = 1.645;  // standard deviations of a normal law to either end of its central 90 %
constexpr double kPooledRows = 20;        // all software together weighs as so many of its own rows
constexpr double kAtLeast = 0.03;

struct Sample {
  std::vector<double> distances, explained;

  void add(double residual, double variance) {
    distances.push_back(std::abs(residual));
    explained.push_back(variance);
  }
  double size() const { return static_cast<double>(distances.size()); }
  double unexplained_variance() const {
    return std::max(0.0, std::pow(quantile(distances, 0.9) / kNinetyPercent, 2) - quantile(explained, 0.5));
  }
};

}  // namespace

double unexplained(const std::vector<SoftwareFitRow>& rows, const SoftwareResiduals& residuals, int software,
                   int without) {
  Sample own, all;
  for (std::size_t i = 0; i < rows.size(); ++i) {
    if (rows[i].group == without) continue;
    all.add(residuals.left_out[i], residuals.explained[i]);
    if (rows[i].software == software) own.add(residuals.left_out[i], residuals.explained[i]);
  }
  const double sum = own.size() * own.unexplained_variance() + kPooledRows * all.unexplained_variance();
  return std::max(kAtLeast, std::sqrt(sum / (own.size() + kPooledRows)));
}

std::vector<double> left_out_spread(const std::vector<SoftwareFitRow>& rows, const SoftwareResiduals& residuals) {
  std::map<std::pair<int, int>, double> known;
  std::vector<double> out;
  for (std::size_t i = 0; i < rows.size(); ++i) {
    const auto [found, fresh] = known.try_emplace({rows[i].software, rows[i].group});
    if (fresh) found->second = unexplained(rows, residuals, rows[i].software, rows[i].group);
    out.push_back(std::hypot(found->second, std::sqrt(residuals.explained[i])));
  }
  return out;
}

}  // namespace supernode
