// Checks a plan against its model and system. Every problem is reported at its key with the nearest values that fit.

#include <fmt/format.h>

#include <algorithm>
#include <functional>
#include <optional>

#include "workloads/plan_spec.hpp"

namespace supernode {

namespace {

using Legal = std::function<bool(std::int64_t)>;

struct Verb {
  std::string_view one, many;
};
constexpr Verb kIs{"is", "are"}, kDoes{"does", "do"}, kFits{"fits", "fit"};

// "; 32 and 64 are": the nearest legal values below and above `value` with their verb; "" when there is none up to
// `limit`.
std::string nearest_legal(std::int64_t value, std::int64_t limit, const Legal& legal, Verb verb) {
  std::optional<std::int64_t> below, above;
  for (std::int64_t v = std::min(value - 1, limit); v >= 1 && !below; --v) {
    if (legal(v)) below = v;
  }
  for (std::int64_t v = value + 1; v <= limit && !above; ++v) {
    if (legal(v)) above = v;
  }
  if (below && above) return fmt::format("; {} and {} {}", *below, *above, verb.many);
  if (below || above) return fmt::format("; {} {}", below ? *below : *above, verb.one);
  return "";
}

// One check each; `plan` and `model` hold values of at least 1 wherever the reader could read them.
class PlanCheck {
 public:
  PlanCheck(PlanSpec& plan, const ModelSpec& model, std::int64_t ranks, SpecReader& reader)
      : plan_(plan), model_(model), ranks_(ranks), reader_(reader) {}

  void run() {
    check_ranks();
    check_tensor();
    check_schedule();
    check_layers();
    check_experts();
    check_batch();
  }

 private:
  void error(std::string_view key, std::string message) { reader_.error(key, std::move(message)); }
  void warning(std::string_view key, std::string message) {
    reader_.diagnostics().warning(reader_.position(key), std::move(message));
  }

  void check_ranks();
  void check_tensor();
  void check_tensor_divides(std::string_view what, std::int64_t size);
  bool tensor_fits(std::int64_t tensor) const;
  void check_schedule();
  void check_dual_pipe_v();
  void check_layers();
  void check_experts();
  void check_batch();
  void check_schedule_batch();
  void check_length();

