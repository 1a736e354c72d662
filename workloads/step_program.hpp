#pragma once
// What one training step does on each class of ranks: no times, only operations, their order and their streams.
// Ranks of one pipeline stage do the same work (tensor, data and expert peers are symmetric), so a program has one rank
// class per pipeline stage.

#include <array>
#include <cstdint>
#include <string>
#include <vector>

#include "base/collective.hpp"
#include "base/kernel.hpp"
#include "workloads/memory.hpp"
#include "workloads/rank_layout.hpp"

namespace supernode {

enum class ComputeClass { kAttention, kDenseGemm, kExpertGemm, kVector, kPermute, kEmbedding, kLoss, kOptimizer };
enum class CommClass { kTensor, kExpert, kContext, kPipeline, kData, kHost };  // kHost: over the host link
std::string_view to_string(ComputeClass c);
std::string_view to_string(CommClass c);
inline constexpr int kComputeClasses = 8;
inline constexpr int kCommClasses = 6;

// One operation of a pass, issued in order on the rank's compute stream.
struct Op {
  enum class Kind {
    kCompute,    // run `kernel`
    kComm,       // run `call` over `group`; the compute stream waits for it
    kCommAsync,  // launch `call` on the stream of its class; operations of one class run in launch order
    kWait        // wait for the async operation that was launched with `event`: in this pass, in the prologue (the
                 // `first` passes wait so for parameters) or in a `last` pass (the epilogue waits so for gradients)
  };
  Kind kind = Kind::kCompute;
  std::string name;  // "attn.qkv", "moe.dispatch", …
  // kCompute
  Kernel kernel{};
  ComputeClass compute_class = ComputeClass::kVector;
  bool recompute = false;  // work done again in backward; counts for HFU, not for MFU
  // That the host makes for it: none inside a CUDA graph, one an expert where their products are launched apart
  // (workloads/host_launches.hpp).
  std::int64_t launches = 1;
  // kComm, kCommAsync
  CollectiveCall call{};
  CommClass comm_class = CommClass::kTensor;
  GroupKind group = GroupKind::kTensor;
  int event = -1;  // kCommAsync, kWait: unique within the step program
};

// A schedule either runs backward passes whole, or splits them into the gradients of inputs, which the stage before
// waits for, and those of weights, which nobody waits for (zero bubble, arXiv 2401.10241).
enum class PassKind { kForward, kBackward, kBackwardInput, kBackwardWeight };
inline constexpr int kPassKinds = 4;
inline constexpr std::array kAllPassKinds = {PassKind::kForward, PassKind::kBackward, PassKind::kBackwardInput,
                                             PassKind::kBackwardWeight};
std::string_view to_string(PassKind kind);  // "forward", "backward", "backward input", "backward weight"

// The operations of a forward or backward pass of one micro-batch through one chunk of one stage.
struct PassProgram {
  std::vector<Op> ops;
};

struct Slot {
  PassKind kind = PassKind::kForward;
  std::int64_t microbatch = 0;
  std::int64_t chunk = 0;
  // The slot runs at the same time as the next one, sharing the compute stream operation by operation (expert overlap).
  bool with_next = false;
};

// The passes of one chunk by kind. `edge` serves micro-batch 0 forward (it waits for gathered parameters) and the last
// micro-batch of the other kinds (it launches gradient reductions as layers finish); `inner` serves all others.
template <class Pass>
struct PassSet {
  std::array<Pass, kPassKinds> inner_by_kind, edge_by_kind;

  const Pass& inner(PassKind kind) const { return inner_by_kind[static_cast<std::size_t>(kind)]; }
  const Pass& edge(PassKind kind) const { return edge_by_kind[static_cast<std::size_t>(kind)]; }
  Pass& inner(PassKind kind) { return inner_by_kind[static_cast<std::size_t>(kind)]; }
  Pass& edge(PassKind kind) { return edge_by_kind[static_cast<std::size_t>(kind)]; }
  // That of the pass of `microbatch`, the last one being `last`.
  const Pass& of(PassKind kind, std::int64_t microbatch, std::int64_t last) const {
    return microbatch == (kind == PassKind::kForward ? 0 : last) ? edge(kind) : inner(kind);
  }
};

// Applies a function to each pass.
template <class From, class Function>
auto map_passes(const PassSet<From>& set, const Function& function) {
  PassSet<decltype(function(set.inner_by_kind[0]))> out;
  for (PassKind kind : kAllPassKinds) {
    out.inner(kind) = function(set.inner(kind));
    out.edge(kind) = function(set.edge(kind));
  }
  return out;
}

struct StageProgram {
  std::vector<PassSet<PassProgram>> chunks;
  std::vector<Op> prologue;  // before the first pass: parameter gathers
  std::vector<Op> epilogue;  // after the last pass: what is left of the reductions, the optimizer
  std::vector<Slot> order;
  std::vector<std::int64_t> pieces;  // of the model, by chunk (piece_of)
};

// How often each list of operations of a stage runs in a step: passes once a slot, prologue and epilogue once.
struct OpsUse {
  const std::vector<Op>* ops = nullptr;
  std::int64_t times = 0;
};
std::vector<OpsUse> uses_of(const StageProgram& stage, std::int64_t chain_microbatches);

struct StepProgram {
  std::vector<StageProgram> stages;
  std::int64_t microbatches = 0;  // that go through each chain of pieces
  std::int64_t chunks = 1;
  std::int64_t chain_length = 1;  // pieces a micro-batch goes through; PP·VP, or half of it under kDualPipe
  Bytes boundary_bytes{};         // activation (and gradient) sent per micro-batch across a stage boundary, one rank
  bool blocking_sends = false;    // the sender waits for its pipeline sends
  bool one_graph = false;         // all passes are one CUDA graph: the host takes no time between them
  // Per step and rank of each stage, for MFU and bounds. Their sum is what is performed; `stage_flops` leaves out what
  // was computed before: operations marked `recompute`, and the scores that flash attention makes again backward (one
  // of its five products). `stage_optimizer_flops` are matrix products of the update (Muon), of its busiest rank.
  std::vector<Flops> stage_flops, stage_recompute_flops, stage_optimizer_flops;
};

// The program of one step. `plan` must have passed check_plan.
StepProgram build_step_program(const ModelSpec& model, const PlanSpec& plan);

}  // namespace supernode
