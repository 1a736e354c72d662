#pragma once
// A table of published serving rates, one measurement a row, and what the model of serving says of each. Columns: id,
// source, system, chip, chips, model, precision, phase (prefill, decode, e2e), parallel, batch_per_chip_or_global,
// prompt_or_kv_len, output_len, tpot_ms, tokens_s_chip, notes. How a row is read, and what is assumed where it does not
// say: docs/models/rl.md, "Published rates".

#include <optional>
#include <string>
#include <vector>

#include "base/diagnostics.hpp"
#include "base/quantity.hpp"
#include "workloads/inference_spec.hpp"

namespace supernode {

enum class ServingPhase { kPrefill, kDecode, kEndToEnd };
std::string_view to_string(ServingPhase phase);

// A row as a question.
struct RolloutRow {
  std::string id;
  ServingPhase phase = ServingPhase::kDecode;
  std::string system, model;  // names in the catalogues
  std::int64_t chips = 0;     // that the instance stands on
  InferencePlan plan;
  bool open_layout = false;       // tensor parallelism is not stated: the fastest is taken
  double batch_chip = 0;          // sequences decoding on a chip; 0 = as many as the cache holds
  double prefill_chip = 0;        // prompt tokens a chip processes at once
  double prompt = 0, output = 0;  // tokens
  double published_tpot_s = 0, published_tokens_s_chip = 0;  // 0 = not published
  std::vector<std::string> assumed;
  std::string problem;  // why it cannot be asked; "" = it can
};

struct RolloutPrediction {
  RolloutRow row;
  double batch_chip = 0;
  std::int64_t tensor_parallel = 1;  // of the prediction
  Seconds step{};                    // a decode step, or a prefill pass
  double tpot_s = 0, tokens_s_chip = 0;
  // Predicted over published tokens/s a chip, less 1 (time per token where only that is published).
  std::optional<double> error() const;
};

// Nothing when the header lacks columns (reported).
std::optional<std::vector<RolloutRow>> read_rollout_rows(const SourceFile& file, Diagnostics& diagnostics);

// A row with a problem comes back with zeros.
RolloutPrediction predict_rollout_row(const RolloutRow& row);

// Median of the absolute errors; nothing without any.
std::optional<double> median_error(const std::vector<RolloutPrediction>& predictions);

}  // namespace supernode
