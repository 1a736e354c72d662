#include "workloads/plan_spec.hpp"

#include <array>

namespace supernode {

namespace {

constexpr std::array<Choice<PipelineSchedule>, 3> kSchedules = {{
    {"1f1b", PipelineSchedule::kOneForwardOneBackward},
    {"interleaved", PipelineSchedule::kInterleaved},
    {"dualpipev", PipelineSchedule::kDualPipeV},
}};

constexpr std::array<Choice<Recompute>, 3> kRecomputes = {{
    {"none", Recompute::kNone},
    {"selective", Recompute::kSelective},
    {"full", Recompute::kFull},
}};

template <class Enum, std::size_t N>
std::string_view name_of(Enum value, const std::array<Choice<Enum>, N>& choices) {
  for (const auto& [name, choice] : choices) {
    if (choice == value) return name;
  }
  return "?";
}

void read_precision(SpecReader& r, Field field, Precision& out, std::initializer_list<Precision> allowed) {
  std::vector<Choice<Precision>> choices;
  for (Precision p : allowed) choices.emplace_back(to_string(p), p);
  r.choice<Precision>(field, out, choices);
}

void bind_precision(PlanSpec& plan, SpecReader& r) {
  using enum Precision;
  read_precision(r, {"compute", "operands of the layers' matrix products"}, plan.compute,
                 {kFp32, kTf32, kBf16, kFp16, kInt8, kFp8, kFp8Block, kMxfp8, kFp4});
  read_precision(r, {"gradient", "the gradient buffer that micro-batches accumulate into"}, plan.gradient,
                 {kFp32, kBf16, kFp16});
  read_precision(r, {"reduce", "data-parallel gradient reduction on the wire"}, plan.reduce, {kFp32, kBf16, kFp16});
  read_precision(r, {"dispatch", "payload of the expert dispatch; the combine stays bf16"}, plan.dispatch,
                 {kBf16, kFp16, kInt8, kFp8, kFp8Block, kMxfp8, kFp4});
  read_precision(r, {"activation", "inputs of activation functions as kept for the backward pass"}, plan.activation,
                 {kFp32, kBf16, kFp16, kFp8, kFp8Block, kMxfp8});
}

void bind_overlap(OverlapSpec& overlap, SpecReader& r) {
  r.boolean({"grad_reduce", "reduce gradients under the last backward passes"}, overlap.grad_reduce);
  r.boolean({"param_gather", "gather ZeRO-1 parameters under the first forward passes"}, overlap.param_gather);
  r.boolean({"tensor", "run tensor-parallel collectives in chunks under their matrix products"}, overlap.tensor);
  r.boolean({"expert", "run the expert exchange of one micro-batch under the computation of another"}, overlap.expert);
  r.boolean({"pipeline", "sends between stages do not block the sender"}, overlap.pipeline);
}

// Far above any machine, far below overflow: TP x PP x DP of the largest values is 2^60.
constexpr std::int64_t kMostRanks = 1 << 20;
constexpr IntegerRange kDegree = {.min = 1, .max = kMostRanks};

void bind_parallelism(PlanSpec& plan, SpecReader& r) {
  r.integer({"tensor_parallel", "ranks that share each layer's matrices"}, plan.tensor_parallel, kDegree);
  r.boolean({"sequence_parallel", "shard the sequence between matrix products; without effect at tensor_parallel 1"},
            plan.sequence_parallel);
  r.integer({"pipeline_parallel", "stages the layers are spread over"}, plan.pipeline_parallel, kDegree);
  r.integer({"virtual_stages", "model chunks per stage; more than 1 interleaves the schedule"}, plan.virtual_stages,
            {.min = 1, .max = 1024});
  if (plan.virtual_stages > 1) plan.schedule = PipelineSchedule::kInterleaved;
  r.choice<PipelineSchedule>({"schedule", "order of the passes; interleaved when virtual_stages is above 1"},
                             plan.schedule, kSchedules);
  if (plan.schedule == PipelineSchedule::kDualPipeV && !r.has("virtual_stages")) plan.virtual_stages = 2;
  r.integer({"expert_parallel", "ranks the routed experts are spread over, inside tensor x data parallelism"},
            plan.expert_parallel, kDegree);
  r.integer({"data_parallel", "replicas of the model; 0 takes what the ranks leave"}, plan.data_parallel,
            {.min = 0, .max = kMostRanks});
  r.integer(
      {"zero_stage",
       "0 replicates the optimizer, 1 shards it over the replicas, 2 shards gradients too and reduces them after every "
       "micro-batch"},
      plan.zero_stage, {.min = 0, .max = 2});
}

}  // namespace

std::string_view to_string(PipelineSchedule schedule) { return name_of(schedule, kSchedules); }
std::string_view to_string(Recompute recompute) { return name_of(recompute, kRecomputes); }

void bind(PlanSpec& plan, SpecReader& r) {
  bind_parallelism(plan, r);
  r.boolean({"balance_embedding",
             "count embedding, head and MTP modules as one layer each when splitting layers over stages"},
            plan.balance_embedding);
  r.boolean({"uneven_stages", "allow stages whose numbers of layers differ by one"}, plan.uneven_stages);
  r.choice<Recompute>({"recompute", "activations computed again in the backward pass"}, plan.recompute, kRecomputes);
  r.integer({"micro_batch", "sequences of one micro-batch"}, plan.micro_batch, {.min = 1, .max = 1 << 20});
  r.integer({"global_batch", "sequences of one step over all replicas", kRequired}, plan.global_batch,
            {.min = 1, .max = 1 << 24});
  r.integer({"sequence_length", "tokens of a sequence", kRequired}, plan.sequence_length, {.min = 1, .max = 1 << 27});
  r.object({"precision", "number formats"}, [&](SpecReader& inner) { bind_precision(plan, inner); });
  r.object({"overlap", "communication that runs under computation"},
           [&](SpecReader& inner) { bind_overlap(plan.overlap, inner); });
}

}  // namespace supernode
