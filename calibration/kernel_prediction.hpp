#pragma once
// Rows of a kernel trace as the catalogue's fitted models have them: what `supernode predict kernels` prints and what
// the models are judged by.

#include <functional>
#include <string>
#include <string_view>
#include <vector>

#include "calibration/chip_spec.hpp"
#include "calibration/trace_csv.hpp"

namespace supernode {

struct KernelPrediction {
  const KernelTraceRow* row = nullptr;
  Seconds time{};
  Seconds deviation{};   // one standard deviation of the prediction
  std::string skipped;   // why there is no prediction; "" when there is one
  std::string chip;      // catalogue name; "" when there is no such chip
  std::string op_class;  // "gemm.bf16", "gemm.bf16 training dgrad", "attention.forward.fp8 with neighbour"
};

// The catalogued chip that a trace means: "a100-sxm-80gb" is an a100, "ascend-910c-die" an ascend-910c. "" for none.
std::string catalogue_chip(std::string_view trace_name);

// A chip by its catalogue name; null when it cannot be had.
using ChipLookup = std::function<const ChipSpec*(const std::string& name)>;

// One prediction a row, in their order; rows that have no kernel or whose chip is unknown say so in `skipped`. The rows
// must outlive the result.
std::vector<KernelPrediction> predict_kernels(const std::vector<KernelTraceRow>& rows, const ChipLookup& chip);

// ln(predicted / measured) over the deviation in ln: within +-1.645 for nine rows of ten when the deviations are right.
double standard_score(const KernelPrediction& prediction);

}  // namespace supernode