  PlanSpec& plan_;
  const ModelSpec& model_;
  const std::int64_t ranks_;
  SpecReader& reader_;
};

void PlanCheck::check_ranks() {
  const std::int64_t tp = plan_.tensor_parallel, pp = plan_.pipeline_parallel;
  const bool divides = ranks_ % (tp * pp) == 0;
  if (plan_.data_parallel == 0 && divides) plan_.data_parallel = ranks_ / (tp * pp);
  if (plan_.data_parallel == 0) {
    const std::string hint = nearest_legal(
        pp, ranks_ / tp, [&](std::int64_t v) { return ranks_ % (tp * v) == 0; }, kFits);
    const std::string key = tp * pp > ranks_ && pp == 1 ? "tensor_parallel" : "pipeline_parallel";
    error(key, fmt::format("tensor_parallel {} x pipeline_parallel {} = {} does not divide the system's {} ranks{}", tp,
                           pp, tp * pp, ranks_, hint.empty() ? "" : "; pipeline_parallel" + hint.substr(1)));
    return;
  }
  if (tp * pp * plan_.data_parallel == ranks_) return;
  const std::string hint = divides ? fmt::format("; data_parallel {} fits", ranks_ / (tp * pp)) : "";
  error("data_parallel",
        fmt::format("tensor_parallel {} x pipeline_parallel {} x data_parallel {} = {}, but the system "
                    "has {} ranks{}",
                    tp, pp, plan_.data_parallel, plan_.ranks(), ranks_, hint));
}

bool PlanCheck::tensor_fits(std::int64_t tensor) const {
  const auto divides = [&](std::int64_t size) { return size % tensor == 0; };
  const bool kv = model_.attention.kind == AttentionKind::kMla || divides(model_.attention.kv_heads);
  return kv && divides(model_.attention.heads) && divides(model_.hidden) && divides(model_.vocab) &&
         divides(model_.ffn) && divides(model_.shared_width()) &&
         (!plan_.sequence_parallel || divides(plan_.sequence_length));
}

void PlanCheck::check_tensor_divides(std::string_view what, std::int64_t size) {
  const std::int64_t tp = plan_.tensor_parallel;
  if (size % tp == 0) return;
  const auto fits = [&](std::int64_t v) { return tensor_fits(v); };
  error("tensor_parallel", fmt::format("{} {} is not divisible by tensor_parallel {}{}", what, size, tp,
                                       nearest_legal(tp, size, fits, kIs)));
}

void PlanCheck::check_tensor() {
  if (plan_.tensor_parallel == 1) return;
  check_tensor_divides("heads", model_.attention.heads);
  if (model_.attention.kind != AttentionKind::kMla) check_tensor_divides("kv_heads", model_.attention.kv_heads);
  check_tensor_divides("hidden", model_.hidden);
  check_tensor_divides("vocab", model_.vocab);
  check_tensor_divides("ffn", model_.ffn);
  check_tensor_divides("shared_ffn", model_.shared_width());
  if (plan_.sequence_parallel) check_tensor_divides("sequence_length", plan_.sequence_length);
}

void PlanCheck::check_schedule() {
  if (plan_.schedule == PipelineSchedule::kDualPipeV) return check_dual_pipe_v();
  const bool interleaved = plan_.schedule == PipelineSchedule::kInterleaved;
  if (interleaved && plan_.virtual_stages == 1) {
    error("schedule", "schedule interleaved needs virtual_stages of at least 2");
  }
  if (!interleaved && plan_.virtual_stages > 1) {
    error("schedule", fmt::format("schedule 1f1b has one chunk per stage, but virtual_stages is {}; use interleaved",
                                  plan_.virtual_stages));
  }
  if (plan_.virtual_stages > 1 && plan_.pipeline_parallel == 1) {
    error("virtual_stages",
          fmt::format("virtual_stages {} needs pipeline_parallel of at least 2", plan_.virtual_stages));
  }
}

void PlanCheck::check_dual_pipe_v() {
  if (plan_.virtual_stages != 2) {
    error("virtual_stages", fmt::format("schedule dualpipev has 2 chunks per stage, not {}", plan_.virtual_stages));
  }
  if (plan_.pipeline_parallel == 1) error("schedule", "schedule dualpipev needs pipeline_parallel of at least 2");
}

// The last piece is among the lightest; it has to hold what the split counts beside its layers.
void PlanCheck::check_layers() {
  const std::int64_t vp = plan_.virtual_stages, pieces = plan_.pipeline_parallel * vp;
  if (pieces == 1) return;
  const bool balanced = plan_.balance_embedding;
  const std::int64_t split = layers_to_split(plan_, model_), least = balanced ? 1 + model_.mtp_layers : 1;
  const std::string of =
      vp == 1 ? fmt::format("pipeline_parallel {}", pieces)
              : fmt::format("pipeline_parallel {} x virtual_stages {} = {}", plan_.pipeline_parallel, vp, pieces);
  const std::string what =
      !balanced ? fmt::format("layers {}", split)
                : fmt::format("layers + embedding + head{} = {}", model_.mtp_layers > 0 ? " + MTP modules" : "", split);
  if (split / pieces < least) {
    error("pipeline_parallel", fmt::format("{} are too few for {}: each piece needs at least {}", what, of, least));
  } else if (split % pieces != 0 && !plan_.uneven_stages) {
    const auto splits = [&](std::int64_t pp) { return split % (pp * vp) == 0 && split / (pp * vp) >= least; };
    error("pipeline_parallel", fmt::format("{} is not divisible by {}{}; uneven_stages: true allows stages that differ "
                                           "by one layer",
                                           what, of, nearest_legal(plan_.pipeline_parallel, split, splits, kIs)));
  }
}

void PlanCheck::check_experts() {
  const std::int64_t ep = plan_.expert_parallel, experts = model_.moe.experts;
  const std::int64_t peers = plan_.tensor_parallel * plan_.data_parallel;
  if (plan_.overlap.expert && ep == 1) warning("overlap", "overlap.expert has no effect: expert_parallel is 1");
  if (experts == 0) {
    if (ep > 1) error("expert_parallel", fmt::format("expert_parallel {} needs a model with experts", ep));
    return;
  }
  if (plan_.tensor_parallel > 1 && !plan_.sequence_parallel) {
    error("sequence_parallel", "a model with experts needs sequence_parallel: true when tensor_parallel is above 1");
  }
  const auto fits = [&](std::int64_t v) { return experts % v == 0 && (peers == 0 || peers % v == 0); };
  if (experts % ep != 0) {
    error("expert_parallel", fmt::format("experts {} is not divisible by expert_parallel {}{}", experts, ep,
                                         nearest_legal(ep, experts, fits, kIs)));
  }
  if (peers > 0 && peers % ep != 0) {
    error("expert_parallel",
          fmt::format("expert_parallel {} does not divide tensor_parallel {} x data_parallel {} = {}{}", ep,
                      plan_.tensor_parallel, plan_.data_parallel, peers, nearest_legal(ep, peers, fits, kDoes)));
  }
}

void PlanCheck::check_batch() {
  const std::int64_t per_round = plan_.micro_batch * plan_.data_parallel;
  if (per_round == 0 || plan_.global_batch == 0) return;
  if (plan_.global_batch % per_round != 0) {
    const auto fits = [&](std::int64_t v) { return v % per_round == 0; };
    error("global_batch", fmt::format("global_batch {} is not divisible by micro_batch {} x data_parallel {} = {}{}",
                                      plan_.global_batch, plan_.micro_batch, plan_.data_parallel, per_round,
                                      nearest_legal(plan_.global_batch, plan_.global_batch + per_round, fits, kIs)));
    return;
  }
  check_schedule_batch();
  check_length();
}

// Each layer of each micro-batch is simulated; beyond this a step would take minutes.
void PlanCheck::check_length() {
  constexpr std::int64_t kMostLayerPasses = 1'000'000;
  const std::int64_t most = std::max<std::int64_t>(1, kMostLayerPasses / model_.layers);
  if (plan_.microbatches() <= most) return;
  error("global_batch", fmt::format("global_batch {} makes {} micro-batches per replica; at most {} of {} layers are "
                                    "simulated, whose rate per token is the same: global_batch {} is enough",
                                    plan_.global_batch, plan_.microbatches(), most, model_.layers,
                                    most * plan_.micro_batch * plan_.data_parallel));
}

void PlanCheck::check_schedule_batch() {
  const std::int64_t pp = plan_.pipeline_parallel;
  if (plan_.schedule == PipelineSchedule::kDualPipeV && plan_.microbatches() < 2 * pp) {
    error("global_batch",
          fmt::format("global_batch {} makes {} micro-batches per replica, but schedule dualpipev needs at least "
                      "2 x pipeline_parallel = {}: global_batch {} is enough",
                      plan_.global_batch, plan_.microbatches(), 2 * pp,
                      2 * pp * plan_.micro_batch * plan_.data_parallel));
  }
  if (plan_.schedule != PipelineSchedule::kInterleaved || plan_.microbatches() % pp == 0) return;
  const std::int64_t round = plan_.micro_batch * plan_.data_parallel * pp;
  const auto fits = [&](std::int64_t v) { return v % round == 0; };
  error("global_batch",
        fmt::format("global_batch {} makes {} micro-batches per replica, but the interleaved schedule needs a multiple "
                    "of pipeline_parallel {}{}",
                    plan_.global_batch, plan_.microbatches(), pp,
                    nearest_legal(plan_.global_batch, plan_.global_batch + round, fits, kIs)));
}

}  // namespace

void check_plan(PlanSpec& plan, const ModelSpec& model, std::int64_t ranks, SpecReader& reader) {
  PlanCheck(plan, model, ranks, reader).run();
}

}  // namespace supernode
