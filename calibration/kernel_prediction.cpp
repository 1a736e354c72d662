#include "calibration/kernel_prediction.hpp"

#include <fmt/format.h>

#include <array>
#include <cmath>
#include <map>
#include <memory>

#include "calibration/catalog.hpp"
#include "calibration/trace_prediction.hpp"

namespace supernode {
namespace {

bool in_catalogue(std::string_view name) {
  for (const EmbeddedFile& file : chip_catalog())
    if (file.name == name) return true;
  return false;
}

// Names that no rule gives. The bins of the 910B: Huawei's platform files (CANN Ascend910B*.ini) and white paper.
constexpr std::array<std::pair<std::string_view, std::string_view>, 8> kAliases = {{
    {"ascend-910", "ascend-910a"},
    {"ascend-910b1", "ascend-910b"},
    {"ascend-910b2", "ascend-910b"},
    {"ascend-910b2c", "ascend-910b"},
    {"ascend-910b3", "ascend-910b-313t"},
    {"a100-sxm-40gb", "a100-40gb"},
    {"a100-sxm4-40gb", "a100-40gb"},
    {"ascend-950", "ascend-950pr"},
}};

// Form factors, and what one device of a package is called.
constexpr std::array<std::string_view, 6> kSuffixes = {"-sxm", "-sxm4", "-sxm5", "-80gb", "-die", "-hgx"};

std::string_view without_suffix(std::string_view name) {
  for (std::string_view suffix : kSuffixes)
    if (name.ends_with(suffix)) return name.substr(0, name.size() - suffix.size());
  return name;
}

}  // namespace

std::string catalogue_chip(std::string_view trace_name) {
  while (true) {
    if (in_catalogue(trace_name)) return std::string(trace_name);
    for (const auto& [alias, name] : kAliases)
      if (alias == trace_name) return std::string(name);
    const std::string_view shorter = without_suffix(trace_name);
    if (shorter == trace_name) return "";
    trace_name = shorter;
  }
}

std::vector<KernelPrediction> predict_kernels(const std::vector<KernelTraceRow>& rows, const ChipLookup& chip) {
  std::map<std::string, std::unique_ptr<TracePredictor>> predictors;
  std::vector<KernelPrediction> predictions;
  for (const KernelTraceRow& row : rows) {
    KernelPrediction p;
    p.row = &row, p.chip = catalogue_chip(row.chip);
    const ChipSpec* spec = p.chip.empty() ? nullptr : chip(p.chip);
    if (spec == nullptr) {
      p.skipped = fmt::format("chip '{}' is not in the catalogue", row.chip);
    } else if (!row.unusable.empty()) {
      p.skipped = row.unusable;
    } else {
      auto& predictor = predictors[p.chip];
      if (!predictor) predictor = std::make_unique<TracePredictor>(*spec);
      const KernelCost cost = predictor->cost(row);
      p.time = cost.time, p.deviation = cost.deviation;
      p.op_class = report_class(*spec, row);
    }
    predictions.push_back(std::move(p));
  }
  return predictions;
}

double standard_score(const KernelPrediction& prediction) {
  return std::log(prediction.time / prediction.row->measured) / (prediction.deviation / prediction.time);
}

}  // namespace supernode
