#include "workloads/step_program.hpp"

#include <cassert>
#include <variant>

#include "base/numeric.hpp"
#include "workloads/data_parallel_ops.hpp"
#include "workloads/layer_parameters.hpp"
#include "workloads/layer_program.hpp"
#include "workloads/pipeline_order.hpp"

namespace supernode {

namespace {

// A run of parts whose weights are gathered and reduced as one.
struct Segment {
  LayerParts parts;
  RankWeights weights;
  Recompute recompute = Recompute::kNone;
};
using Segments = std::vector<Segment>;

void append(std::vector<Op>& to, const std::vector<Op>& ops) { to.insert(to.end(), ops.begin(), ops.end()); }

// Builds one stage; asynchronous operations that outlive a pass (gathers, reductions) are matched with their waits.
class StageBuilder {
 public:
  StageBuilder(const RankShape& shape, std::int64_t stage, EventSource& events)
      : shape_(shape), stage_(stage), events_(events) {}

  StageProgram build();

 private:
  Segments segments(std::int64_t chunk);
  void append_head(Segments& result);
  PassProgram forward(std::int64_t chunk, bool first);
  PassProgram backward(std::int64_t chunk, bool last);
  void launch_gathers();
  void finish();

  const RankShape& shape_;
  const std::int64_t stage_;
  EventSource& events_;
  StageProgram program_;
  std::vector<std::vector<std::vector<Op>>> gathers_;  // asynchronous, by chunk and segment; empty when not overlapped
  std::vector<Op> reductions_;                         // asynchronous, in launch order
};

Segments StageBuilder::segments(std::int64_t chunk) {
  const ModelSpec& model = shape_.model;
  const PlanSpec& plan = shape_.plan;
  Segments result;
  if (piece_of(plan, stage_, chunk) == 0) result.push_back({embedding_parts(shape_), embedding_weights(model, plan)});
  const LayerRange range = layers_of(plan, model, stage_, chunk);
  for (std::int64_t layer = range.first; layer < range.last; ++layer) {
    const bool moe = model.is_moe(layer);
    result.push_back({layer_parts(shape_, moe, events_), layer_weights(model, plan, moe), plan.recompute});
  }
  if (piece_of(plan, stage_, chunk) == piece_count(plan) - 1) append_head(result);
  return result;
}

// The head, then each MTP module: its input, a layer, and the head's products again with the head's weights.
void StageBuilder::append_head(Segments& result) {
  const ModelSpec& model = shape_.model;
  const PlanSpec& plan = shape_.plan;
  const bool moe = mtp_is_moe(model);
  result.push_back({head_parts(shape_, events_), head_weights(model, plan)});
  for (std::int64_t module = 0; module < model.mtp_layers; ++module) {
    result.push_back({mtp_input_parts(shape_, events_), mtp_input_weights(model, plan)});
    result.push_back({layer_parts(shape_, moe, events_), layer_weights(model, plan, moe), plan.recompute});
    result.push_back({head_parts(shape_, events_), {}});
  }
}

PassProgram StageBuilder::forward(std::int64_t chunk, bool first) {
  PassProgram pass;
  const Segments all = segments(chunk);
  for (std::size_t i = 0; i < all.size(); ++i) {
    if (first) {
      if (!gathers_.empty()) append(pass.ops, waits_for(gathers_[static_cast<std::size_t>(chunk)][i]));
      append(pass.ops, quantise_ops(shape_, all[i].weights));
    }
    append_forward(all[i].parts, pass.ops);
  }
  return pass;
}

PassProgram StageBuilder::backward(std::int64_t chunk, bool last) {
  PassProgram pass;
  const Segments all = segments(chunk);
  for (auto segment = all.rbegin(); segment != all.rend(); ++segment) {
    append_backward(segment->parts, segment->recompute, pass.ops);
    if (!last && shape_.plan.zero_stage < 2) continue;
    std::vector<Op> reduce = reduce_ops(shape_, segment->weights);
    if (shape_.plan.overlap.grad_reduce) {
      make_async(reduce, events_);
      if (last) append(reductions_, reduce);  // operations of a class end in launch order, so the last ones end last
      append(pass.ops, reduce);
    } else if (shape_.plan.zero_stage == 2) {
      append(pass.ops, reduce);
    }
  }
  return pass;
}

// In the order in which the first forward passes need them.
void StageBuilder::launch_gathers() {
  const bool overlap = shape_.plan.overlap.param_gather;
  for (std::int64_t chunk = 0; chunk < shape_.plan.virtual_stages; ++chunk) {
    std::vector<std::vector<Op>> of_chunk;
    for (const Segment& segment : segments(chunk)) {
      std::vector<Op> gather = gather_ops(shape_, segment.weights);
      if (overlap) make_async(gather, events_);
      append(program_.prologue, gather);
      of_chunk.push_back(std::move(gather));
    }
    if (overlap) gathers_.push_back(std::move(of_chunk));
  }
}

// The end of the step: reductions (waited for, or made now), then the optimizer.
void StageBuilder::finish() {
  for (std::int64_t chunk = shape_.plan.virtual_stages; chunk-- > 0;) {
    for (const Segment& segment : segments(chunk)) {
      const bool reduced_in_passes = shape_.plan.overlap.grad_reduce || shape_.plan.zero_stage == 2;
      if (!reduced_in_passes) append(program_.epilogue, reduce_ops(shape_, segment.weights));
    }
  }
  append(program_.epilogue, waits_for(reductions_));
  append(program_.epilogue, optimizer_ops(shape_, stage_weights(shape_.model, shape_.plan, stage_), stage_));
}

StageProgram StageBuilder::build() {
  launch_gathers();
  for (std::int64_t chunk = 0; chunk < shape_.plan.virtual_stages; ++chunk) {
    program_.forward.push_back(forward(chunk, false));
    program_.forward_first.push_back(forward(chunk, true));
    program_.backward.push_back(backward(chunk, false));
    program_.backward_last.push_back(backward(chunk, true));
  }
  for (std::int64_t chunk = 0; chunk < shape_.plan.virtual_stages; ++chunk) {
    program_.pieces.push_back(piece_of(shape_.plan, stage_, chunk));
  }
  finish();
  return std::move(program_);
}

struct FlopCount {
  Flops useful{}, recomputed{};
};

// Flash attention keeps no scores: of the five products of its backward pass one makes them again.
void count(const std::vector<Op>& ops, double times, FlopCount& total) {
  for (const Op& op : ops) {
    if (op.kind != Op::Kind::kCompute) continue;
    const Flops all = times * flops(op.kernel);
    const auto* attention = std::get_if<AttentionKernel>(&op.kernel);
    const double again = op.recompute ? 1.0 : attention && attention->backward ? 1.0 / 5.0 : 0.0;
    total.recomputed += again * all;
    total.useful += (1.0 - again) * all;
  }
}

FlopCount count_stage(const StageProgram& stage, std::int64_t microbatches) {
  FlopCount total;
  const double middle = real(microbatches - 1);
  for (std::size_t chunk = 0; chunk < stage.forward.size(); ++chunk) {
    count(stage.forward_first[chunk].ops, 1, total);
    count(stage.forward[chunk].ops, middle, total);
    count(stage.backward[chunk].ops, middle, total);
    count(stage.backward_last[chunk].ops, 1, total);
  }
  count(stage.prologue, 1, total);
  count(stage.epilogue, 1, total);
  return total;
}

}  // namespace

std::string_view to_string(ComputeClass c) {
  switch (c) {
    case ComputeClass::kAttention:
      return "attention";
    case ComputeClass::kDenseGemm:
      return "dense_gemm";
    case ComputeClass::kExpertGemm:
      return "expert_gemm";
    case ComputeClass::kVector:
      return "vector";
    case ComputeClass::kPermute:
      return "permute";
    case ComputeClass::kEmbedding:
      return "embedding";
    case ComputeClass::kLoss:
      return "loss";
    case ComputeClass::kOptimizer:
      return "optimizer";
  }
  return "?";
}

std::string_view to_string(CommClass c) {
  switch (c) {
    case CommClass::kTensor:
      return "tensor";
    case CommClass::kExpert:
      return "expert";
    case CommClass::kContext:
      return "context";
    case CommClass::kPipeline:
      return "pipeline";
    case CommClass::kData:
      return "data";
  }
  return "?";
}

StepProgram build_step_program(const ModelSpec& model, const PlanSpec& plan) {
  assert(plan.data_parallel > 0 && plan.microbatches() > 0);
  const RankShape shape(model, plan);
  EventSource events;
  StepProgram program;
  program.microbatches = plan.microbatches();
  program.chunks = plan.virtual_stages;
  program.boundary_bytes = real(shape.local_tokens) * real(model.hidden) * shape.element;
  program.blocking_sends = !plan.overlap.pipeline;
  std::vector<std::vector<Slot>> orders = pipeline_order(plan);
  assert(!check_order(orders, plan));
  for (std::int64_t stage = 0; stage < plan.pipeline_parallel; ++stage) {
    program.stages.push_back(StageBuilder(shape, stage, events).build());
    program.stages.back().order = std::move(orders[static_cast<std::size_t>(stage)]);
    const FlopCount total = count_stage(program.stages.back(), program.microbatches);
    program.stage_flops.push_back(total.useful);
    program.stage_recompute_flops.push_back(total.recomputed);
  }
  return program;
}

}  // namespace supernode
