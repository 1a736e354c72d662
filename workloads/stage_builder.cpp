#include "workloads/stage_builder.hpp"

#include <algorithm>
#include <iterator>
#include <utility>

#include "workloads/activation_swaps.hpp"
#include "workloads/data_parallel_ops.hpp"
#include "workloads/layer_parameters.hpp"
#include "workloads/layer_program.hpp"
#include "workloads/offload_ops.hpp"
#include "workloads/optimizer_ops.hpp"
#include "workloads/rank_weights.hpp"
#include "workloads/unit_gathers.hpp"

namespace supernode {

namespace {

// A run of parts whose weights are gathered and reduced as one.
struct Segment {
  LayerParts parts{};
  RankWeights weights{};
  Recompute recompute = Recompute::kNone;
  bool layer = false;
  Bytes swapped{};  // activations that go to host memory and back
};
using Segments = std::vector<Segment>;

void append(std::vector<Op>& to, const std::vector<Op>& ops) { to.insert(to.end(), ops.begin(), ops.end()); }

// Builds one stage; asynchronous operations that outlive a pass (gathers, reductions) are matched with their waits.
class StageBuilder {
 public:
  StageBuilder(const RankShape& shape, std::int64_t stage, std::vector<Slot> order, EventSource& events)
      : shape_(shape), stage_(stage), events_(events) {
    program_.order = std::move(order);
  }

  StageProgram build();

 private:
  Segments segments(std::int64_t chunk);
  Segment layer(const LayerForm& form, Recompute recompute, bool swaps);
  Recompute recompute_of(std::int64_t layer_of_piece) const;
  bool keeps_activations(std::int64_t layer_of_piece) const;
  void append_head(Segments& result);

  PassProgram forward(std::int64_t chunk, bool first);
  PassProgram backward(std::int64_t chunk, bool last, bool whole);
  PassProgram backward_weight(std::int64_t chunk, bool last);
  bool pools_adapters() const { return shape_.plan.lora.rank > 0 && shape_.plan.zero_stage < 2; }
  void append_reductions(const Segment& segment, bool last, bool ends, std::vector<Op>& ops);
  std::vector<std::vector<Op>> chunk_gathers(std::int64_t chunk);

  bool gathers_forward(std::int64_t chunk, bool first) const;
  bool gathers_backward(const Segment& segment) const;
  bool idles_between(std::int64_t chunk) const;
  bool runs(PassKind kind, std::int64_t chunk) const;
  bool runs_last(PassKind kind, std::int64_t chunk) const;
  PassSet<PassProgram> passes(std::int64_t chunk);
  void launch_gathers();
  void plan_swaps();
  void finish();

