#include "tools/refit_protocols/error_table.hpp"

#include <fmt/format.h>

#include <cmath>

#include "calibration/robust_fit.hpp"

namespace supernode {
namespace {

using namespace literals;

constexpr double kNinety = 1.645;  // standard deviations either side that hold 90 % of a normal distribution

std::string size_class(const UnseenCall& call) {
  if (call.op == CollectiveOp::kEpDispatch || call.op == CollectiveOp::kEpCombine) return "expert exchange";
  return call.bytes < 1_MiB ? "below 1 MiB" : "from 1 MiB";
}

std::string name(LeftOut left_out) {
  switch (left_out) {
    case LeftOut::kSizes:
      return "a fifth of the sizes";
    case LeftOut::kSource:
      return "a source";
    case LeftOut::kRanks:
      return "a group size";
  }
  return "";
}

struct Errors {
  std::vector<double> of;
  double inside = 0;

  void add(const UnseenCall& call) {
    of.push_back(std::abs(std::expm1(call.log_error)));
    inside += std::abs(call.log_error) <= kNinety * call.deviation ? 1 : 0;
  }
  std::string cells() const {
    const double share = of.empty() ? 0 : inside / static_cast<double>(of.size());
    return fmt::format("{} | {:.1f} % | {:.1f} % | {:.0f} %", of.size(), 100 * quantile(of, 0.5),
                       100 * quantile(of, 0.9), 100 * share);
  }
};

using Rows = std::map<std::string, Errors>;

std::string table(const std::string& header, const Rows& rows) {
  std::string text =
      fmt::format("| {} | predictions | median | p90 | inside 90 % |\n|---|---|---|---|---|---|\n", header);
  for (const auto& [label, errors] : rows) text += fmt::format("| {} | {} |\n", label, errors.cells());
  return text + "\n";
}

}  // namespace

std::string error_tables(const RefitProtocols& refit) {
  Rows by_class, by_fit;
  for (const auto& [protocol, fits] : refit.fits)
    for (const CalibratedFit& fit : fits)
      for (const UnseenCall& call : fit.unseen) {
        by_class[size_class(call) + " | " + name(call.left_out)].add(call);
        if (call.left_out == LeftOut::kSizes) by_fit[protocol + " | " + fit.key].add(call);
      }
  return table("class | left out", by_class) + table("protocol | fit, sizes left out", by_fit);
}

}  // namespace supernode
