#include "sim/step_resample.hpp"

#include <algorithm>
#include <cassert>
#include <cmath>
#include <numeric>
#include <vector>

#include "base/random_draw.hpp"
#include "sim/step_software.hpp"

namespace supernode {
namespace {

constexpr int kMostDraws = 64, kFewestDraws = 16;
// Activities in all draws together: some tenths of a second of replay.
constexpr double kActivities = 4e6;
constexpr std::uint64_t kSeed = 5;

using Matrix = std::vector<std::vector<double>>;

// L with L·Lᵀ = `covariance`. A direction without variance (to rounding) gets none.
Matrix cholesky(const Matrix& covariance) {
  const std::size_t n = covariance.size();
  Matrix lower(n, std::vector<double>(n, 0));
  for (std::size_t i = 0; i < n; ++i)
    for (std::size_t j = 0; j <= i; ++j) {
      const double dot = std::inner_product(lower[i].begin(), lower[i].begin() + static_cast<std::ptrdiff_t>(j),
                                            lower[j].begin(), 0.0);
      const double left = covariance[i][j] - dot;
      if (i == j)
        lower[i][i] = std::sqrt(std::max(0.0, left));
      else if (lower[j][j] > 0)
        lower[i][j] = left / lower[j][j];
    }
  return lower;
}

// One standard normal deviation for everything that is drawn.
struct Normals {
  FamilyValues families{};
  std::vector<double> terms;
  double unexplained = 0;
};

Normals draw_normals(SplitMix64& random, std::size_t terms) {
  Normals z;
  for (double& value : z.families) value = normal(random);
  z.terms.resize(terms);
  for (double& value : z.terms) value = normal(random);
  z.unexplained = normal(random);
  return z;
}

Normals opposite(Normals z) {
  for (double& value : z.families) value = -value;
  for (double& value : z.terms) value = -value;
  z.unexplained = -z.unexplained;
  return z;
}

class Resampling {
 public:
  Resampling(const PricedStep& priced, const SoftwareSpec& software)
      : priced_(priced), software_(software), lower_(cholesky(software.covariance)) {
    assert(software.fitted.size() == software.covariance.size());
  }

  std::vector<double> step_times(int draws) {
    SplitMix64 random(kSeed);
    std::vector<double> times;
    for (int pair = 0; pair < draws / 2; ++pair) {
      const Normals z = draw_normals(random, software_.fitted.size());
      times.push_back(step_time(z));
      times.push_back(step_time(opposite(z)));
    }
    return times;
  }

 private:
  SoftwareSpec drawn_software(const std::vector<double>& z) const {
    SoftwareSpec out = software_;
    for (std::size_t i = 0; i < z.size(); ++i)
      out.at(software_.fitted[i]).value *= std::exp(std::inner_product(z.begin(), z.end(), lower_[i].begin(), 0.0));
    return out;
  }

  double step_time(const Normals& z) {
    const SoftwareSpec software = drawn_software(z.terms);
    FamilyValues factors;
    for (std::size_t f = 0; f < factors.size(); ++f) factors[f] = std::exp(priced_.deviation[f] * z.families[f]);
    apply_software(priced_.program, software, factors, program_);
    StepOptions options = options_under(priced_, software);
    options.trace = false;
    const double time = run_step_replay(program_, options).step_time.value();
    return time * std::exp(software_.unexplained * z.unexplained);
  }

  const PricedStep& priced_;
  const SoftwareSpec& software_;
  const Matrix lower_;
  TimedProgram program_;
};

// By linear interpolation between the order statistics of a sorted sample.
double quantile(const std::vector<double>& sorted, double share) {
  const double at = share * static_cast<double>(sorted.size() - 1);
  const auto below = static_cast<std::size_t>(at);
  const std::size_t above = std::min(below + 1, sorted.size() - 1);
  return sorted[below] + (at - static_cast<double>(below)) * (sorted[above] - sorted[below]);
}

double standard_deviation(const std::vector<double>& sample) {
  const auto size = static_cast<double>(sample.size());
  const double mean = std::accumulate(sample.begin(), sample.end(), 0.0) / size;
  double squares = 0;
  for (const double value : sample) squares += (value - mean) * (value - mean);
  return std::sqrt(squares / (size - 1));
}

}  // namespace

int draws_for(std::int64_t activities) {
  const double affordable = kActivities / static_cast<double>(std::max<std::int64_t>(1, activities));
  return 2 * static_cast<int>(std::clamp(affordable, double{kFewestDraws}, double{kMostDraws}) / 2);
}

StepInterval resample(const PricedStep& priced, const SoftwareSpec& software, const StepResult& result) {
  std::vector<double> times = Resampling(priced, software).step_times(draws_for(result.activities));
  std::sort(times.begin(), times.end());
  return {Seconds(quantile(times, 0.05)), Seconds(quantile(times, 0.95)), Seconds(standard_deviation(times))};
}

}  // namespace supernode
