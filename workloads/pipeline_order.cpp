#include "workloads/pipeline_order.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <cassert>

namespace supernode {

namespace {

// The k-th forward or backward pass of a stage. Micro-batches go through the chunks in groups of PP, chunk by chunk;
// backward takes the chunks from the last (arXiv 2104.04473, section 2.2; with one chunk this is plain counting).
Slot nth_pass(const PlanSpec& plan, PassKind kind, std::int64_t k) {
  const std::int64_t stages = plan.pipeline_parallel, chunks = plan.virtual_stages;
  const std::int64_t group = k / (stages * chunks), within = k % (stages * chunks);
  const std::int64_t chunk = within / stages;
  return {.kind = kind,
          .microbatch = group * stages + within % stages,
          .chunk = kind == PassKind::kForward ? chunk : chunks - 1 - chunk};
}

// Forward passes before the first backward pass. Plain: one for each later stage. Interleaved: the last stage has the
// first micro-batch group of every chunk but the last behind it, and each earlier stage two more (one forward for the
// way there, one for the way back). Pairing adds one so that a pair's passes are of different micro-batches; and as a
// forward pass then takes as long as the pair, a plain schedule too needs two more for each later stage to stay full.
std::int64_t warmup_passes(const PlanSpec& plan, std::int64_t stage) {
  const std::int64_t stages = plan.pipeline_parallel, later = stages - 1 - stage;
  const std::int64_t a_stage = plan.virtual_stages > 1 || pairs_passes(plan) ? 2 : 1;
  const std::int64_t warmup = a_stage * later + (plan.virtual_stages - 1) * stages;
  return std::min(warmup + (pairs_passes(plan) ? 1 : 0), plan.microbatches() * plan.virtual_stages);
}

std::vector<Slot> stage_order(const PlanSpec& plan, std::int64_t stage) {
  const std::int64_t passes = plan.microbatches() * plan.virtual_stages;
  const std::int64_t warmup = warmup_passes(plan, stage);
  std::vector<Slot> order;
  for (std::int64_t k = 0; k < warmup; ++k) order.push_back(nth_pass(plan, PassKind::kForward, k));
  for (std::int64_t k = warmup; k < passes; ++k) {
    order.push_back(nth_pass(plan, PassKind::kForward, k));
    order.back().with_next = pairs_passes(plan);
    order.push_back(nth_pass(plan, PassKind::kBackward, k - warmup));
  }
  for (std::int64_t k = passes - warmup; k < passes; ++k) order.push_back(nth_pass(plan, PassKind::kBackward, k));
  return order;
}

std::string describe(const Slot& slot, std::int64_t stage) {
  return fmt::format("{} of micro-batch {}, chunk {} on stage {}",
                     slot.kind == PassKind::kForward ? "forward" : "backward", slot.microbatch, slot.chunk, stage);
}

// Runs an order without times: which passes are done, and which may start.
class OrderRun {
 public:
  OrderRun(const std::vector<std::vector<Slot>>& orders, const PlanSpec& plan)
      : orders_(orders),
        plan_(plan),
        stages_(plan.pipeline_parallel),
        pieces_(plan.pipeline_parallel * plan.virtual_stages),
        microbatches_(plan.microbatches()),
        next_(orders.size(), 0),
        forward_done_(static_cast<std::size_t>(pieces_ * microbatches_), false),
        backward_done_(forward_done_) {}

  std::optional<std::string> incomplete() const;
  std::optional<std::string> deadlock();

 private:
  std::size_t index(const Slot& slot, std::int64_t stage, std::int64_t piece_offset = 0) const {
    const std::int64_t piece = piece_of(plan_, stage, slot.chunk) + piece_offset;
    return static_cast<std::size_t>(piece * microbatches_ + slot.microbatch);
  }
  bool ready(const Slot& slot, std::int64_t stage) const;
  bool advance(std::int64_t stage);

