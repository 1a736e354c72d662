#pragma once
// Builds layers and looks into their operations.

#include <gmock/gmock.h>

#include <map>
#include <string>
#include <vector>

#include "plan_fixture.hpp"
#include "workloads/layer_program.hpp"

namespace supernode {

inline std::vector<Op> forward_ops(const LayerParts& parts) {
  std::vector<Op> ops;
  append_forward(parts, ops);
  return ops;
}

inline std::vector<Op> backward_ops(const LayerParts& parts, const PlanSpec& plan = {}) {
  std::vector<Op> ops;
  append_backward(parts, plan, plan.recompute, ops);
  return ops;
}

inline std::vector<Op> layer_forward(const ModelSpec& model, const PlanSpec& plan, bool moe = false) {
  EventSource events;
  return forward_ops(layer_parts(RankShape(model, plan), {.moe = moe}, events));
}

inline std::vector<Op> layer_backward(const ModelSpec& model, const PlanSpec& plan, bool moe = false) {
  EventSource events;
  return backward_ops(layer_parts(RankShape(model, plan), {.moe = moe}, events), plan);
}

// Names; asynchronous launches carry '~', waits '!'.
inline std::vector<std::string> names(const std::vector<Op>& ops) {
  std::vector<std::string> all;
  for (const Op& op : ops) {
    const char* mark = op.kind == Op::Kind::kCommAsync ? "~" : op.kind == Op::Kind::kWait ? "!" : "";
    all.push_back(mark + op.name);
  }
  return all;
}

inline const Op& find(const std::vector<Op>& ops, const std::string& name, Op::Kind kind = Op::Kind::kCompute) {
  static const Op none;
  for (const Op& op : ops) {
    if (op.name == name && op.kind == kind) return op;
  }
  ADD_FAILURE() << "no operation " << name;
  return none;
}

inline double gemm_flops(const std::vector<Op>& ops) {
  double total = 0;
  for (const Op& op : ops) {
    if (op.kind == Op::Kind::kCompute && std::holds_alternative<GemmKernel>(op.kernel)) {
      total += flops(op.kernel).value();
    }
  }
  return total;
}

inline double attention_flops(const std::vector<Op>& ops) {
  double total = 0;
  for (const Op& op : ops) {
    if (op.kind == Op::Kind::kCompute && std::holds_alternative<AttentionKernel>(op.kernel)) {
      total += flops(op.kernel).value();
    }
  }
  return total;
}

// Number and bytes of the collectives of one operation and class.
struct Traffic {
  int calls = 0;
  double bytes = 0;
};
inline Traffic traffic_of(const std::vector<Op>& ops, CollectiveOp op, CommClass comm_class) {
  Traffic total;
  for (const Op& o : ops) {
    const bool launches = o.kind == Op::Kind::kComm || o.kind == Op::Kind::kCommAsync;
    if (!launches || o.call.op != op || o.comm_class != comm_class) continue;
    ++total.calls;
    total.bytes += o.call.bytes.value();
  }
  return total;
}

// Every launch is waited for once, later, in the same list.
inline void expect_matched_events(const std::vector<Op>& ops) {
  std::map<int, int> open;
  for (const Op& op : ops) {
    if (op.kind == Op::Kind::kCommAsync) {
      EXPECT_TRUE(open.emplace(op.event, 1).second);
    }
    if (op.kind == Op::Kind::kWait) {
      EXPECT_EQ(open[op.event]--, 1) << op.name;
    }
  }
  for (const auto& [event, count] : open) EXPECT_EQ(count, 0) << "event " << event;
}

inline PlanSpec tensor_plan(std::int64_t tensor, bool sequence) {
  PlanSpec plan = small_plan();
  plan.tensor_parallel = tensor;
  plan.sequence_parallel = sequence;
  return plan;
}

inline constexpr double kTokens = 64, kHidden = 256,
                        kBuffer = kTokens * kHidden * 2;  // bf16 activations of a micro-batch

}  // namespace supernode
