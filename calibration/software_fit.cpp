#include "calibration/software_fit.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <cmath>
#include <map>

#include "calibration/robust_fit.hpp"
#include "calibration/software_spread.hpp"

namespace supernode {
namespace {

// Where a term is looked for. `centre` is the prior's median, `among` how far the mean of all software may lie from it
// and `between` how far one software lies from the mean: standard deviations of logarithms.
struct TermPrior {
  SoftwareTerm term;
  double centre, among, between;
};

constexpr TermPrior kPriors[] = {
    // PyTorch dispatches an operator in 5 to 10 us on a server's CPU, and an operation here is one to three of them;
    // autograd's thread is as fast.
    {SoftwareTerm::kHostForward, 20e-6, 0.7, 0.6},
    {SoftwareTerm::kHostBackward, 20e-6, 0.7, 0.6},
    // A schedule's Python, buffers and messages.
    {SoftwareTerm::kHostPass, 300e-6, 1.0, 0.7},
    {SoftwareTerm::kHostStep, 20e-3, 1.0, 0.8},
    // Traces time what a step runs; the rest is other shapes in between, caches gone cold, layouts changed.
    {SoftwareTerm::kGemm, 1.05, 0.10, 0.10},
    {SoftwareTerm::kAttention, 1.10, 0.15, 0.20},
    // An operation of memory-bound work is one kernel here; software that fuses less runs several.
    {SoftwareTerm::kVector, 1.30, 0.30, 0.30},
    {SoftwareTerm::kScaleUp, 1.10, 0.25, 0.25},
    {SoftwareTerm::kScaleOut, 1.20, 0.35, 0.35},
    {SoftwareTerm::kJitter, 0.01, 0.7, 0.5},
};
static_assert(std::size(kPriors) == kSoftwareTerms);

constexpr double kSustainedMean = 0.95, kSustainedAmong = 0.10, kSustainedFamily = 0.08, kSustainedChip = 0.04;

// Parameters in order: the means of the terms, the mean clock, families, chips, then the terms of each software.
class Layout {
 public:
  explicit Layout(const SoftwareFitInput& input);
  const std::vector<PooledParameter>& parameters() const { return parameters_; }
  int mean(int term) const { return term; }
  int chip(int chip) const { return chips_ + chip; }
  int term(int software, int term) const { return software_ + software * kSoftwareTerms + term; }

 private:
  void add_means();
  void add_chips(const SoftwareFitInput& input);
  void add_software(const SoftwareFitInput& input);