  const RankShape& shape_;
  const std::int64_t stage_;
  EventSource& events_;
  StageProgram program_;
  std::vector<std::vector<std::vector<Op>>> gathers_;  // asynchronous, by chunk and segment; empty when not overlapped
  std::vector<ActivationSwaps> swaps_;                 // by chunk
  std::vector<Op> reductions_;                         // asynchronous, in launch order
  RankWeights pool_;                                   // adapters whose gradients wait for the end of the pass
};

// Of the layer at this place of its piece, or of one behind them all (an MTP module's).
Recompute StageBuilder::recompute_of(std::int64_t layer_of_piece) const {
  const PlanSpec& plan = shape_.plan;
  const bool some = plan.recompute == Recompute::kFull && plan.recomputed.block > 0;
  return some && layer_of_piece >= plan.recomputed.block ? Recompute::kNone : plan.recompute;
}

// Of a group of recomputed layers only the first keeps anything, its input.
bool StageBuilder::keeps_activations(std::int64_t layer_of_piece) const {
  return recompute_of(layer_of_piece) != Recompute::kFull || layer_of_piece % shape_.plan.recomputed.group == 0;
}

Segment StageBuilder::layer(const LayerForm& form, Recompute recompute, bool swaps) {
  return {.parts = layer_parts(shape_, form, events_),
          .weights = layer_weights(shape_.model, shape_.plan, form),
          .recompute = recompute,
          .layer = true,
          .swapped = swaps ? swapped_activations(shape_, form, recompute) : Bytes(0)};
}

Segments StageBuilder::segments(std::int64_t chunk) {
  const ModelSpec& model = shape_.model;
  const PlanSpec& plan = shape_.plan;
  const std::int64_t piece = piece_of(plan, stage_, chunk);
  Segments result;
  if (begins_chain(plan, piece)) {
    result.push_back({.parts = embedding_parts(shape_), .weights = embedding_weights(model, plan)});
  }
  const LayerRange range = layers_of(plan, model, stage_, chunk);
  for (std::int64_t i = range.first; i < range.last; ++i) {
    const std::int64_t place = i - range.first;
    result.push_back(layer(model.layer_form(i), recompute_of(place), keeps_activations(place)));
  }
  if (ends_chain(plan, piece)) append_head(result);
  return result;
}

// The head, then each MTP module: its input, a layer, and the head's products again with the head's weights.
void StageBuilder::append_head(Segments& result) {
  const ModelSpec& model = shape_.model;
  const PlanSpec& plan = shape_.plan;
  result.push_back({.parts = head_parts(shape_, events_), .weights = head_weights(model, plan)});
  for (std::int64_t module = 0; module < model.mtp_layers; ++module) {
    result.push_back({.parts = mtp_input_parts(shape_, events_), .weights = mtp_input_weights(model, plan)});
    result.push_back(layer(mtp_form(model), recompute_of(model.layers), false));
    result.push_back({.parts = head_parts(shape_, events_)});
  }
}

// Does the chunk ever stand between the last backward pass due and the next forward pass? If not, parameters kept from
// forward to backward pass stay on the device for the whole step.
bool StageBuilder::idles_between(std::int64_t chunk) const {
  std::int64_t in_flight = 0;
  for (const Slot& slot : program_.order) {
    if (slot.chunk != chunk || slot.kind == PassKind::kBackwardWeight) continue;
    if (slot.kind == PassKind::kForward && in_flight == 0 && slot.microbatch > 0) return true;
    in_flight += slot.kind == PassKind::kForward ? 1 : -1;
  }
  return false;
}

bool StageBuilder::gathers_forward(std::int64_t chunk, bool first) const {
  const PlanSpec& plan = shape_.plan;
  return plan.zero_stage >= 3 && (first || plan.reshard_after_forward || idles_between(chunk));
}

// Embedding, head and MTP projections stay gathered: PyTorch FSDP does not reshard the root module behind its forward
// pass.
bool StageBuilder::gathers_backward(const Segment& segment) const {
  return shape_.plan.zero_stage >= 3 && shape_.plan.reshard_after_forward && segment.layer;
}

// The weights of segments in the order of use, none for those that `needs` turns down.
template <class Iterator, class Needs>
std::vector<RankWeights> to_gather(Iterator begin, Iterator end, const Needs& needs) {
  std::vector<RankWeights> units;
  for (Iterator it = begin; it != end; ++it) units.push_back(needs(*it) ? it->weights : RankWeights{});
  return units;
}

PassProgram StageBuilder::forward(std::int64_t chunk, bool first) {
  PassProgram pass;
  const Segments all = segments(chunk);
  const bool gathers = gathers_forward(chunk, first);
  const UnitGathers units(shape_, to_gather(all.begin(), all.end(), [&](const Segment&) { return gathers; }), events_);
  const ActivationSwaps& swaps = swaps_[static_cast<std::size_t>(chunk)];
  for (std::size_t i = 0; i < all.size(); ++i) {
    if (first && !gathers_.empty()) append(pass.ops, waits_for(gathers_[static_cast<std::size_t>(chunk)][i]));
    units.before(i, pass.ops);
    if (first || gathers) append(pass.ops, quantise_ops(shape_, all[i].weights, true, !gathers_backward(all[i])));
    append_forward(all[i].parts, pass.ops);
    swaps.behind_forward(i, first, pass.ops);
  }
  return pass;
}

// `whole`, or the gradients of the inputs alone.
PassProgram StageBuilder::backward(std::int64_t chunk, bool last, bool whole) {
  PassProgram pass;
  const Segments all = segments(chunk);
  const auto needs = [&](const Segment& segment) { return gathers_backward(segment); };
  const UnitGathers units(shape_, to_gather(all.rbegin(), all.rend(), needs), events_);
  const ActivationSwaps& swaps = swaps_[static_cast<std::size_t>(chunk)];
  for (std::size_t i = all.size(); i-- > 0;) {
    const Segment& segment = all[i];
    swaps.before_backward(i, last, pass.ops);
    units.before(all.size() - 1 - i, pass.ops);
    if (gathers_backward(segment)) append(pass.ops, quantise_ops(shape_, segment.weights, false, true));
    if (whole) {
      append_backward(segment.parts, shape_.plan, segment.recompute, pass.ops);
      append_reductions(segment, last, i == 0, pass.ops);
    } else {
      append_backward_input(segment.parts, shape_.plan, segment.recompute, pass.ops);
    }
  }
  return pass;
}

// Behind the last micro-batch, or with sharded gradients (ZeRO-2 and 3) behind each. Nobody waits for those of earlier
// micro-batches: operations of a class end in launch order, so when the last ones have ended they have too. Adapters
// are few: those of a pass are one reduction behind its last segment (`ends`), as Megatron-Core's buckets hold 40
// million parameters and more (distributed/distributed_data_parallel.py).
void StageBuilder::append_reductions(const Segment& segment, bool last, bool ends, std::vector<Op>& ops) {
  if (!last && shape_.plan.zero_stage < 2) return;
  if (pools_adapters()) pool_ += segment.weights;
  if (pools_adapters() && !ends) return;
  std::vector<Op> reduce = reduce_ops(shape_, pools_adapters() ? std::exchange(pool_, {}) : segment.weights);
  if (shape_.plan.overlap.grad_reduce) {
    make_async(reduce, events_);
    if (last) append(reductions_, reduce);
    append(ops, reduce);
  } else if (shape_.plan.zero_stage >= 2) {
    append(ops, reduce);
  }
}

PassProgram StageBuilder::backward_weight(std::int64_t chunk, bool last) {
  PassProgram pass;
  const Segments all = segments(chunk);
  for (auto segment = all.rbegin(); segment != all.rend(); ++segment) {
    append_backward_weight(segment->parts, pass.ops);
    append_reductions(*segment, last, std::next(segment) == all.rend(), pass.ops);
  }
  return pass;
}

bool StageBuilder::runs(PassKind kind, std::int64_t chunk) const {
  const auto is_it = [&](const Slot& slot) { return slot.kind == kind && slot.chunk == chunk; };
  return std::any_of(program_.order.begin(), program_.order.end(), is_it);
}

// Is the last micro-batch's pass of this kind? (One schedule may split some backward passes and not others.)
bool StageBuilder::runs_last(PassKind kind, std::int64_t chunk) const {
  const std::int64_t last = chain_microbatches(shape_.plan) - 1;
  const auto is_it = [&](const Slot& slot) {
    return slot.kind == kind && slot.chunk == chunk && slot.microbatch == last;
  };
  return std::any_of(program_.order.begin(), program_.order.end(), is_it);
}

// Only what the order runs is built: reductions that nobody launches would be waited for in vain.
PassSet<PassProgram> StageBuilder::passes(std::int64_t chunk) {
  using enum PassKind;
  PassSet<PassProgram> set;
  set.inner(kForward) = forward(chunk, false);
  set.edge(kForward) = forward(chunk, true);
  if (runs(kBackward, chunk)) set.inner(kBackward) = backward(chunk, false, true);
  if (runs_last(kBackward, chunk)) set.edge(kBackward) = backward(chunk, true, true);
  if (runs(kBackwardInput, chunk)) set.inner(kBackwardInput) = backward(chunk, false, false);
  if (runs_last(kBackwardInput, chunk)) set.edge(kBackwardInput) = backward(chunk, true, false);
  if (runs(kBackwardWeight, chunk)) set.inner(kBackwardWeight) = backward_weight(chunk, false);
  if (runs_last(kBackwardWeight, chunk)) set.edge(kBackwardWeight) = backward_weight(chunk, true);
  return set;
}

// In the order in which the first forward passes need them. (ZeRO-3 gathers in the passes.)
void StageBuilder::launch_gathers() {
  if (shape_.plan.zero_stage >= 3) return;
  const bool overlap = shape_.plan.overlap.param_gather;
  for (std::int64_t chunk = 0; chunk < shape_.plan.virtual_stages; ++chunk) {
    std::vector<std::vector<Op>> of_chunk = chunk_gathers(chunk);
    for (std::vector<Op>& gather : of_chunk) {
      if (overlap) make_async(gather, events_);
      append(program_.prologue, gather);
    }
    if (overlap) gathers_.push_back(std::move(of_chunk));
  }
}

// By segment; those of adapters are one, in front of the first.
std::vector<std::vector<Op>> StageBuilder::chunk_gathers(std::int64_t chunk) {
  const Segments all = segments(chunk);
  std::vector<std::vector<Op>> gathers;
  for (const Segment& segment : all) gathers.push_back(gather_ops(shape_, segment.weights));
  if (!pools_adapters() || all.empty()) return gathers;
  RankWeights pool;
  for (const Segment& segment : all) pool += segment.weights;
  for (std::vector<Op>& gather : gathers) gather.clear();
  gathers.front() = gather_ops(shape_, pool);
  return gathers;
}

void StageBuilder::plan_swaps() {
  for (std::int64_t chunk = 0; chunk < shape_.plan.virtual_stages; ++chunk) {
    std::vector<Bytes> units;
    for (const Segment& segment : segments(chunk)) units.push_back(segment.swapped);
    swaps_.emplace_back(units, shape_.plan.offload.overlap, events_);
  }
}

// The end of the step: reductions (waited for, or made now), then the optimizer.
void StageBuilder::finish() {
  for (std::int64_t chunk = shape_.plan.virtual_stages; chunk-- > 0;) {
    for (const Segment& segment : segments(chunk)) {
      const bool reduced_in_passes = shape_.plan.overlap.grad_reduce || shape_.plan.zero_stage >= 2;
      if (!reduced_in_passes) append(program_.epilogue, reduce_ops(shape_, segment.weights));
    }
  }
  append(program_.epilogue, waits_for(reductions_));
  for (const ActivationSwaps& swaps : swaps_) swaps.finish(program_.epilogue);
  append(program_.epilogue, optimizer_ops(shape_, stage_weights(shape_.model, shape_.plan, stage_), stage_));
}

StageProgram StageBuilder::build() {
  launch_gathers();
  plan_swaps();
  for (std::int64_t chunk = 0; chunk < shape_.plan.virtual_stages; ++chunk) {
    program_.chunks.push_back(passes(chunk));
  }
  for (std::int64_t chunk = 0; chunk < shape_.plan.virtual_stages; ++chunk) {
    program_.pieces.push_back(piece_of(shape_.plan, stage_, chunk));
  }
  finish();
  return std::move(program_);
}

}  // namespace

StageProgram build_stage(const RankShape& shape, std::int64_t stage, std::vector<Slot> order, EventSource& events) {
  return StageBuilder(shape, stage, std::move(order), events).build();
}

}  // namespace supernode
