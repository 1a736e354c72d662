#pragma once
// How a model is served: the layout of its replicas over ranks, number formats, batching, speculation, and what the
// serving software adds to the device's work. Equations: docs/models/rl.md.
//
// A replica of the attention stands on TP ranks; an instance is the ranks that share one copy of the routed experts:
// the larger of TP and EP. Ranks of an instance stand side by side; the replicas of an instance run in step, because
// every layer's expert exchange joins them.

#include <cstdint>
#include <string>
#include <vector>

#include "base/precision.hpp"
#include "base/spec_reader.hpp"
#include "workloads/model_spec.hpp"

namespace supernode {

// Draft tokens a step proposes beyond the sure one, each by one more forward pass through a draft of one layer (an MTP
// module). Draft i counts only if all before it did (arXiv 2211.17192): a step yields 1 + a + a² + … + a^tokens.
struct SpeculativeSpec {
  std::int64_t tokens = 0;
  double acceptance = 0.7;
  double tokens_per_step() const;
};

// What the serving software costs, one set of values a software stack (inference_software.cpp has the known ones).
struct InferenceSoftware {
  std::string name = "none";
  // Device time of a step over the sum of its kernels and exchanges: gaps between them.
  Sourced<double> step_factor{1, "no gaps", Confidence::kAssumed};
  // Host work of each step that the device waits for: scheduling, preparing inputs, sampling, agreeing between
  // replicas.
  Sourced<Seconds> host_step{Seconds(0), "no host work", Confidence::kAssumed};
  // Host time to launch one kernel. A captured graph needs none; otherwise no kernel starts sooner than this after the
  // one before.
  Sourced<Seconds> host_launch{Seconds(0), "a captured graph", Confidence::kAssumed};
  // Rate at which a rank takes over new weights beyond what the fabric allows: renaming, slicing, copying parameter by
  // parameter. Zero = the fabric alone.
  Sourced<BytesPerSecond> weight_load{BytesPerSecond(0), "the fabric alone", Confidence::kAssumed};
};
// Names in inference_software.cpp, "none" first.
std::vector<std::string> software_names();
// The stack of that name; asserts that it exists.
InferenceSoftware software_named(const std::string& name);

struct InferencePlan {
  std::int64_t tensor_parallel = 1;
  std::int64_t expert_parallel = 1;
  std::int64_t data_parallel = 0;         // replicas in all; 0 = as many as the ranks hold
  Precision weight = Precision::kBf16;    // of the layers' matrices, and of their products
  Precision cache = Precision::kBf16;     // of keys and values
  Precision dispatch = Precision::kBf16;  // of the expert dispatch payload
  double imbalance = 1;                   // tokens of the busiest expert rank over the mean
  std::int64_t max_batch = 256;           // sequences a replica decodes at once, at most
  std::int64_t prefill_tokens = 8192;     // a replica processes so many prompt tokens at once, at most
  // Batches a graph was captured for: a step runs as the next larger one. Empty: each step runs as it is.
  std::vector<std::int64_t> graph_batches;
  double memory_share = 0.9;       // of the device memory that serving may take
  Bytes reserve{2.0 * (1 << 30)};  // of that: activations, communication buffers, captured graphs
  bool micro_batches = false;      // a step runs as two halves, one's exchanges under the other's computation
  SpeculativeSpec speculative;
  InferenceSoftware software;

  std::int64_t instance_ranks() const { return tensor_parallel > expert_parallel ? tensor_parallel : expert_parallel; }
  std::int64_t instance_replicas() const { return instance_ranks() / tensor_parallel; }
};

void bind(InferencePlan& plan, SpecReader& reader);

// Reports what cannot be: TP·DP other than `ranks`, EP that does not divide them or the experts, heads not divisible.
// Fills data_parallel.
void check_inference_plan(InferencePlan& plan, const ModelSpec& model, std::int64_t ranks, SpecReader& reader);

// Weights that one rank holds.
Bytes inference_weights(const ModelSpec& model, const InferencePlan& plan);

// Tokens whose keys and values a replica can hold, sequences being about `tokens` long; 0 when the weights do not fit.
double cache_capacity_tokens(const ModelSpec& model, const InferencePlan& plan, Bytes device_memory, double tokens);

}  // namespace supernode
