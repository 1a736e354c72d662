#pragma once
// The three sections of an imported run, each in its own source (scenarios/import_system, _model, _plan). They write
// into one builder and say what they assumed.

#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "scenarios/import_defaults.hpp"
#include "scenarios/import_run.hpp"
#include "workloads/model_spec.hpp"

namespace supernode {

struct RunImport {
  const PublishedRun& run;
  const StackDefaults& stack;
  std::string name;  // the model's, lower case
  RunKind kind = RunKind::kPretrain;
  YamlBuilder yaml = {};
  std::vector<std::string> assumptions = {}, warnings = {};
  std::string problem = "";

  std::int64_t ranks = 0;   // that train
  std::string system = "";  // set by import_system: the catalogue's name

  // Set by import_model for import_plan.
  std::int64_t layers = 0;                     // without no-op layers
  std::vector<std::int64_t> noop_layers = {};  // positions in the source's numbering that compute nothing
  std::int64_t mtp_layers = 0;
  std::int64_t experts = 0;
  bool gated = true;

  void assume(std::string text) { assumptions.push_back(std::move(text)); }
  // A degree of parallelism; 1 where the row leaves it out.
  std::int64_t tensor() const { return std::max<std::int64_t>(1, run.tensor); }
  std::int64_t pipeline() const { return std::max<std::int64_t>(1, run.pipeline); }
  std::int64_t context() const { return std::max<std::int64_t>(1, run.context); }
  std::int64_t data() const { return ranks / (tensor() * pipeline() * context()); }
};

void import_system(RunImport& import);
void import_model(RunImport& import);
void import_plan(RunImport& import);
// Of a run whose row says nothing of recomputation: the cheapest with which it fits. import_remedy.cpp
void import_remedy(RunImport& import);

// Parts of the plan with a file of their own.
void import_precision(RunImport& import);                 // import_precision.cpp
void import_phrases(RunImport& import);                   // import_phrases.cpp: overlap_notes, sharding, recompute
void import_fusion(RunImport& import);                    // import_fusion.cpp: fused kernels, dispatcher of tokens
void import_stages(RunImport& import);                    // import_stages.cpp: layers over pipeline stages
void import_nvidia(RunImport& import);                    // import_nvidia.cpp: what Nvidia's recipes set
void import_slow_host(RunImport& import);                 // import_slow_host.cpp
void import_rl(RunImport& import);                        // import_rl.cpp
std::int64_t rl_training_ranks(const PublishedRun& run);  // all, or those beside the rollout's
std::int64_t rl_update_sequences(const RunImport& import, std::int64_t round);  // a multiple of `round`
// Text of `overlap_notes` → plan.routing.dispatcher; the last that occurs wins.
const std::vector<std::pair<std::string_view, std::string_view>>& dispatcher_phrases();
// Layers on each of `stages` as nanotron lays them out; see import_stages.cpp.
std::vector<std::int64_t> nanotron_stage_layers(std::int64_t layers, std::int64_t stages, double layer_cost,
                                                double head_cost, bool fills);

}  // namespace supernode
