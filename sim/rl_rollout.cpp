#include "sim/rl_rollout.hpp"

#include <algorithm>
#include <cmath>
#include <numeric>

#include "base/numeric.hpp"

namespace supernode {

namespace {

InferenceSite site(const RlInput& input) {
  const SystemSpec& system = input.training.system;
  InferenceSite site{.first = input.first_rollout_chip * system.devices_per_chip,
                     .count = input.rollout_chips * system.devices_per_chip,
                     .placement = Placement(system, input.chips)};
  site.slowdown = slowdown_of(system, site.placement, site.first, site.count);
  return site;
}

constexpr int kRounds = 8;  // of carried-over samples until the pattern repeats; the last half is reported

class RolloutSimulation {
 public:
  RolloutSimulation(const RlInput& input, const Fabric& fabric, CollectiveCostModel& collectives)
      : input_(input),
        spec_(input.spec),
        plan_(input.spec.rollout),
        cost_(input.training.model, plan_, input.training.chip, fabric, collectives, site(input)),
        lengths_(response_lengths(spec_.response, std::llround(std::ceil(spec_.sampled())))) {
    capacity_ = cache_capacity_tokens(input.training.model, plan_, input.training.chip.device_hbm_capacity(),
                                      spec_.prompt_length + mean());
  }

  RolloutPhase run() {
    RolloutPhase phase = spec_.placement.finished_share < 1 ? carried_over() : all_instances(deal(new_samples()));
    phase.report.capacity_tokens = capacity_;
    phase.report.weights = inference_weights(input_.training.model, plan_);
    phase.report.first_step = cost_.decode_step(begun_at_once(), spec_.prompt_length);
    bounds(phase);
    return phase;
  }

 private:
  using Shares = std::vector<std::vector<Sample>>;  // by instance

  double mean() const {
    return std::accumulate(lengths_.begin(), lengths_.end(), 0.0) / static_cast<double>(lengths_.size());
  }
  std::int64_t instances() const { return plan_.data_parallel / plan_.instance_replicas(); }
  double begun_at_once() const {
    const double even = std::ceil(static_cast<double>(lengths_.size()) / real(plan_.data_parallel));
    return std::min({real(plan_.max_batch), even, std::max(1.0, std::floor(capacity_ / spec_.prompt_length))});
  }

  std::vector<Sample> new_samples() const {
    std::vector<Sample> out;
    for (double tokens : lengths_) out.push_back({spec_.prompt_length, tokens, 0});
    return out;
  }

  Shares deal(const std::vector<Sample>& samples) const {
    Shares shares(static_cast<std::size_t>(instances()));
    for (std::size_t i = 0; i < samples.size(); ++i) shares[i % shares.size()].push_back(samples[i]);
    return shares;
  }

  RolloutResult one_instance(std::vector<Sample> samples, double stop_share) {
    RolloutInput in;
    in.samples = std::move(samples);
    in.replicas = plan_.instance_replicas();
    in.max_batch = plan_.max_batch;
    in.cache_tokens = capacity_;
    in.tokens_per_step = plan_.speculative.tokens_per_step();
    in.stop_share = stop_share;
    in.step = [this](double sequences, double context) { return cost_.decode_step(sequences, context); };
    in.prefill = [this](double prompts) { return cost_.prefill(prompts, std::llround(spec_.prompt_length)); };
    return run_rollout(in);
  }

  // The step waits for the slowest instance. `left` gets what is not finished.
  RolloutPhase all_instances(const Shares& shares, double stop_share = 1, std::vector<Sample>* left = nullptr) {
    RolloutPhase phase;
    for (const auto& share : shares) {
      const RolloutResult result = one_instance(share, stop_share);
      phase.report.samples += static_cast<double>(share.size());
      phase.report.finished += result.finished;
      phase.report.preempted += result.preempted;
      if (left) left->insert(left->end(), result.unfinished.begin(), result.unfinished.end());
      if (result.time < phase.time) continue;
      phase.time = result.time;
      phase.report.steps = result.steps;
      phase.report.mean_batch = result.mean_batch;
      phase.report.prefill = result.prefill;
      phase.report.tail = result.tail;
    }
    return phase;
  }

  // So many samples are under way that the wanted number finishes; the rest goes on in the next step. Carried samples
  // go first.
  RolloutPhase carried_over() {
    const double share = spec_.placement.finished_share;
    const auto under_way = static_cast<std::size_t>(std::llround(spec_.sampled() / share));
    std::vector<Sample> pool;
    Seconds sum{};
    RolloutPhase phase;
    for (int round = 0; round < kRounds; ++round) {
      for (std::size_t i = 0; pool.size() < under_way; ++i)
        pool.push_back({spec_.prompt_length, lengths_[i % lengths_.size()], 0});
      std::vector<Sample> left;
      phase = all_instances(deal(pool), share, &left);
      pool = std::move(left);
      if (round >= kRounds / 2) sum += phase.time;
    }
    phase.time = sum / (kRounds - kRounds / 2);
    return phase;
  }

  // A sequence of L tokens is L/2 long on average while it grows, and counts for L steps: mean context E[L²]/2E[L].
  void bounds(RolloutPhase& phase) {
    double squares = 0, longest = 0;
    for (double tokens : lengths_) {
      squares += tokens * tokens;
      longest = std::max(longest, tokens);
    }
    const double count = static_cast<double>(lengths_.size());
    const double context = spec_.prompt_length + squares / count / (2 * mean());
    const double under_way = count * real(std::max<std::int64_t>(1, spec_.placement.staleness));
    const double batch =
        std::max(1.0, std::min({real(plan_.max_batch), under_way / real(plan_.data_parallel), capacity_ / context}));
    const Seconds step = cost_.decode_step(batch, context);
    const double rate = plan_.speculative.tokens_per_step();
    const double on_replica = count / real(plan_.data_parallel);
    phase.least =
        on_replica * mean() / (batch * rate) * step + cost_.prefill(on_replica, std::llround(spec_.prompt_length));
    phase.longest_sample = longest / rate * step;
  }

  const RlInput& input_;
  const RlSpec& spec_;
  const InferencePlan& plan_;
  InferenceCostModel cost_;
  std::vector<double> lengths_;
  double capacity_ = 0;
};

}  // namespace

RolloutPhase simulate_rollout(const RlInput& input, const Fabric& fabric, CollectiveCostModel& collectives) {
  return RolloutSimulation(input, fabric, collectives).run();
}

}  // namespace supernode
