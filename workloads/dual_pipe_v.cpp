// DualPipeV: DeepSeek's bidirectional schedule (DeepSeek-V3, arXiv 2412.19437, section 3.2.1) folded into a V, so that
// a stage holds one copy of two pieces of the model (deepseek-ai/DualPipe, dualpipev; "cut-in-half", Sea AI Lab). A
// micro-batch goes down the V through the chunks 0 and comes back up through the chunks 1; in the steady state each
// forward pass of one arm runs beside a backward pass of the other. Here a backward pass is whole: the published
// schedule also defers weight gradients into what bubble is left.
#include <cassert>

#include "workloads/pipeline_order.hpp"

namespace supernode {

namespace {

// Emits the passes of one stage in order, numbering the micro-batches of each chunk and direction.
class Emitter {
 public:
  explicit Emitter(bool pairs) : pairs_(pairs) {}

  void forward(std::int64_t chunk) { emit(PassKind::kForward, chunk, next_forward_); }
  void backward(std::int64_t chunk) { emit(PassKind::kBackward, chunk, next_backward_); }
  void together(std::int64_t forward_chunk, std::int64_t backward_chunk) {
    forward(forward_chunk);
    slots_.back().with_next = pairs_;
    backward(backward_chunk);
  }
  std::vector<Slot> take() { return std::move(slots_); }

 private:
  void emit(PassKind kind, std::int64_t chunk, std::int64_t (&next)[2]) {
    slots_.push_back({.kind = kind, .microbatch = next[chunk]++, .chunk = chunk});
  }

  bool pairs_;
  std::int64_t next_forward_[2] = {0, 0}, next_backward_[2] = {0, 0};
  std::vector<Slot> slots_;
};

}  // namespace

std::vector<Slot> dual_pipe_v_order(const PlanSpec& plan, std::int64_t stage) {
  const std::int64_t stages = plan.pipeline_parallel, later = stages - 1 - stage, earlier = stage + 1;
  assert(plan.microbatches() >= 2 * stages);
  Emitter out(pairs_passes(plan));
  const auto times = [](std::int64_t count, const auto& what) {
    for (std::int64_t i = 0; i < count; ++i) what(i);
  };
  times(2 * later, [&](auto) { out.forward(0); });
  times(earlier, [&](auto) {
    out.forward(0);
    out.forward(1);
  });
  times(later, [&](auto) {
    out.backward(1);
    out.forward(1);
  });
  times(plan.microbatches() - 2 * stages + earlier, [&](std::int64_t i) {
    // On the last stage the first pair would be of one micro-batch's own two passes.
    if (i == 0 && later == 0) {
      out.forward(0);
      out.backward(1);
    } else {
      out.together(0, 1);
    }
    out.together(1, 0);
  });
  times(later, [&](auto) {
    out.backward(1);
    out.together(1, 0);
  });
  times(earlier, [&](auto) {
    out.backward(1);
    out.backward(0);
  });
  times(later, [&](auto) { out.backward(0); });
  return out.take();
}

}  // namespace supernode