  std::vector<PooledParameter> parameters_;
  int chips_ = 0, software_ = 0;
};

Layout::Layout(const SoftwareFitInput& input) {
  add_means();
  add_chips(input);
  add_software(input);
}

void Layout::add_means() {
  for (const TermPrior& prior : kPriors)
    parameters_.push_back({std::string(to_string(prior.term)), std::log(prior.centre), -1, prior.among});
}

void Layout::add_chips(const SoftwareFitInput& input) {
  const int mean = static_cast<int>(parameters_.size());
  parameters_.push_back({"sustained", std::log(kSustainedMean), -1, kSustainedAmong});
  std::map<std::string, int> families;
  for (const std::string& family : input.families) {
    if (!families.try_emplace(family, static_cast<int>(parameters_.size())).second) continue;
    parameters_.push_back({"sustained." + family, 0, mean, kSustainedFamily});
  }
  chips_ = static_cast<int>(parameters_.size());
  for (std::size_t c = 0; c < input.chips.size(); ++c)
    parameters_.push_back({"sustained." + input.chips[c], 0, families.at(input.families[c]), kSustainedChip});
}

void Layout::add_software(const SoftwareFitInput& input) {
  software_ = static_cast<int>(parameters_.size());
  for (const std::string& name : input.software)
    for (int t = 0; t < kSoftwareTerms; ++t)
      parameters_.push_back({fmt::format("{}.{}", name, to_string(SoftwareTerm(t))), 0, mean(t), kPriors[t].between});
}

PooledProblem problem_of(const SoftwareFitInput& input, const Layout& layout) {
  PooledProblem problem;
  problem.parameters = layout.parameters();
  std::map<int, double> sizes;
  for (const SoftwareFitRow& row : input.rows) ++sizes[row.group];
  for (const SoftwareFitRow& row : input.rows) {
    PooledRow pooled{{}, 1 / std::sqrt(sizes[row.group]), row.group};
    for (int t = 0; t < kSoftwareTerms; ++t) pooled.parameters.push_back(layout.term(row.software, t));
    pooled.parameters.push_back(layout.chip(row.chip));
    problem.rows.push_back(std::move(pooled));
  }
  problem.residuals = [&input](const std::vector<PooledQuery>& queries) {
    std::vector<SoftwareTrial> trials;
    for (const PooledQuery& query : queries) {
      SoftwareTrial& trial = trials.emplace_back();
      trial.row = query.row;
      for (std::size_t t = 0; t < kSoftwareTerms; ++t) trial.terms[t] = std::exp(query.values[t]);
      trial.sustained = std::exp(query.values[kSoftwareTerms]);
    }
    return input.residuals(trials);
  };
  return problem;
}

std::vector<const SoftwareFitRow*> rows_of(const SoftwareFitInput& input, int SoftwareFitRow::*of, std::size_t index) {
  std::vector<const SoftwareFitRow*> out;
  for (const SoftwareFitRow& row : input.rows)
    if (row.*of == static_cast<int>(index)) out.push_back(&row);
  return out;
}

// A linear combination of parameters: index and weight.
using Combination = std::vector<std::pair<int, double>>;

double covariance(const PooledFit& fit, const Combination& a, const Combination& b) {
  double sum = 0;
  for (const auto& [i, wi] : a)
    for (const auto& [j, wj] : b)
      sum += wi * wj * fit.covariance[static_cast<std::size_t>(i)][static_cast<std::size_t>(j)];
  return sum;
}

bool runs_at_the_clock(int term) {
  return SoftwareTerm(term) == SoftwareTerm::kGemm || SoftwareTerm(term) == SoftwareTerm::kAttention;
}

// The term as it acts on the chips of the software's rows, of all rows if it has none: matrix work over their clocks.
Combination acting(const SoftwareFitInput& input, const Layout& layout, int software, int term) {
  Combination out = {{layout.term(software, term), 1}};
  if (!runs_at_the_clock(term)) return out;
  std::vector<const SoftwareFitRow*> rows =
      rows_of(input, &SoftwareFitRow::software, static_cast<std::size_t>(software));
  if (rows.empty())
    for (const SoftwareFitRow& row : input.rows) rows.push_back(&row);
  std::map<int, double> shares;
  for (const SoftwareFitRow* row : rows) shares[row->chip] += 1 / static_cast<double>(rows.size());
  for (const auto& [chip, share] : shares) out.emplace_back(layout.chip(chip), -share);
  return out;
}

using Matrix = std::vector<std::vector<double>>;

Matrix covariance_of(const SoftwareFitInput& input, const Layout& layout, const PooledFit& fit, int software) {
  Matrix out(kSoftwareTerms, std::vector<double>(kSoftwareTerms));
  std::vector<Combination> terms;
  for (int t = 0; t < kSoftwareTerms; ++t) terms.push_back(acting(input, layout, software, t));
  for (std::size_t t = 0; t < terms.size(); ++t)
    for (std::size_t u = 0; u < terms.size(); ++u) out[t][u] = covariance(fit, terms[t], terms[u]);
  return out;
}

SoftwareSpec mean_of(const Layout& layout, const PooledFit& fit) {
  SoftwareSpec spec;
  for (int t = 0; t < kSoftwareTerms; ++t)
    spec.at(SoftwareTerm(t)).value = std::exp(fit.x[static_cast<std::size_t>(layout.mean(t))]);
  return spec;
}

std::string source_of(std::size_t rows, const std::vector<double>& errors) {
  if (rows == 0) return "mean of all software";
  return fmt::format("fit of {} published runs, median error left out {:.1f} %", rows, 100 * quantile(errors, 0.5));
}

SoftwareSpec spec_of(const SoftwareFitInput& input, const Layout& layout, const PooledFit& fit,
                     const std::vector<double>& left_out, int software) {
  std::vector<double> errors;
  for (std::size_t i = 0; i < input.rows.size(); ++i)
    if (input.rows[i].software == software) errors.push_back(std::abs(std::expm1(left_out[i])));
  const std::string source = source_of(errors.size(), errors);
  SoftwareSpec spec;
  spec.name = input.software[static_cast<std::size_t>(software)];
  spec.covariance = covariance_of(input, layout, fit, software);
  for (int t = 0; t < kSoftwareTerms; ++t) {
    const double x = fit.x[static_cast<std::size_t>(layout.term(software, t))];
    spec.at(SoftwareTerm(t)) = {std::exp(x), source, Confidence::kDerived};
    spec.fitted.push_back(SoftwareTerm(t));
  }
  return spec;
}

// Variance of ln(simulated) by the deviations of kernels and collectives and by the software's terms.
std::vector<double> explained(const SoftwareFitInput& input, const PooledFit& fit,
                              const std::vector<SoftwareSpec>& software) {
  std::vector<double> out(input.rows.size());
  for (std::size_t i = 0; i < out.size(); ++i) {
    const Matrix& covariance = software[static_cast<std::size_t>(input.rows[i].software)].covariance;
    const std::vector<double>& d = fit.derivatives[i];
    if (!input.cost_variance.empty()) out[i] = input.cost_variance[i];
    for (std::size_t t = 0; t < kSoftwareTerms; ++t)
      for (std::size_t u = 0; u < kSoftwareTerms; ++u) out[i] += d[t] * covariance[t][u] * d[u];
  }
  return out;
}

void add_software(const SoftwareFitInput& input, const Layout& layout, const PooledFit& fit, SoftwareFit& out) {
  const auto count = static_cast<int>(input.software.size());
  for (int s = 0; s < count; ++s) out.software.push_back(spec_of(input, layout, fit, out.left_out, s));
  const SoftwareResiduals residuals{out.left_out, explained(input, fit, out.software)};
  for (int s = 0; s < count; ++s)
    out.software[static_cast<std::size_t>(s)].unexplained = unexplained(input.rows, residuals, s);
  out.left_out_spread = left_out_spread(input.rows, residuals);
}

void add_clocks(const SoftwareFitInput& input, const Layout& layout, const PooledFit& fit, SoftwareFit& out) {
  for (std::size_t c = 0; c < input.chips.size(); ++c) {
    const auto at = static_cast<std::size_t>(layout.chip(static_cast<int>(c)));
    const auto rows = static_cast<std::int64_t>(rows_of(input, &SoftwareFitRow::chip, c).size());
    out.sustained.push_back({std::exp(fit.x[at]), std::sqrt(fit.covariance[at][at]), rows});
  }
}

}  // namespace

SoftwareFit fit_software(const SoftwareFitInput& input) {
  const Layout layout(input);
  const PooledProblem problem = problem_of(input, layout);
  const PooledFit fit = fit_pooled(problem);
  SoftwareFit out;
  out.mean = mean_of(layout, fit);
  out.residuals = fit.residuals;
  out.left_out = leave_groups_out(problem, fit);
  out.iterations = fit.iterations;
  add_software(input, layout, fit, out);
  add_clocks(input, layout, fit, out);
  return out;
}

SoftwareSpec trial_software(const SoftwareTrial& trial, SoftwareSpec base) {
  for (std::size_t t = 0; t < kSoftwareTerms; ++t) base.terms[t].value = trial.terms[t];
  base.at(SoftwareTerm::kGemm).value /= trial.sustained;
  base.at(SoftwareTerm::kAttention).value /= trial.sustained;
  return base;
}

}  // namespace supernode
