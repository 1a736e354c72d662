#include "sim/rl_step.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <cmath>
#include <numeric>

#include "base/numeric.hpp"
#include "sim/placement.hpp"
#include "sim/rl_forward.hpp"
#include "sim/rl_rollout.hpp"

namespace supernode {

namespace {

// Most ranks among which the exchange of weights is simulated: it is even, so that more change only who is far away.
constexpr std::int64_t kMostReshardRanks = 256;

double mean_of(const ResponseLength& response, double samples) {
  const std::vector<double> lengths = response_lengths(response, std::llround(std::ceil(samples)));
  return std::accumulate(lengths.begin(), lengths.end(), 0.0) / static_cast<double>(lengths.size());
}

class RlStep {
 public:
  RlStep(const RlInput& input, const SimulationResult& update, int workers)
      : in_(input),
        spec_(input.spec),
        update_(update),
        workers_(workers),
        fabric_(build_fabric(input.training.system, input.chips)),
        placement_(input.training.system, input.chips),
        collectives_(fabric_, input.training.protocol) {}

  RlResult run() {
    count();
    rollout();
    scoring();
    learning();
    moving();
    finish();
    return std::move(out_);
  }

 private:
  bool colocated() const { return spec_.placement.kind == RlPlacement::kColocated; }
  const PlanSpec& plan() const { return in_.training.plan; }

  void add(std::string name, Seconds time, double tokens, bool on_rollout_chips = false) {
    out_.phases.push_back({std::move(name), time, tokens, on_rollout_chips});
  }

  void count() {
    out_.samples = spec_.trained_samples();
    response_ = mean_of(spec_.response, spec_.sampled());
    out_.tokens = out_.samples * (spec_.prompt_length + response_);
    const double sequences = spec_.packing ? out_.tokens / real(plan().sequence_length) : out_.samples;
    passes_ = sequences / real(plan().global_batch);
    out_.training_steps = spec_.epochs * passes_;
  }

  void rollout() {
    phase_ = simulate_rollout(in_, fabric_, collectives_);
    out_.rollout = phase_.report;
    add("rollout", phase_.time, spec_.sampled() * (spec_.prompt_length + response_), true);
  }

  // One forward pass over the samples trained on.
  Seconds forward() {
    if (forward_.value() == 0) forward_ = passes_ * simulate_forward(in_.training, workers_);
    return forward_;
  }

  // Another model's pass in the policy's layout: in proportion to its FLOPs.
  double relative_work(const std::optional<ModelSpec>& model) const {
    if (!model) return 1;
    const std::int64_t seq = plan().sequence_length;
    return model_flops_per_token(*model, seq, true, plan().document_length) /
           model_flops_per_token(in_.training.model, seq, true, plan().document_length);
  }

  void scoring() {
    if (spec_.reward.kind == RewardKind::kModel)
      add("reward", forward() * (relative_work(in_.reward_model) / spec_.kept), out_.tokens / spec_.kept);
    else
      add("reward", spec_.reward.time, out_.tokens / spec_.kept);
    if (spec_.old_log_prob) add("old_log_prob", forward(), out_.tokens);
    if (spec_.reference) add("reference", forward(), out_.tokens);
    if (spec_.algorithm == RlAlgorithm::kPpo)
      add("critic_values", forward() * relative_work(in_.critic_model), out_.tokens);
  }

  void learning() {
    const Seconds update = out_.training_steps * update_.step.step_time;
    add("update", update, out_.tokens * spec_.epochs);
    if (spec_.algorithm == RlAlgorithm::kPpo)
      add("critic_update", update * relative_work(in_.critic_model), out_.tokens * spec_.epochs);
  }