  const std::vector<std::vector<Slot>>& orders_;
  const PlanSpec& plan_;
  std::int64_t stages_, pieces_, microbatches_;
  std::vector<std::size_t> next_;
  std::vector<bool> forward_done_, backward_done_;
};

std::optional<std::string> OrderRun::incomplete() const {
  for (std::int64_t stage = 0; stage < stages_; ++stage) {
    const auto& order = orders_[static_cast<std::size_t>(stage)];
    std::vector<int> seen(forward_done_.size() * 2, 0);
    for (const Slot& slot : order) {
      const bool known =
          slot.microbatch >= 0 && slot.microbatch < microbatches_ && slot.chunk >= 0 && slot.chunk < pieces_ / stages_;
      if (!known) return "unknown pass: " + describe(slot, stage);
      if (seen[2 * index(slot, stage) + (slot.kind == PassKind::kBackward)]++) {
        return "runs twice: " + describe(slot, stage);
      }
    }
    const auto wanted = static_cast<std::size_t>(2 * microbatches_ * pieces_ / stages_);
    if (order.size() != wanted) return fmt::format("stage {} runs {} passes, not {}", stage, order.size(), wanted);
    if (!order.empty() && order.back().with_next) return fmt::format("stage {} ends in half a pair", stage);
  }
  return std::nullopt;
}

bool OrderRun::ready(const Slot& slot, std::int64_t stage) const {
  const std::int64_t piece = piece_of(plan_, stage, slot.chunk);
  if (slot.kind == PassKind::kForward) return piece == 0 || forward_done_[index(slot, stage, -1)];
  return forward_done_[index(slot, stage)] && (piece + 1 == pieces_ || backward_done_[index(slot, stage, +1)]);
}

// Runs the next pass, or pair of passes, of `stage` if it can start.
bool OrderRun::advance(std::int64_t stage) {
  const auto& order = orders_[static_cast<std::size_t>(stage)];
  std::size_t& next = next_[static_cast<std::size_t>(stage)];
  if (next == order.size()) return false;
  const std::size_t end = next + (order[next].with_next ? 2 : 1);
  for (std::size_t i = next; i < end; ++i) {
    if (!ready(order[i], stage)) return false;
  }
  for (; next < end; ++next) {
    auto& done = order[next].kind == PassKind::kForward ? forward_done_ : backward_done_;
    done[index(order[next], stage)] = true;
  }
  return true;
}

std::optional<std::string> OrderRun::deadlock() {
  for (bool moved = true; moved;) {
    moved = false;
    for (std::int64_t stage = 0; stage < stages_; ++stage) {
      while (advance(stage)) moved = true;
    }
  }
  for (std::int64_t stage = 0; stage < stages_; ++stage) {
    const auto& order = orders_[static_cast<std::size_t>(stage)];
    const std::size_t next = next_[static_cast<std::size_t>(stage)];
    if (next < order.size()) return "never starts: " + describe(order[next], stage);
  }
  return std::nullopt;
}

}  // namespace

bool pairs_passes(const PlanSpec& plan) { return plan.overlap.expert && plan.expert_parallel > 1; }

std::vector<std::vector<Slot>> pipeline_order(const PlanSpec& plan) {
  assert(plan.schedule != PipelineSchedule::kInterleaved || plan.microbatches() % plan.pipeline_parallel == 0);
  std::vector<std::vector<Slot>> orders;
  const bool dual = plan.schedule == PipelineSchedule::kDualPipeV;
  for (std::int64_t stage = 0; stage < plan.pipeline_parallel; ++stage) {
    orders.push_back(dual ? dual_pipe_v_order(plan, stage) : stage_order(plan, stage));
  }
  return orders;
}

std::optional<std::string> check_order(const std::vector<std::vector<Slot>>& orders, const PlanSpec& plan) {
  if (static_cast<std::int64_t>(orders.size()) != plan.pipeline_parallel) return "one order per stage is needed";
  OrderRun run(orders, plan);
  if (auto problem = run.incomplete()) return problem;
  return run.deadlock();
}

}  // namespace supernode
