// The attention core under context parallelism: ring (arXiv 2310.01889; balanced as in Megatron-LM's zigzag split,
// order of the hops as in Transformer Engine), Ulysses (arXiv 2309.14509), both (arXiv 2405.07719), gathered keys and
// values (arXiv 2407.21783, section 3.3.2). Also the exchange that 2D tensor parallelism needs to have whole sequences.

#include <algorithm>

#include "base/numeric.hpp"
#include "workloads/attention_core.hpp"

namespace supernode {

namespace {

class ContextCore {
 public:
  ContextCore(const RankShape& shape, const LayerForm& form, EventSource& events)
      : shape_(shape), context_(shape.plan.context), events_(events), work_(core_work(shape, form)) {}

  LayerPart build();

 private:
  void divide_heads();
  Op exchange(const std::string& name, GroupKind group, std::int64_t columns) const;
  void gathered();
  CoreBlock gathered_block() const;
  void ring();
  std::vector<CoreBlock> ring_blocks() const;
  void far_blocks(std::int64_t block, std::vector<CoreBlock>& blocks) const;
  void ring_forward(const std::vector<CoreBlock>& blocks);
  void ring_backward(const std::vector<CoreBlock>& blocks);
  Bytes key_values(std::int64_t tokens) const {
    return real(work_.batch) * real(tokens) * real(work_.key_value_columns()) * shape_.element;
  }
  Op hop(const std::string& name) const;
  void merge(const std::string& name, std::int64_t columns, std::vector<Op>& ops) const;

