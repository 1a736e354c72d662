// Predictions of published serving rates from the catalogues alone.
#include <algorithm>
#include <cmath>

#include "base/numeric.hpp"
#include "scenarios/catalogue_specs.hpp"
#include "scenarios/protocol_choice.hpp"
#include "scenarios/reference_resolver.hpp"
#include "scenarios/rollout_rows.hpp"
#include "sim/inference_cost.hpp"

namespace supernode {

namespace {

// The row's machine and model, from the catalogues.
struct Bench {
  SystemSpec system;
  ChipSpec chip;
  CollectiveProtocol protocol;
  ModelSpec model;
};

std::string protocol_of(const std::string& system, Diagnostics& diagnostics) {
  YamlNode name;
  name.kind = YamlNode::Kind::kScalar;
  name.scalar = system;
  return choose_protocol(*ReferenceResolver(diagnostics).resolve(CatalogueKind::kSystem, name)).name;
}

Bench bench_of(const RolloutRow& row) {
  Diagnostics d;
  Bench bench{*load_system(row.system, d), {}, {}, *load_model(row.model, d)};
  bench.chip = *load_chip(bench.system.chip, d);
  bench.protocol = *load_protocol(protocol_of(row.system, d), d);
  return bench;
}

class Prediction {
 public:
  explicit Prediction(const RolloutRow& row)
      : bench_(bench_of(row)),
        fabric_(build_fabric(bench_.system, row.chips)),
        collectives_(fabric_, bench_.protocol),
        cost_(bench_.model, row.plan, bench_.chip, fabric_, collectives_),
        devices_(real(bench_.system.devices_per_chip)) {
    out_.row = row;
  }

  RolloutPrediction run() {
    const RolloutRow& row = out_.row;
    if (row.phase == ServingPhase::kPrefill) {
      out_.tokens_s_chip = prefill_rate();
      return out_;
    }
    decode();
    // One token out for prompt/output tokens in, on the same chips in turn.
    if (row.phase == ServingPhase::kEndToEnd && row.output > 0) {
      const Seconds step = out_.step;
      out_.tokens_s_chip = 1 / (1 / out_.tokens_s_chip + row.prompt / row.output / prefill_rate());
      out_.step = step;
    }
    return out_;
  }

 private:
  // Tokens a second and chip.
  double prefill_rate() {
    const RolloutRow& row = out_.row;
    const double wanted = row.prefill_chip > 0 ? row.prefill_chip / devices_ : real(row.plan.prefill_tokens);
    const std::int64_t length = std::llround(row.prompt);
    const auto sequences = std::max<std::int64_t>(1, std::llround(wanted / row.prompt));
    const InferencePass pass{.sequences = sequences, .new_tokens = length, .context = 0, .prefill = true};
    out_.step = cost_.pass_time(pass).total();
    return real(pass.rows()) / out_.step.value() * devices_ / real(row.plan.tensor_parallel);
  }

  void decode() {
    const RolloutRow& row = out_.row;
    const double context = row.prompt + row.output / 2;
    const double tensor = real(row.plan.tensor_parallel);
    double batch = row.batch_chip / devices_ * tensor;
    if (batch == 0)
      batch = cache_capacity_tokens(bench_.model, row.plan, bench_.chip.device_hbm_capacity(), context) / context;
    batch = std::max(1.0, batch);
    const double rate = row.plan.speculative.tokens_per_step();
    out_.batch_chip = batch * devices_ / tensor;
    out_.tensor_parallel = row.plan.tensor_parallel;
    out_.step = cost_.decode_step(batch, context);
    out_.tpot_s = out_.step.value() / rate;
    out_.tokens_s_chip = out_.batch_chip / out_.tpot_s;
  }

  const Bench bench_;
  const Fabric fabric_;
  CollectiveCostModel collectives_;
  RolloutPrediction out_;
  InferenceCostModel cost_;
  double devices_;
};

}  // namespace

namespace {

// Layouts within a node that the model's heads allow.
std::vector<RolloutRow> layouts(const RolloutRow& row) {
  std::vector<RolloutRow> out = {row};
  Diagnostics ignored;
  const std::int64_t heads = load_model(row.model, ignored)->attention.heads;
  for (std::int64_t tensor : {2, 4, 8}) {
    RolloutRow other = row;
    other.plan.tensor_parallel = tensor;
    const bool fits = std::max(tensor, row.plan.expert_parallel) % tensor == 0 && heads % tensor == 0;
    if (row.open_layout && fits) out.push_back(std::move(other));
  }
  return out;
}

}  // namespace

RolloutPrediction predict_rollout_row(const RolloutRow& row) {
  RolloutPrediction best;
  best.row = row;
  if (!row.problem.empty()) return best;
  for (const RolloutRow& candidate : layouts(row)) {
    RolloutPrediction prediction = Prediction(candidate).run();
    if (prediction.tokens_s_chip <= best.tokens_s_chip) continue;
    best = std::move(prediction);
  }
  return best;
}

}  // namespace supernode
