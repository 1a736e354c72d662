#include "workloads/moe_exchange.hpp"

#include "base/numeric.hpp"

namespace supernode {

namespace {

class ExchangeBuilder {
 public:
  ExchangeBuilder(const RankShape& shape, const MoeLoad& load, EventSource& events)
      : shape_(shape), load_(load), events_(events) {}

  ExchangeParts build(const std::string& name, CollectiveOp forward, CollectiveOp backward, bool async);

 private:
  Precision precision(CollectiveOp op) const {
    return op == CollectiveOp::kEpDispatch ? shape_.plan.dispatch : shape_.plan.combine;
  }
  TokenDispatcher dispatcher() const { return shape_.plan.routing.dispatcher; }
  // Of what this rank sends to be computed on.
  double elements() const {
    const double tokens = real(shape_.local_tokens);
    return (dispatcher() == TokenDispatcher::kCopies ? tokens * load_.choices : tokens) * real(shape_.model.hidden);
  }
  CollectiveCall call(CollectiveOp op) const;
  void cast(const std::string& name, CollectiveOp op, std::vector<Op>& ops) const;
  void exchange(const std::string& name, CollectiveOp op, bool async, std::vector<Op>& starts, std::vector<Op>& waits);

  const RankShape& shape_;
  const MoeLoad& load_;
  EventSource& events_;
};

// Of the busiest rank (see MoeLoad::factor). A token that travels once has its bytes counted before copies.
CollectiveCall ExchangeBuilder::call(CollectiveOp op) const {
  const MoeSpec& moe = shape_.model.moe;
  const Bytes element = bytes_per_element(precision(op));
  if (dispatcher() == TokenDispatcher::kCopies)
    return {.op = CollectiveOp::kAllToAll, .bytes = elements() * load_.factor * element};
  if (dispatcher() == TokenDispatcher::kGather)
    return {.op = op == CollectiveOp::kEpDispatch ? CollectiveOp::kAllGather : CollectiveOp::kReduceScatter,
            .bytes = load_.carried * real(shape_.model.hidden) * element};
  return {.op = op,
          .bytes = elements() * load_.factor * element,
          .routing = {.topk = load_.draws,
                      .experts = moe.experts,
                      .node_limit = moe.node_limit,
                      .tokens = real(shape_.local_tokens) * load_.factor}};
}

void ExchangeBuilder::cast(const std::string& name, CollectiveOp op, std::vector<Op>& ops) const {
  const Bytes element = bytes_per_element(precision(op));
  if (element == shape_.element) return;
  ops.push_back(vector_op(name + ".cast", ComputeClass::kVector, VectorKind::kCast, elements() * shape_.element,
                          elements() * element));
}

void ExchangeBuilder::exchange(const std::string& name, CollectiveOp op, bool async, std::vector<Op>& starts,
                               std::vector<Op>& waits) {
  cast(name, op, starts);
  if (!async) return starts.push_back(comm_op(name, CommClass::kExpert, GroupKind::kExpert, call(op)));
  const int event = events_.next();
  starts.push_back(async_op(name, CommClass::kExpert, GroupKind::kExpert, call(op), event));
  waits.push_back(wait_op(name, CommClass::kExpert, event));
}

// Backward the halves swap: the later part starts it, the earlier one waits.
ExchangeParts ExchangeBuilder::build(const std::string& name, CollectiveOp forward, CollectiveOp backward, bool async) {
  ExchangeParts parts;
  exchange(name, forward, async, parts.send.forward, parts.receive.forward);
  LayerPart& starts = async ? parts.receive : parts.send;
  exchange(name + ".backward", backward, async, starts.backward, parts.send.backward);
  return parts;
}

LayerPart group_part(const RankShape& shape, const std::string& name, CollectiveOp forward, CollectiveOp backward,
                     Bytes bytes) {
  LayerPart part;
  if (shape.plan.expert_tensor_parallel == 1) return part;
  const auto op = [&](std::string op_name, CollectiveOp what) {
    return comm_op(std::move(op_name), CommClass::kExpert, GroupKind::kExpertTensor, {.op = what, .bytes = bytes});
  };
  part.forward.push_back(op(name, forward));
  part.backward.push_back(op(name + ".backward", backward));
  return part;
}

Bytes gathered_bytes(const RankShape& shape, const MoeLoad& load) {
  return load.carried * real(shape.plan.expert_tensor_parallel) * real(shape.model.hidden) * shape.element;
}

}  // namespace

ExchangeParts dispatch_parts(const RankShape& shape, const MoeLoad& load, bool async, EventSource& events) {
  return ExchangeBuilder(shape, load, events)
      .build("moe.dispatch", CollectiveOp::kEpDispatch, CollectiveOp::kEpCombine, async);
}

ExchangeParts combine_parts(const RankShape& shape, const MoeLoad& load, bool async, EventSource& events) {
  return ExchangeBuilder(shape, load, events)
      .build("moe.combine", CollectiveOp::kEpCombine, CollectiveOp::kEpDispatch, async);
}

LayerPart expert_gather_part(const RankShape& shape, const MoeLoad& load) {
  return group_part(shape, "moe.experts.gather", CollectiveOp::kAllGather, CollectiveOp::kReduceScatter,
                    gathered_bytes(shape, load));
}

LayerPart expert_scatter_part(const RankShape& shape, const MoeLoad& load) {
  return group_part(shape, "moe.experts.scatter", CollectiveOp::kReduceScatter, CollectiveOp::kAllGather,
                    gathered_bytes(shape, load));
}

}  // namespace supernode
