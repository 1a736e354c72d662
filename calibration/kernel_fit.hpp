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
  double coverage = 0;  // share of the rows within the 90 % interval of their prediction
};

struct KernelFitResult {
  KernelFit fit;
  std::vector<KernelClassError> errors;  // on the rows of the fit itself
};

// Fits every class of which there are rows; the chip's own fit section is not read. Deterministic. Of equal shapes
// outside training traces the fastest row counts: a slower one is another library's.
KernelFitResult fit_kernels(const ChipSpec& chip, const std::vector<KernelTraceRow>& rows);

// What is left out together: single rows, or all rows that differ in the first axis of their shape alone (the rows of
// one weight matrix, of one sequence length).
enum class HoldOut { kRows, kShapes };

// Errors on rows that the fit has not seen: each row is predicted by a fit without every row of its fold.
std::vector<KernelClassError> cross_validate(const ChipSpec& chip, const std::vector<KernelTraceRow>& rows, int folds,
                                             HoldOut hold_out = HoldOut::kRows);

// Errors of the chip's present fit on the rows, by class; a class that the chip lacks is predicted as any other kernel.
std::vector<KernelClassError> kernel_errors(const ChipSpec& chip, const std::vector<KernelTraceRow>& rows);

// The row as the chip's fit has it, with the neighbour that was timed along, and without the training passes' factor
// for rows that are not training's.
Seconds predict_trace(const ChipSpec& chip, const KernelTraceRow& row);

// Fills classes that `fit` lacks from a relative's: attention and vector shares as they are, the training passes of a
// GEMM as ratios to the forward pass, grouped GEMM as a ratio to the dense one, other GEMM formats whole; with each class
// its correction near the traces (training passes none: theirs is their machine's). Marked derived.
//
// `headroom`: the sibling's matrix rate per core and clock over the chip's own. Above 1 the chip's matrix units are
// throttled and wait for nothing else: shares rise by it (up to 0.97), and what is counted in their time, ramps and
// softmax, shrinks.
void borrow_missing(KernelFit& fit, const KernelFit& sibling, std::string_view sibling_name, double headroom = 1);
double matrix_headroom(const ChipSpec& chip, const ChipSpec& sibling);

// The `fit:` section of a catalog/chips/*.yaml, that `bind` reads back: its tables by name when they have one, else in
// full.
std::string emit_fit(const KernelFit& fit);

}  // namespace supernode
