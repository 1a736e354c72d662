// The reinforcement-learning step around a published training run: what is sampled, how it is served, where.
//
// The columns of such a row describe the policy update; overlap_notes names algorithm, freshness and the serving layout
// ("RL (GRPO, 1-step Off): vLLM generation TP8 PP1; …; train GBS 512") and the notes the lengths ("RL lengths: max
// 8192, avg 5698"). global_batch_seqs counts the samples of a step.

#include <fmt/format.h>

#include <algorithm>
#include <cmath>

#include "scenarios/import_parts.hpp"
#include "scenarios/import_text.hpp"

namespace supernode {

namespace {

constexpr std::int64_t kSamples = 32;  // NeMo-RL's GRPO recipes: generations of a prompt
constexpr double kPromptTokens = 150;  // a mathematics problem with its instructions

// Updates that samples may be older than the weights: "1-step Off", "8-step Off".
std::int64_t staleness(const PublishedRun& run) {
  return static_cast<std::int64_t>(number_before(run.overlap, "-step Off").value_or(0));
}

}  // namespace

std::int64_t rl_training_ranks(const PublishedRun& run) { return staleness(run) > 0 ? run.ranks / 2 : run.ranks; }

void import_rl(RunImport& import) {
  const PublishedRun& run = import.run;
  const auto serving = number_after(run.overlap, "generation TP"), mean = number_after(run.notes, ", avg ");
  if (!serving || !mean || run.global_batch < kSamples) {
    import.warnings.push_back("the row gives no serving layout or no lengths: the scenario is the policy update alone");
    return;
  }
  YamlBuilder& yaml = import.yaml;
  const std::string overlap = lower_case(run.overlap);
  const auto tensor = static_cast<std::int64_t>(*serving);
  yaml.set_word("rl.algorithm", contains(overlap, "dapo") ? "dapo" : contains(overlap, "ppo") ? "ppo" : "grpo");
  yaml.set("rl.prompts", run.global_batch / kSamples);
  yaml.set("rl.samples", kSamples);
  yaml.set_number("rl.prompt_length", kPromptTokens);
  yaml.set_number("rl.response_length.mean", std::max(1.0, *mean - kPromptTokens));
  yaml.set_number("rl.response_length.max", number_after(run.notes, "lengths: max ").value_or(0));
  yaml.set("rl.rollout.tensor_parallel", tensor);
  if (import.experts > 0) yaml.set("rl.rollout.expert_parallel", tensor);
  yaml.set_word("rl.rollout.software.stack", "vllm");
  import.assume(fmt::format("{} samples of each prompt, prompts of {} tokens", kSamples, kPromptTokens));
  const std::int64_t old = staleness(run);
  yaml.set_word("rl.placement.kind", old > 0 ? "disaggregated" : "colocated");
  if (old == 0) return;
  yaml.set("rl.placement.staleness", old);
  yaml.set("rl.placement.rollout_chips",
           (run.ranks - import.ranks) * yaml.integer("system.chips", run.ranks) / run.ranks);
  import.assume("half of the chips generate, half train: the row gives no division");
}

// Sequences of one update: samples joined to sequences of the full length.
std::int64_t rl_update_sequences(const RunImport& import, std::int64_t round) {
  const PublishedRun& run = import.run;
  const double samples = number_after(run.overlap, "train GBS ").value_or(static_cast<double>(run.global_batch));
  const double mean = number_after(run.notes, ", avg ").value_or(static_cast<double>(run.sequence));
  const double sequences = samples * mean / static_cast<double>(run.sequence);
  return std::max<std::int64_t>(1, std::llround(sequences / static_cast<double>(round))) * round;
}

}  // namespace supernode
