#pragma once
// Fits the parameters of a chip's kernel model (docs/models/kernels.md) to measured kernels.

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "calibration/chip_spec.hpp"
#include "calibration/trace_csv.hpp"

namespace supernode {

// How well one class of kernels ("gemm.bf16", "attention.forward.bf16", "vector") is reproduced.
struct KernelClassError {
  std::string name;
  std::int64_t rows = 0;
  double median_abs_error = 0;  // of |predicted / measured - 1|
  double p90_abs_error = 0;
};

struct KernelFitResult {
  KernelFit fit;
  std::vector<KernelClassError> errors;  // on the rows of the fit itself
};

// Fits every class of which there are rows; the chip's own fit section is not read. Deterministic. Of equal shapes
// outside training traces the fastest row counts: a slower one is another library's.
KernelFitResult fit_kernels(const ChipSpec& chip, const std::vector<KernelTraceRow>& rows);

// Errors on rows that the fit has not seen: row i of each class is predicted by a fit without every row of its fold
// (i mod folds).
std::vector<KernelClassError> cross_validate(const ChipSpec& chip, const std::vector<KernelTraceRow>& rows, int folds);

// Errors of the chip's present fit on the rows, by class; a class that the chip lacks is predicted as any other kernel.
std::vector<KernelClassError> kernel_errors(const ChipSpec& chip, const std::vector<KernelTraceRow>& rows);

// The row as the chip's fit has it, with the neighbour that was timed along, and without the training passes' factor
// for rows that are not training's.
Seconds predict_trace(const ChipSpec& chip, const KernelTraceRow& row);

// Fills classes that `fit` lacks from a relative's: attention and vector shares as they are, the training passes of a
// GEMM as ratios to the forward pass, grouped GEMM as a ratio to the dense one, other GEMM formats whole. Marked
// derived.
void borrow_missing(KernelFit& fit, const KernelFit& sibling, std::string_view sibling_name);

// The `fit:` section of a catalog/chips/*.yaml, that `bind` reads back.
std::string emit_fit(const KernelFit& fit);

}  // namespace supernode
