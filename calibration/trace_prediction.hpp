#pragma once
// What a chip's fit says about measured rows: the common ground of fitting and judging.

#include <string>
#include <vector>

#include "calibration/kernel_fit.hpp"

namespace supernode {

using TraceRows = std::vector<const KernelTraceRow*>;

// The class that a row belongs to, in the format that the chip runs: "gemm.bf16", "attention.forward.fp8".
std::string trace_class(const ChipSpec& chip, const KernelTraceRow& row);

// Of equal shapes the fastest: a slower one is another library's. Training traces repeat one library and keep all,
// except that of two weight gradients of a grouped GEMM the slower one is that which accumulates in fp32.
TraceRows comparable_rows(const TraceRows& rows);

// ln(predicted / measured) of each row.
std::vector<double> log_errors(const ChipSpec& chip, const TraceRows& rows);

KernelClassError error_summary(const std::string& name, const std::vector<double>& log_residuals);

}  // namespace supernode
