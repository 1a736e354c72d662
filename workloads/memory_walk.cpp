#include "workloads/memory_walk.hpp"

#include <algorithm>

namespace supernode {
namespace {

class Walker {
 public:
  explicit Walker(const std::vector<ChunkMemory>& chunks) : chunks_(chunks) {}

  void leave_head(const Slot& slot);
  void begin(const Slot& slot, Bytes beside);
  void end(const Slot& slot);
  StageWalk take() { return walk_; }
  Bytes temporary(const Slot& slot) const { return chunk(slot).temporary; }

 private:
  const ChunkMemory& chunk(const Slot& slot) const { return chunks_[static_cast<std::size_t>(slot.chunk)]; }
  void forward(const ChunkMemory& chunk);
  static void note(std::optional<WalkMoment>& worst, WalkMoment moment);

  const std::vector<ChunkMemory>& chunks_;
  Bytes now_{}, logits_{};
  std::int64_t passes_ = 0;
  double layers_ = 0;
  StageWalk walk_;
};

void Walker::note(std::optional<WalkMoment>& worst, WalkMoment moment) {
  if (!worst || moment.activations + moment.buffers > worst->activations + worst->buffers) worst = moment;
}

void Walker::forward(const ChunkMemory& chunk) {
  now_ += chunk.kept;
  walk_.passes = std::max(walk_.passes, ++passes_);
  walk_.layers = std::max(walk_.layers, layers_ += chunk.layers);
  note(walk_.forward, {now_, logits_});
  logits_ += chunk.logits;
  if (chunk.logits > Bytes(0)) note(walk_.loss, {now_, logits_});
}

// A backward pass starts with the head.
void Walker::leave_head(const Slot& slot) {
  if (slot.kind == PassKind::kBackward || slot.kind == PassKind::kBackwardInput) logits_ -= chunk(slot).logits;
}

// The most a pass needs; `beside` are the temporaries of a pass at the same time.
void Walker::begin(const Slot& slot, Bytes beside) {
  const ChunkMemory& c = chunk(slot);
  switch (slot.kind) {
    case PassKind::kForward:
      forward(c);
      break;
    case PassKind::kBackward:
    case PassKind::kBackwardInput:
      note(walk_.backward, {now_, logits_ + c.temporary + beside});
      break;
    case PassKind::kBackwardWeight:
      break;
  }
}

void Walker::end(const Slot& slot) {
  const ChunkMemory& c = chunk(slot);
  if (slot.kind == PassKind::kForward) return;
  if (slot.kind == PassKind::kBackwardInput) {
    now_ += c.deferred - c.kept;
    return;
  }
  now_ -= slot.kind == PassKind::kBackwardWeight ? c.deferred : c.kept;
  --passes_;
  layers_ -= c.layers;
  note(walk_.backward_end, {now_, logits_ + c.temporary});
}

}  // namespace

StageWalk walk_stage(const std::vector<Slot>& order, const std::vector<ChunkMemory>& chunks) {
  Walker walker(chunks);
  for (std::size_t i = 0; i < order.size(); ++i) {
    if (!order[i].with_next) {
      walker.leave_head(order[i]);
      walker.begin(order[i], Bytes(0));
      walker.end(order[i]);
      continue;
    }
    // A pair: both are under way before either is over; the forward pass first, so that its activations are there, but
    // the other's logits are gone before it comes to its own.
    const Slot &a = order[i], &b = order[i + 1];
    const bool swap = a.kind != PassKind::kForward;
    walker.leave_head(a);
    walker.leave_head(b);
    walker.begin(swap ? b : a, walker.temporary(a));
    walker.begin(swap ? a : b, walker.temporary(swap ? b : a));
    walker.end(a);
    walker.end(b);
    ++i;
  }
  return walker.take();
}

}  // namespace supernode
