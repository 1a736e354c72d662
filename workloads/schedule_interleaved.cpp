// Interleaved 1F1B (arXiv 2104.04473, section 2.2): a stage has several chunks of the model, far apart. Micro-batches
// go through the chunks in groups of PP, chunk by chunk; backward takes the chunks from the last. When PP does not
// divide the micro-batches the groups are larger, as Megatron-Core's --microbatch-group-size-per-virtual-pipeline-stage
// allows.
#include <algorithm>

#include "workloads/pipeline_order.hpp"

namespace supernode {

namespace {

// The least size from PP up that leaves no last group of fewer than PP: such a group would come back to the first stage
// for its next chunk too late, and the stages would wait for one another for ever (Megatron-Core refuses it).
std::int64_t group_size(const PlanSpec& plan) {
  const std::int64_t microbatches = chain_microbatches(plan);
  for (std::int64_t size = plan.pipeline_parallel; size < microbatches; ++size) {
    const std::int64_t rest = microbatches % size;
    if (rest == 0 || rest >= plan.pipeline_parallel) return size;
  }
  return microbatches;
}

// All passes of one direction on a stage, in order; the same on every stage.
std::vector<Slot> passes_in_groups(const PlanSpec& plan, PassKind kind) {
  const std::int64_t microbatches = chain_microbatches(plan), chunks = plan.virtual_stages;
  const std::int64_t group = group_size(plan);
  std::vector<Slot> passes;
  for (std::int64_t first = 0; first < microbatches; first += group) {
    const std::int64_t end = std::min(first + group, microbatches);
    for (std::int64_t chunk = 0; chunk < chunks; ++chunk) {
      for (std::int64_t microbatch = first; microbatch < end; ++microbatch) {
        passes.push_back(
            {.kind = kind, .microbatch = microbatch, .chunk = kind == PassKind::kForward ? chunk : chunks - 1 - chunk});
      }
    }
  }
  return passes;
}

// The last stage has the first group of every chunk but the last behind it before its first backward pass, and each
// earlier stage two passes more, one for the way there and one for the way back. Pairing adds one so that a pair's
// passes are of different micro-batches.
std::size_t warmup_passes(const PlanSpec& plan, std::int64_t stage, std::size_t passes) {
  const std::int64_t later = plan.pipeline_parallel - 1 - stage;
  const std::int64_t warmup = 2 * later + (plan.virtual_stages - 1) * group_size(plan);
  return std::min(static_cast<std::size_t>(warmup + (pairs_passes(plan) ? 1 : 0)), passes);
}

}  // namespace

std::vector<Slot> interleaved_order(const PlanSpec& plan, std::int64_t stage) {
  const std::vector<Slot> forward = passes_in_groups(plan, PassKind::kForward);
  const std::vector<Slot> backward = passes_in_groups(plan, PassKind::kBackward);
  const std::size_t warmup = warmup_passes(plan, stage, forward.size());
  std::vector<Slot> order(forward.begin(), forward.begin() + static_cast<std::ptrdiff_t>(warmup));
  for (std::size_t k = warmup; k < forward.size(); ++k) {
    order.push_back(forward[k]);
    order.back().with_next = pairs_passes(plan);
    order.push_back(backward[k - warmup]);
  }
  order.insert(order.end(), backward.end() - static_cast<std::ptrdiff_t>(warmup), backward.end());
  return order;
}

}  // namespace supernode
