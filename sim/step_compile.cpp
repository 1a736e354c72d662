#include "sim/step_compile.hpp"

namespace supernode {
namespace {

void append(PassStep& segment, const TimedOp& op, double straggler_factor) {
  segment.host += op.host;
  segment.lead = max(segment.lead, segment.host - segment.time);
  segment.time += op.time * straggler_factor;
  ++segment.last;
}

}  // namespace

CompiledPass compile_pass(const TimedPass& ops, double straggler_factor) {
  CompiledPass out{&ops, {}, {}, {}};
  for (std::size_t i = 0; i < ops.size(); ++i) {
    const TimedOp& op = ops[i];
    const auto index = static_cast<std::int32_t>(i);
    if (op.kind != Op::Kind::kCompute) {
      out.steps.push_back({false, {}, op.host, op.host, index, index + 1});
      continue;
    }
    if (out.steps.empty() || !out.steps.back().is_compute) out.steps.push_back({true, {}, {}, {}, index, index});
    append(out.steps.back(), op, straggler_factor);
    out.compute[static_cast<std::size_t>(op.compute_class)] += op.time;
    if (op.recompute) out.recompute += op.time;
  }
  return out;
}

}  // namespace supernode