  // Every rollout rank gets its weights from the training ranks, evenly: an all-to-all of what the fuller side moves.
  Seconds reshard_time() {
    const std::int64_t per_chip = in_.training.system.devices_per_chip;
    const Bytes own = out_.rollout.weights;
    const double rollout_ranks = real(in_.rollout_chips * per_chip), training_ranks = real(plan().ranks());
    const Bytes moved = max(own, own * (rollout_ranks / training_ranks));
    const std::int64_t ranks = std::min(kMostReshardRanks, in_.chips * per_chip);
    std::vector<DeviceId> members;
    for (std::int64_t i = 0; i < ranks; ++i) {  // half on either side of the border between the two sets of chips
      const std::int64_t border = colocated() ? ranks / 2 : in_.first_rollout_chip * per_chip;
      const std::int64_t first = std::clamp<std::int64_t>(border - ranks / 2, 0, in_.chips * per_chip - ranks);
      members.push_back(placement_.device(first + i));
    }
    const Seconds fabric = collectives_.cost({CollectiveOp::kAllToAll, moved, {}}, members).time;
    const BytesPerSecond software = spec_.rollout.software.weight_load.value;
    return software.value() > 0 ? max(fabric, own / software) : fabric;
  }

  // Colocated: the rollout needs the room of the optimizer states; the frozen model's weights come and go with its
  // pass.
  Seconds offload_time() const {
    if (!colocated()) return {};
    Bytes moved{};
    for (const StageMemory& stage : estimate_stages(in_.training.model, plan())) {
      Bytes own{};
      if (spec_.placement.offload_optimizer) own += 2 * stage.optimizer;
      if (spec_.reference) own += 2 * stage.weights;
      moved = max(moved, own);
    }
    return moved / (in_.training.system.host_bandwidth.value / real(in_.training.system.devices_per_chip));
  }

  void moving() {
    const Seconds reshard = reshard_time();
    add("reshard", reshard, 0, colocated());
    if (!colocated()) add("reshard_rollout", reshard, 0, true);
    if (colocated()) add("offload", offload_time(), 0);
  }

  void finish() {
    for (const RlPhase& phase : out_.phases)
      (phase.on_rollout_chips ? out_.rollout_time : out_.training_time) += phase.time;
    const Seconds moving = out_.rollout_time - phase_.time;
    if (colocated()) {
      out_.step_time = out_.rollout_time + out_.training_time;
    } else {
      const PlacementSpec& placement = spec_.placement;
      out_.step_time =
          combined_step(placement, out_.rollout_time, out_.training_time, phase_.least + moving, phase_.longest_sample);
      // Both sets of chips take part in one move of the weights.
      if (placement.staleness == 0) out_.step_time -= moving;
    }
  }

  const RlInput& in_;
  const RlSpec& spec_;
  const SimulationResult& update_;
  const int workers_;
  const Fabric fabric_;
  const Placement placement_;
  CollectiveCostModel collectives_;
  RolloutPhase phase_;
  RlResult out_;
  double response_ = 0;  // mean length
  double passes_ = 0;    // of the plan's batch, over all samples once
  Seconds forward_{};
};

}  // namespace

std::optional<std::string> rollout_problem(const RlInput& input) {
  const RlSpec& spec = input.spec;
  const Bytes memory = input.training.chip.device_hbm_capacity();
  const std::vector<double> lengths = response_lengths(spec.response, std::llround(std::ceil(spec.sampled())));
  const double longest = spec.prompt_length + *std::max_element(lengths.begin(), lengths.end());
  const double room = cache_capacity_tokens(input.training.model, spec.rollout, memory, longest);
  if (room >= longest) return std::nullopt;
  const double gib = 1 << 30;
  const Bytes weights = inference_weights(input.training.model, spec.rollout);
  return fmt::format(
      "rollout: {:.1f} GiB of weights leave room for {:.0f} tokens of keys and values a replica in {:.0f} % of {:.1f} "
      "GiB; the longest sample has {:.0f}; more tensor_parallel or expert_parallel would help",
      weights.value() / gib, room, spec.rollout.memory_share * 100, memory.value() / gib, longest);
}

Seconds combined_step(const PlacementSpec& placement, Seconds rollout, Seconds training, Seconds least_rollout,
                      Seconds longest_sample) {
  if (placement.staleness == 0) return rollout + training;
  if (placement.staleness == 1) return max(rollout, training);
  const Seconds waiting = longest_sample / real(placement.staleness);
  return max(training, min(rollout, max(least_rollout, waiting)));
}

RlResult simulate_rl(const RlInput& input, const SimulationResult& update, int workers) {
  return RlStep(input, update, workers).run();
}

}  // namespace supernode
