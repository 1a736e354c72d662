#pragma once
// A step of reinforcement learning around the training step: what is sampled, scored and learnt from, and where.
// Equations: docs/models/rl.md.

#include <cstdint>
#include <string>

#include "base/spec_reader.hpp"
#include "workloads/inference_spec.hpp"
#include "workloads/response_length.hpp"

namespace supernode {

// PPO (arXiv 1707.06347) learns a critic beside the policy; GRPO (arXiv 2402.03300) takes the mean reward of a prompt's
// samples in its place; DAPO (arXiv 2503.14476) is GRPO without a reference model, and throws away prompts whose
// samples are all right or all wrong.
enum class RlAlgorithm { kPpo, kGrpo, kDapo };
enum class RewardKind { kRule, kModel };
// kColocated: one set of chips takes turns. kDisaggregated: rollout chips beside training chips.
enum class RlPlacement { kColocated, kDisaggregated };
std::string_view to_string(RlAlgorithm algorithm);
std::string_view to_string(RewardKind kind);
std::string_view to_string(RlPlacement placement);

struct RewardSpec {
  RewardKind kind = RewardKind::kRule;
  std::string model;  // of kModel: a name of the model catalogue; its pass is a forward pass over every sample
  Seconds time{};     // of kRule: host time a step that nothing hides
};

// A value model that is trained along (PPO); "" = as large as the policy.
struct CriticSpec {
  std::string model;
};

struct PlacementSpec {
  RlPlacement kind = RlPlacement::kColocated;
  std::int64_t rollout_chips = 0;  // of kDisaggregated; the rest trains
  // Updates that samples may be older than the weights they train. 0: rollout and update wait for one another. 1: the
  // next rollout runs beside the update. More: a rollout does not wait for its slowest samples.
  std::int64_t staleness = 0;
  // The rollout ends when this share of the samples is finished; the others go on in the next step. 1 = wait for all.
  double finished_share = 1;
  bool offload_optimizer = true;  // of kColocated: optimizer states stand in host memory during the rollout
};

struct RlSpec {
  RlAlgorithm algorithm = RlAlgorithm::kGrpo;
  std::int64_t prompts = 0;  // of a step
  std::int64_t samples = 1;  // of each prompt
  double kept = 1;           // share of the sampled prompts that are trained on (DAPO's dynamic sampling)
  double prompt_length = 0;  // mean, tokens
  ResponseLength response;
  InferencePlan rollout;
  bool reference = true;     // a forward pass of the frozen model
  bool old_log_prob = true;  // a forward pass of the policy before its update (needless with one update a step)
  // Samples are joined to sequences of plan.sequence_length; else each takes one whole, padding included.
  bool packing = true;
  double epochs = 1;  // times each sample is trained on
  RewardSpec reward;
  CriticSpec critic;
  PlacementSpec placement;

  double trained_samples() const { return static_cast<double>(prompts * samples); }
  double sampled() const { return trained_samples() / kept; }
};

void bind(RlSpec& spec, SpecReader& reader);

}  // namespace supernode
