#include "workloads/rl_spec.hpp"

#include <array>

namespace supernode {

namespace {

constexpr std::array<Choice<RlAlgorithm>, 3> kAlgorithms = {
    {{"ppo", RlAlgorithm::kPpo}, {"grpo", RlAlgorithm::kGrpo}, {"dapo", RlAlgorithm::kDapo}}};
constexpr std::array<Choice<RewardKind>, 2> kRewards = {{{"rule", RewardKind::kRule}, {"model", RewardKind::kModel}}};
constexpr std::array<Choice<RlPlacement>, 2> kPlacements = {
    {{"colocated", RlPlacement::kColocated}, {"disaggregated", RlPlacement::kDisaggregated}}};

template <class Enum, std::size_t N>
std::string_view name_of(Enum value, const std::array<Choice<Enum>, N>& choices) {
  for (const auto& [name, choice] : choices)
    if (choice == value) return name;
  return "?";
}

void bind(RewardSpec& reward, SpecReader& r) {
  r.choice<RewardKind>({"kind", "a rule on the host, or a model"}, reward.kind, kRewards);
  r.text({"model", "of kind model: a name of the model catalogue"}, reward.model);
  r.quantity({"time", "of kind rule: host time a step that nothing hides"}, reward.time, true);
  if (!r.documenting() && (reward.kind == RewardKind::kModel) == reward.model.empty())
    r.error("model", reward.model.empty() ? "kind model needs one" : "kind rule has none");
}

void bind(PlacementSpec& placement, SpecReader& r) {
  r.choice<RlPlacement>({"kind", "one set of chips in turns, or rollout chips beside training chips"}, placement.kind,
                        kPlacements);
  r.integer({"rollout_chips", "of a disaggregated placement; the rest trains"}, placement.rollout_chips,
            {.min = 1, .max = 1 << 20});
  r.integer({"staleness", "updates that samples may be older than the weights they train; 0 = synchronous"},
            placement.staleness, {.min = 0, .max = 1000});
  r.number({"finished_share", "the rollout ends when so much is finished, the others go on in the next step"},
           placement.finished_share, {.min = 0.01, .max = 1});
  r.boolean({"offload_optimizer", "colocated: optimizer states stand in host memory during the rollout"},
            placement.offload_optimizer);
  if (r.documenting()) return;
  const bool apart = placement.kind == RlPlacement::kDisaggregated;
  if (apart != (placement.rollout_chips > 0))
    r.error("rollout_chips", apart ? "a disaggregated placement needs them" : "a colocated placement has none");
  if (!apart && placement.staleness > 0) r.error("staleness", "chips that take turns are always synchronous");
}

}  // namespace

std::string_view to_string(RlAlgorithm algorithm) { return name_of(algorithm, kAlgorithms); }
std::string_view to_string(RewardKind kind) { return name_of(kind, kRewards); }
std::string_view to_string(RlPlacement placement) { return name_of(placement, kPlacements); }

void bind(RlSpec& spec, SpecReader& r) {
  r.choice<RlAlgorithm>({"algorithm", "ppo has a critic, dapo no reference model"}, spec.algorithm, kAlgorithms);
  spec.reference = spec.algorithm != RlAlgorithm::kDapo;
  r.integer({"prompts", "trained on in a step", kRequired}, spec.prompts, {.min = 1, .max = 1 << 24});
  r.integer({"samples", "of each prompt"}, spec.samples, {.min = 1, .max = 1 << 16});
  r.number({"kept", "share of the sampled prompts that are trained on (dynamic sampling)"}, spec.kept,
           {.min = 0.01, .max = 1});
  r.number({"prompt_length", "tokens of a prompt, mean", kRequired}, spec.prompt_length, {.min = 1, .max = 1e7});
  r.object({"response_length", "tokens of a response", kRequired}, [&](SpecReader& s) { bind(spec.response, s); });
  r.object({"rollout", "how the model is served", kRequired}, [&](SpecReader& s) { bind(spec.rollout, s); });
  r.boolean({"reference", "a forward pass of the frozen model; default: not for dapo"}, spec.reference);
  r.boolean({"old_log_prob", "a forward pass of the policy before its update"}, spec.old_log_prob);
  r.boolean({"packing", "samples are joined to sequences of plan.sequence_length, else each takes one whole"},
            spec.packing);
  r.number({"epochs", "times each sample is trained on"}, spec.epochs, {.min = 0.01, .max = 100});
  r.object({"reward", "how samples are scored"}, [&](SpecReader& s) { bind(spec.reward, s); });
  r.object({"critic", "the value model of ppo; default: as large as the policy"}, [&](SpecReader& s) {
    s.text({"model", "a name of the model catalogue"}, spec.critic.model);
    if (!s.documenting() && spec.algorithm != RlAlgorithm::kPpo) s.error("model", "only ppo has a critic");
  });
  r.object({"placement", "which chips do what, and what waits for what"},
           [&](SpecReader& s) { bind(spec.placement, s); });
}

}  // namespace supernode
