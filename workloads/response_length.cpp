#include "workloads/response_length.hpp"

#include <algorithm>
#include <array>
#include <cmath>
#include <numeric>

#include "base/numeric.hpp"

namespace supernode {

namespace {

// Ratio of polynomials, highest power first.
template <std::size_t N>
double polynomial(const std::array<double, N>& coefficients, double x) {
  double sum = 0;
  for (double c : coefficients) sum = sum * x + c;
  return sum;
}

double normal_tail(double q) {
  constexpr std::array kNumerator = {-7.784894002430293e-03, -3.223964580411365e-01, -2.400758277161838e+00,
                                     -2.549732539343734e+00, 4.374664141464968e+00,  2.938163982698783e+00};
  constexpr std::array kDenominator = {7.784695709041462e-03, 3.224671290700398e-01, 2.445134137142996e+00,
                                       3.754408661907416e+00, 1.0};
  return polynomial(kNumerator, q) / polynomial(kDenominator, q);
}

double normal_middle(double q) {
  constexpr std::array kNumerator = {-3.969683028665376e+01, 2.209460984245205e+02,  -2.759285104469687e+02,
                                     1.383577518672690e+02,  -3.066479806614716e+01, 2.506628277459239e+00};
  constexpr std::array kDenominator = {-5.447609879822406e+01, 1.615858368580409e+02,  -1.556989798598866e+02,
                                       6.680131188771972e+01,  -1.328068155288572e+01, 1.0};
  return q * polynomial(kNumerator, q * q) / polynomial(kDenominator, q * q);
}

double cut(const ResponseLength& length, double tokens) {
  return std::max(1.0, length.max > 0 ? std::min(tokens, length.max) : tokens);
}

double quantile(const ResponseLength& length, double p) {
  const auto& points = length.quantiles;
  const auto above =
      std::lower_bound(points.begin(), points.end(), p, [](const auto& q, double v) { return q.first < v; });
  if (above == points.begin()) return points.front().second;
  if (above == points.end()) return points.back().second;
  const auto& [low_p, low] = *(above - 1);
  const auto& [high_p, high] = *above;
  return low + (high - low) * (p - low_p) / (high_p - low_p);
}

// The median that gives the cut lognormal its mean: the mean rises with it, so halve an interval.
std::vector<double> lognormal(const ResponseLength& length, const std::vector<double>& normals) {
  const auto at = [&](double median) {
    std::vector<double> out;
    for (double z : normals) out.push_back(cut(length, median * std::exp(length.sigma * z)));
    return out;
  };
  const double count = real(static_cast<std::int64_t>(normals.size()));
  double low = 0, high = 2 * length.mean + 1e3 * length.max;
  for (int i = 0; i < 200 && high - low > 1e-9 * high; ++i) {
    const double middle = (low + high) / 2;
    const std::vector<double> lengths = at(middle);
    const bool short_of = std::accumulate(lengths.begin(), lengths.end(), 0.0) < length.mean * count;
    (short_of ? low : high) = middle;
  }
  return at(high);
}

// Strata in the order of the golden ratio's multiples, the most even of sequences.
std::vector<std::size_t> spread_order(std::size_t count) {
  constexpr double kGolden = 0.6180339887498949;
  std::vector<double> place(count);
  for (std::size_t i = 0; i < count; ++i) place[i] = std::fmod(static_cast<double>(i + 1) * kGolden, 1.0);
  std::vector<std::size_t> by_place(count), order(count);
  std::iota(by_place.begin(), by_place.end(), 0);
  std::sort(by_place.begin(), by_place.end(), [&](std::size_t a, std::size_t b) { return place[a] < place[b]; });
  for (std::size_t rank = 0; rank < count; ++rank) order[by_place[rank]] = rank;
  return order;
}

}  // namespace

void bind(ResponseLength& length, SpecReader& r) {
  r.number({"mean", "tokens of a response, after the cut", kRequired}, length.mean, {.min = 1, .max = 1e8});
  r.number({"max", "tokens at which a response is cut; 0 = never"}, length.max, {.min = 0, .max = 1e8});
  r.number({"sigma", "standard deviation of ln length; 0 = all equal"}, length.sigma, {.min = 0, .max = 4});
  r.dictionary({"quantiles", "tokens by probability, e.g. {0.5: 1200, 0.99: 8000}, in place of mean and sigma"},
               [&](SpecReader& entries, const std::string& key) {
                 double tokens = 0;
                 entries.number({key, "tokens"}, tokens, {.min = 1, .max = 1e8});
                 char* end = nullptr;
                 const double p = std::strtod(key.c_str(), &end);
                 if (*end != '\0' || p < 0 || p > 1)
                   entries.error(key, "a probability from 0 to 1");
                 else
                   length.quantiles.emplace_back(p, tokens);
               });
  std::sort(length.quantiles.begin(), length.quantiles.end());
  if (length.max > 0 && length.mean > length.max) r.error("mean", "longer than max");
}

double inverse_normal(double p) {
  constexpr double kLow = 0.02425;
  if (p < kLow) return normal_tail(std::sqrt(-2 * std::log(p)));
  if (p > 1 - kLow) return -normal_tail(std::sqrt(-2 * std::log(1 - p)));
  return normal_middle(p - 0.5);
}

std::vector<double> response_lengths(const ResponseLength& length, std::int64_t count) {
  std::vector<double> lengths;
  const auto middle = [&](std::int64_t i) { return (real(i) + 0.5) / real(count); };
  if (!length.quantiles.empty()) {
    for (std::int64_t i = 0; i < count; ++i) lengths.push_back(cut(length, quantile(length, middle(i))));
  } else if (length.sigma == 0) {
    lengths.assign(static_cast<std::size_t>(count), cut(length, length.mean));
  } else {
    for (std::int64_t i = 0; i < count; ++i) lengths.push_back(inverse_normal(middle(i)));
    lengths = lognormal(length, lengths);
  }
  std::vector<double> spread;
  for (std::size_t rank : spread_order(lengths.size())) spread.push_back(lengths[rank]);
  return spread;
}

}  // namespace supernode
