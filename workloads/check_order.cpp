// Runs an order of passes without times, to prove it complete, causal and free of deadlock.
#include <fmt/format.h>

#include "workloads/pipeline_order.hpp"

namespace supernode {

namespace {

std::string describe(const Slot& slot, std::int64_t stage) {
  return fmt::format("{} of micro-batch {}, chunk {} on stage {}", to_string(slot.kind), slot.microbatch, slot.chunk,
                     stage);
}

// What has been done of one micro-batch in one piece.
struct Progress {
  bool forward = false, input = false, weight = false;

  // Does a pass of this kind make again what has been made?
  bool repeats(PassKind kind) const {
    if (kind == PassKind::kForward) return forward;
    return (kind != PassKind::kBackwardWeight && input) || (kind != PassKind::kBackwardInput && weight);
  }
  void add(PassKind kind) {
    forward |= kind == PassKind::kForward;
    input |= kind == PassKind::kBackward || kind == PassKind::kBackwardInput;
    weight |= kind == PassKind::kBackward || kind == PassKind::kBackwardWeight;
  }
  bool complete() const { return forward && input && weight; }
};

class OrderRun {
 public:
  OrderRun(const std::vector<std::vector<Slot>>& orders, const PlanSpec& plan)
      : orders_(orders),
        plan_(plan),
        stages_(plan.pipeline_parallel),
        pieces_(piece_count(plan)),
        microbatches_(chain_microbatches(plan)),
        next_(orders.size(), 0),
        done_(empty()) {}

  std::optional<std::string> incomplete() const;
  std::optional<std::string> out_of_turn() const;
  std::optional<std::string> deadlock();

 private:
  using Table = std::vector<Progress>;  // by piece and micro-batch

  Table empty() const { return Table(static_cast<std::size_t>(pieces_ * microbatches_)); }
  const std::vector<Slot>& order(std::int64_t stage) const { return orders_[static_cast<std::size_t>(stage)]; }
  std::size_t index(std::int64_t piece, const Slot& slot) const {
    return static_cast<std::size_t>(piece * microbatches_ + slot.microbatch);
  }
  std::size_t index(const Slot& slot, std::int64_t stage) const {
    return index(piece_of(plan_, stage, slot.chunk), slot);
  }
  bool exists(const Slot& slot) const {
    return slot.microbatch >= 0 && slot.microbatch < microbatches_ && slot.chunk >= 0 &&
           slot.chunk < plan_.virtual_stages;
  }
  std::optional<std::string> wrong_passes(std::int64_t stage) const;
  std::optional<std::string> missing_pass(std::int64_t stage, const Table& seen) const;
  bool ready(const Slot& slot, std::int64_t stage) const;
  bool advance(std::int64_t stage);

  const std::vector<std::vector<Slot>>& orders_;
  const PlanSpec& plan_;
  std::int64_t stages_, pieces_, microbatches_;
  std::vector<std::size_t> next_;
  Table done_;
};

std::optional<std::string> OrderRun::missing_pass(std::int64_t stage, const Table& seen) const {
  Slot slot;
  for (slot.chunk = 0; slot.chunk < plan_.virtual_stages; ++slot.chunk) {
    for (slot.microbatch = 0; slot.microbatch < microbatches_; ++slot.microbatch) {
      const Progress& progress = seen[index(slot, stage)];
      if (progress.complete()) continue;
      slot.kind = !progress.forward ? PassKind::kForward
                  : progress.input  ? PassKind::kBackwardWeight
                  : progress.weight ? PassKind::kBackwardInput
                                    : PassKind::kBackward;
      return "never runs: " + describe(slot, stage);
    }
  }
  return std::nullopt;
}

std::optional<std::string> OrderRun::wrong_passes(std::int64_t stage) const {
  Table seen = empty();
  for (const Slot& slot : order(stage)) {
    if (!exists(slot)) return "unknown pass: " + describe(slot, stage);
    Progress& progress = seen[index(slot, stage)];
    if (progress.repeats(slot.kind)) return "runs twice: " + describe(slot, stage);
    progress.add(slot.kind);
  }
  if (!order(stage).empty() && order(stage).back().with_next) return fmt::format("stage {} ends in half a pair", stage);
  return missing_pass(stage, seen);
}

std::optional<std::string> OrderRun::incomplete() const {
  for (std::int64_t stage = 0; stage < stages_; ++stage) {
    if (auto problem = wrong_passes(stage)) return problem;
  }
  return std::nullopt;
}

// PassSet::edge: the forward pass of micro-batch 0 waits for parameters, so none may come before it; the last
// micro-batch's gradients are reduced as they are made, so none may come after them.
std::optional<std::string> OrderRun::out_of_turn() const {
  for (std::int64_t stage = 0; stage < stages_; ++stage) {
    std::vector<bool> begun(static_cast<std::size_t>(plan_.virtual_stages)), ended(begun);
    for (const Slot& slot : order(stage)) {
      const auto chunk = static_cast<std::size_t>(slot.chunk);
      if (slot.kind == PassKind::kForward) {
        if (!begun[chunk] && slot.microbatch != 0) return "runs before micro-batch 0: " + describe(slot, stage);
        begun[chunk] = true;
      } else if (slot.kind != PassKind::kBackwardInput) {
        if (ended[chunk]) return "runs after the last micro-batch: " + describe(slot, stage);
        ended[chunk] = slot.microbatch == microbatches_ - 1;
      }
    }
  }
  return std::nullopt;
}

bool OrderRun::ready(const Slot& slot, std::int64_t stage) const {
  const std::int64_t piece = piece_of(plan_, stage, slot.chunk);
  const Progress& own = done_[index(piece, slot)];
  switch (slot.kind) {
    case PassKind::kForward:
      return begins_chain(plan_, piece) || done_[index(piece - 1, slot)].forward;
    case PassKind::kBackwardWeight:
      return own.input;
    default:
      return own.forward && (ends_chain(plan_, piece) || done_[index(piece + 1, slot)].input);
  }
}

// Runs the next pass, or pair of passes, of `stage` if it can start.
bool OrderRun::advance(std::int64_t stage) {
  std::size_t& next = next_[static_cast<std::size_t>(stage)];
  if (next == order(stage).size()) return false;
  const std::size_t end = next + (order(stage)[next].with_next ? 2 : 1);
  for (std::size_t i = next; i < end; ++i) {
    if (!ready(order(stage)[i], stage)) return false;
  }
  for (; next < end; ++next) done_[index(order(stage)[next], stage)].add(order(stage)[next].kind);
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
    const std::size_t next = next_[static_cast<std::size_t>(stage)];
    if (next < order(stage).size()) return "never starts: " + describe(order(stage)[next], stage);
  }
  return std::nullopt;
}

}  // namespace

std::optional<std::string> check_order(const std::vector<std::vector<Slot>>& orders, const PlanSpec& plan) {
  if (static_cast<std::int64_t>(orders.size()) != plan.pipeline_parallel) return "one order per stage is needed";
  OrderRun run(orders, plan);
  if (auto problem = run.incomplete()) return problem;
  if (auto problem = run.out_of_turn()) return problem;
  return run.deadlock();
}

}  // namespace supernode
