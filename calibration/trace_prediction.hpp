#pragma once
// What a chip's fit says about measured rows: the common ground of fitting and judging.

#include <memory>
#include <string>
#include <vector>

#include "calibration/kernel_cost.hpp"
#include "calibration/kernel_fit.hpp"
#include "calibration/kernel_parameters.hpp"

namespace supernode {

using TraceRows = std::vector<const KernelTraceRow*>;

// The class that a row belongs to, in the format that the chip runs: "gemm.bf16", "attention.forward.fp8".
std::string trace_class(const ChipSpec& chip, const KernelTraceRow& row);

// Class under which a row's error is reported: the training passes of a GEMM apart from its inference kernels, and
// rows that were timed with a neighbour apart.
std::string report_class(const ChipSpec& chip, const KernelTraceRow& row);

// Predicts rows from a chip's fit, each with the neighbour that was timed along, at the rate of the library that it was
// measured with and, unless it is training's, without the factor of the training passes.
class TracePredictor {
 public:
  explicit TracePredictor(const ChipSpec& chip);
  KernelCost cost(const KernelTraceRow& row) const;
  ResidualRow residual(const KernelTraceRow& row) const;  // what its curve leaves to explain

 private:
  struct Parts {
    KernelCost kernel;
    Seconds neighbour{};
  };
  Parts parts(const KernelTraceRow& row) const;
  Seconds neighbour(const KernelTraceRow& row) const;
  const ChipSpec chip_;
  const KernelParameters parameters_;
  std::unique_ptr<KernelCostModel> training_, inference_;  // two models, because inference rows know no passes
};

// Of equal shapes of a library the fastest: a slower one is an older version's. Training traces keep all.
TraceRows comparable_rows(const TraceRows& rows);

// ln(predicted / measured) of each row.
std::vector<double> log_errors(const ChipSpec& chip, const TraceRows& rows);

KernelClassError error_summary(const std::string& name, const std::vector<double>& log_residuals);

}  // namespace supernode