  const RankShape& shape_;
  const ContextSpec& context_;
  EventSource& events_;
  CoreWork work_;
  std::int64_t ranks_ = 1;  // that a sequence is still split over inside the core
  LayerPart part_;
};

// All-to-all of so many columns of the rank's tokens.
Op ContextCore::exchange(const std::string& name, GroupKind group, std::int64_t columns) const {
  const Bytes bytes = real(shape_.tokens) * real(columns) * shape_.element;
  const bool tensor = group == GroupKind::kTensorY;
  return comm_op(name, tensor ? CommClass::kTensor : CommClass::kContext, group,
                 {.op = CollectiveOp::kAllToAll, .bytes = bytes});
}

// Ulysses: each rank ends with the tokens of its group and its share of the heads. Too few key-value heads are copied.
void ContextCore::divide_heads() {
  const std::int64_t degree = ulysses_degree(shape_.plan);
  ranks_ = shape_.plan.context_parallel / degree;
  if (degree == 1) return;
  work_.kv_heads = std::max(work_.kv_heads, degree);
  const std::int64_t in = work_.heads * work_.qk_dim + work_.key_value_columns(), out = work_.heads * work_.v_dim;
  part_.forward.push_back(exchange("attn.ulysses.qkv", GroupKind::kUlysses, in));
  part_.backward.push_back(exchange("attn.ulysses.out.backward", GroupKind::kUlysses, out));
  work_.heads = std::max<std::int64_t>(1, work_.heads / degree);
  work_.kv_heads /= degree;
}

// Keys and values of all ranks; the last rank's queries see the most unless the split is balanced.
CoreBlock ContextCore::gathered_block() const {
  CoreBlock block{.queries = work_.length / ranks_, .keys = work_.keys, .held = work_.length};
  if (work_.triangle && !context_.balanced) block.keys = real(work_.length) * (1 - 0.5 / real(ranks_));
  return block;
}

void ContextCore::gathered() {
  const CoreBlock block = gathered_block();
  const auto over_context = [&](const std::string& name, CollectiveOp op) {
    return comm_op(name, CommClass::kContext, GroupKind::kContext, {.op = op, .bytes = key_values(work_.length)});
  };
  part_.forward.push_back(over_context("attn.context.gather", CollectiveOp::kAllGather));
  append_block(shape_, work_, block, false, part_.forward);
  part_.backward.push_back(over_context("attn.context.regather", CollectiveOp::kAllGather));
  append_block(shape_, work_, block, true, part_.backward);
  part_.backward.push_back(over_context("attn.context.reduce", CollectiveOp::kReduceScatter));
}

// What comes after the rank's own block when queries do not see everything: the rest of their keys, spread over as many
// blocks as their reach spans.
void ContextCore::far_blocks(std::int64_t block, std::vector<CoreBlock>& blocks) const {
  const bool bounded = work_.reach > 0;
  const std::int64_t others = bounded ? std::min(ranks_ - 1, (work_.reach + block - 1) / block) : ranks_ - 1;
  const std::int64_t reach = bounded ? std::min(work_.reach, block) : block;
  const bool causal = shape_.model.attention.causal;
  const double own = std::min(work_.keys, causal ? real(reach) * (1 - real(reach) / (2 * real(block))) : real(reach));
  blocks.push_back({.queries = block, .keys = own, .held = block});
  if (own == work_.keys) return;
  for (std::int64_t i = 0; i < others; ++i) {
    blocks.push_back({.queries = block, .keys = (work_.keys - own) / real(others), .held = block});
  }
}

// The rank's own block and those that come round, in that order. Causal and balanced, a rank has an early and a late
// part: of each block that comes either half the keys or half the queries count. Unbalanced, the last rank, for which
// all wait, computes each block whole.
std::vector<CoreBlock> ContextCore::ring_blocks() const {
  const std::int64_t block = std::max<std::int64_t>(1, work_.length / ranks_);
  std::vector<CoreBlock> blocks;
  if (!work_.triangle) {
    far_blocks(block, blocks);
    return blocks;
  }
  blocks.push_back({.queries = block, .keys = real(block), .held = block, .triangle = true});
  const std::int64_t seen = context_.balanced ? std::max<std::int64_t>(1, block / 2) : block;
  for (std::int64_t i = 1; i < ranks_; ++i) blocks.push_back({.queries = block, .keys = real(seen), .held = seen});
  return blocks;
}

Op ContextCore::hop(const std::string& name) const {
  return comm_op(name, CommClass::kContext, GroupKind::kRing,
                 {.op = CollectiveOp::kSendRecv, .bytes = key_values(work_.length / ranks_)});
}

// Adds a block's result to those before it.
void ContextCore::merge(const std::string& name, std::int64_t columns, std::vector<Op>& ops) const {
  const Bytes tensor = real(work_.batch) * real(work_.length / ranks_) * real(columns) * shape_.element;
  ops.push_back(vector_op(name, ComputeClass::kAttention, VectorKind::kElementwise, 2.0 * tensor, tensor));
}

// Keys and values go on to the next rank while the block they make is computed.
void ContextCore::ring_forward(const std::vector<CoreBlock>& blocks) {
  auto& ops = part_.forward;
  for (std::size_t i = 0; i < blocks.size(); ++i) {
    const bool sends = i + 1 < blocks.size();
    Op send = hop("attn.ring.send");
    if (sends && context_.overlap) {
      send.kind = Op::Kind::kCommAsync;
      send.event = events_.next();
      ops.push_back(send);
    }
    append_block(shape_, work_, blocks[i], false, ops);
    if (i > 0) merge("attn.ring.merge", work_.heads * work_.v_dim, ops);
    if (sends) ops.push_back(context_.overlap ? wait_op(send.name, send.comm_class, send.event) : send);
  }
}

// The other way round, the rank's own block last, so that the gradients of a rank's keys and values, which travel one
// hop behind them, come home with it.
void ContextCore::ring_backward(const std::vector<CoreBlock>& blocks) {
  auto& ops = part_.backward;
  const std::int64_t columns = work_.heads * work_.qk_dim + work_.key_value_columns();
  int gradient = -1;
  for (std::size_t i = 0; i < blocks.size(); ++i) {
    const bool sends = i + 1 < blocks.size();
    Op send = hop("attn.ring.backward.send"), reduce = hop("attn.ring.backward.gradient");
    if (context_.overlap) send.kind = reduce.kind = Op::Kind::kCommAsync;
    if (sends && context_.overlap) send.event = events_.next(), ops.push_back(send);
    append_block(shape_, work_, blocks[blocks.size() - 1 - i], true, ops);
    if (gradient >= 0) ops.push_back(wait_op(reduce.name, reduce.comm_class, gradient));
    if (i > 0) merge("attn.ring.backward.merge", columns, ops);
    if (!sends) break;
    ops.push_back(context_.overlap ? wait_op(send.name, send.comm_class, send.event) : send);
    if (context_.overlap) reduce.event = gradient = events_.next();
    ops.push_back(reduce);
  }
}

void ContextCore::ring() {
  if (ranks_ == 1) {
    const CoreBlock block{.queries = work_.length,
                          .keys = work_.triangle ? real(work_.length) : work_.keys,
                          .held = work_.length,
                          .triangle = work_.triangle};
    append_block(shape_, work_, block, false, part_.forward);
    append_block(shape_, work_, block, true, part_.backward);
    return;
  }
  const std::vector<CoreBlock> blocks = ring_blocks();
  ring_forward(blocks);
  ring_backward(blocks);
}

// Outside in: the exchange of 2D tensor parallelism (MindSpeed's UlyssesContextAttention over tp_y), Ulysses, the ring
// or the gather. The exchanges forward and backward mirror one another.
LayerPart ContextCore::build() {
  part_.module = RecomputeModule::kCoreAttention;
  const std::int64_t query = work_.heads * work_.qk_dim, output = work_.heads * work_.v_dim;
  const std::int64_t sides = query + work_.key_value_columns();
  const bool two_dimensional = shape_.plan.tensor_y > 1;
  if (two_dimensional) {
    part_.forward.push_back(exchange("attn.tensor_y.qkv", GroupKind::kTensorY, sides));
    part_.backward.push_back(exchange("attn.tensor_y.out.backward", GroupKind::kTensorY, output));
  }
  divide_heads();
  if (ranks_ > 1 && context_.kind == ContextKind::kAllGather) {
    gathered();
  } else {
    ring();
  }
  if (const std::int64_t degree = ulysses_degree(shape_.plan); degree > 1) {
    const std::int64_t in = query + std::max(rank_kv_heads(shape_), degree) * (work_.qk_dim + work_.v_dim);
    part_.forward.push_back(exchange("attn.ulysses.out", GroupKind::kUlysses, output));
    part_.backward.push_back(exchange("attn.ulysses.qkv.backward", GroupKind::kUlysses, in));
  }
  if (two_dimensional) {
    part_.forward.push_back(exchange("attn.tensor_y.out", GroupKind::kTensorY, output));
    part_.backward.push_back(exchange("attn.tensor_y.qkv.backward", GroupKind::kTensorY, sides));
  }
  return std::move(part_);
}

}  // namespace

LayerPart core_part(const RankShape& shape, const LayerForm& form, EventSource& events) {
  return ContextCore(shape, form, events).build();
}

}  // namespace supernode
