#include "scenarios/published_step.hpp"

#include "scenarios/import_defaults.hpp"
#include "scenarios/import_families.hpp"
#include "scenarios/import_text.hpp"
#include "workloads/model_spec.hpp"

namespace supernode {

namespace {

double tokens_of_a_step(const SimulationInput& input) {
  return static_cast<double>(input.plan.global_batch) * static_cast<double>(input.plan.sequence_length);
}

// FLOPs of a step as the software's log counts them, over all ranks.
double counted_flops(const PublishedRun& run, const SimulationInput& input) {
  const FlopsConvention counts = stack_defaults(run).flops;
  ModelSpec counted = input.model;
  if (counts.silu_gates_only && model_family(lower_case(run.model)).gelu_gate) counted.gated_mlp = false;
  const double model = model_flops_per_token(counted, input.plan.sequence_length, !counts.full_attention,
                                             counts.full_attention ? 0 : input.plan.document_length);
  const bool again = counts.with_recompute && input.plan.recompute == Recompute::kFull;
  return tokens_of_a_step(input) * model * (again ? 4.0 / 3 : 1.0);
}

Seconds at_rate(double flops, double tflops_rank, const PublishedRun& run) {
  return Seconds(flops / (tflops_rank * 1e12 * static_cast<double>(run.ranks)));
}

double mfu_peak_tflops(const PublishedRun& run, const SimulationInput& input) {
  const double stated = stack_defaults(run).flops.mfu_peak_tflops;
  return stated > 0 ? stated : input.chip.device_peak(Precision::kBf16).value() / 1e12;
}

}  // namespace

std::optional<PublishedStep> published_step(const PublishedRun& run, const SimulationInput& input) {
  const MeasuredRun& measured = run.measured;
  if (measured.step_time_s > 0) return PublishedStep{Seconds(measured.step_time_s), "step time"};
  if (measured.tokens_per_s_rank > 0) {
    const double rate = measured.tokens_per_s_rank * static_cast<double>(run.ranks);
    return PublishedStep{Seconds(tokens_of_a_step(input) / rate), "tokens/s"};
  }
  const double flops = counted_flops(run, input);
  if (measured.tflops_rank > 0) return PublishedStep{at_rate(flops, measured.tflops_rank, run), "TFLOPS"};
  if (measured.mfu_percent > 0) {
    return PublishedStep{at_rate(flops, measured.mfu_percent / 100 * mfu_peak_tflops(run, input), run), "MFU"};
  }
  return std::nullopt;
}

}  // namespace supernode
