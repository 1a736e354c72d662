#include "workloads/step_program.hpp"

#include <cassert>
#include <map>
#include <variant>

#include "base/numeric.hpp"
#include "workloads/host_launches.hpp"
#include "workloads/slow_host.hpp"
#include "workloads/pipeline_order.hpp"
#include "workloads/stage_builder.hpp"

namespace supernode {

namespace {

struct FlopCount {
  Flops useful{}, recomputed{}, optimizer{};
};

// Flash attention keeps no scores: of the five products of its backward pass one makes them again.
void count(const std::vector<Op>& ops, double times, FlopCount& total) {
  for (const Op& op : ops) {
    if (op.kind != Op::Kind::kCompute) continue;
    const Flops all = times * flops(op.kernel);
    if (op.compute_class == ComputeClass::kOptimizer) {
      total.optimizer += all;
      continue;
    }
    const auto* attention = std::get_if<AttentionKernel>(&op.kernel);
    const double again = op.recompute ? 1.0 : attention && attention->backward ? 1.0 / 5.0 : 0.0;
    total.recomputed += again * all;
    total.useful += (1.0 - again) * all;
  }
}

FlopCount count_stage(const StageProgram& stage, std::int64_t microbatches) {
  FlopCount total;
  for (const OpsUse& use : uses_of(stage, microbatches)) count(*use.ops, real(use.times), total);
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
    case CommClass::kHost:
      return "host";
  }
  return "?";
}

std::string_view to_string(PassKind kind) {
  switch (kind) {
    case PassKind::kForward:
      return "forward";
    case PassKind::kBackward:
      return "backward";
    case PassKind::kBackwardInput:
      return "backward input";
    case PassKind::kBackwardWeight:
      return "backward weight";
  }
  return "?";
}

std::vector<OpsUse> uses_of(const StageProgram& stage, std::int64_t chain_microbatches) {
  std::map<const std::vector<Op>*, std::int64_t> times;
  for (const Slot& slot : stage.order) {
    const auto& passes = stage.chunks[static_cast<std::size_t>(slot.chunk)];
    ++times[&passes.of(slot.kind, slot.microbatch, chain_microbatches - 1).ops];
  }
  std::vector<OpsUse> uses{{&stage.prologue, 1}, {&stage.epilogue, 1}};
  for (const auto& passes : stage.chunks) {
    for (PassKind kind : kAllPassKinds) {
      for (const PassProgram* pass : {&passes.inner(kind), &passes.edge(kind)}) {
        if (const auto found = times.find(&pass->ops); found != times.end())
          uses.push_back({&pass->ops, found->second});
      }
    }
  }
  return uses;
}

StepProgram build_step_program(const ModelSpec& model, const PlanSpec& plan) {
  assert(plan.data_parallel > 0 && plan.microbatches() > 0);
  const RankShape shape(model, plan);
  EventSource events;
  StepProgram program;
  program.microbatches = chain_microbatches(plan);
  program.chunks = plan.virtual_stages;
  program.chain_length = chain_length(plan);
  program.boundary_bytes = real(shape.local_tokens) * real(model.hidden) * real(model.residual_streams) * shape.element;
  program.blocking_sends = !plan.overlap.pipeline;
  std::vector<std::vector<Slot>> orders = pipeline_order(plan);
  assert(!check_order(orders, plan));
  for (std::int64_t stage = 0; stage < plan.pipeline_parallel; ++stage) {
    auto& order = orders[static_cast<std::size_t>(stage)];
    program.stages.push_back(build_stage(shape, stage, std::move(order), events));
    const FlopCount total = count_stage(program.stages.back(), program.microbatches);
    program.stage_flops.push_back(total.useful);
    program.stage_recompute_flops.push_back(total.recomputed);
    program.stage_optimizer_flops.push_back(total.optimizer);
  }
  count_launches(program, plan);
  add_slow_host(program, plan);
  return program;
}

}  // namespace supernode
