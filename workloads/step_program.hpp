#pragma once
// What one training step does on each class of ranks: no times, only operations, their order and their streams.
// Ranks of one pipeline stage do the same work (tensor, data and expert peers are symmetric), so a program has one rank
// class per pipeline stage.

#include <cstdint>
#include <string>
#include <vector>

#include "base/collective.hpp"
#include "base/kernel.hpp"
#include "workloads/memory.hpp"
#include "workloads/plan_spec.hpp"

namespace supernode {

enum class ComputeClass { kAttention, kDenseGemm, kExpertGemm, kVector, kPermute, kEmbedding, kLoss, kOptimizer };
enum class CommClass { kTensor, kExpert, kContext, kPipeline, kData };
std::string_view to_string(ComputeClass c);
std::string_view to_string(CommClass c);
inline constexpr int kComputeClasses = 8;
inline constexpr int kCommClasses = 5;

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
  // kComm, kCommAsync
  CollectiveCall call{};
  CommClass comm_class = CommClass::kTensor;
  GroupKind group = GroupKind::kTensor;
  int event = -1;  // kCommAsync, kWait: unique within the step program
};

enum class PassKind { kForward, kBackward };

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

struct StageProgram {
  // Indexed by chunk. `first` variants serve micro-batch 0 (they wait for gathered parameters), `last` variants the
  // last micro-batch (they launch gradient reductions as layers finish).
  std::vector<PassProgram> forward, forward_first, backward, backward_last;
  std::vector<Op> prologue;  // before the first pass: parameter gathers
  std::vector<Op> epilogue;  // after the last pass: what is left of the reductions, the optimizer
  std::vector<Slot> order;
  std::vector<std::int64_t> pieces;  // of the model, by chunk (piece_of)
};

struct StepProgram {
  std::vector<StageProgram> stages;
  std::int64_t microbatches = 0;
  std::int64_t chunks = 1;
  Bytes boundary_bytes{};       // activation (and gradient) sent per micro-batch across a stage boundary, one rank
  bool blocking_sends = false;  // the sender waits for its pipeline sends
  // Per step and rank of each stage, for MFU and bounds. Their sum is what is performed; `stage_flops` leaves out what
  // was computed before: operations marked `recompute`, and the scores that flash attention makes again backward (one
  // of its five products).
  std::vector<Flops> stage_flops, stage_recompute_flops;
};

// The program of one step. `plan` must have passed check_plan.
StepProgram build_step_program(const ModelSpec& model, const PlanSpec& plan);

// The order of passes on each stage. Exposed for tests: 1F1B and interleaved 1F1B (arXiv 2104.04473, section 2.2).
std::vector<std::vector<Slot>> pipeline_order(const PlanSpec& plan);

}  // namespace supernode
