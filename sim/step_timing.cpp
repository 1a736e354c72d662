#include "sim/step_timing.hpp"

#include <algorithm>
#include <array>
#include <map>
#include <set>
#include <stdexcept>
#include <tuple>

#include "base/numeric.hpp"
#include "sim/stage_groups.hpp"
#include "sim/step_software.hpp"

namespace supernode {
namespace {

// What a collective's cost depends on: the call and, by symmetry of the placement, the group's members.
using CallKey = std::tuple<CollectiveCall, GroupKind, std::int64_t>;

// What a report tells apart: one name may stand for several sizes (the gradients of a layer and of the head).
using UseKey = std::pair<std::string, CollectiveCall>;

class Timer {
 public:
  explicit Timer(const TimingInput& input) : in_(input), groups_(input.fabric, input.plan, input.placement) {}
  StepTiming run();

 private:
  void prefetch();
  void collect(const std::vector<Op>& ops, std::int64_t stage, std::set<CallKey>& into);
  TimedStage time_stage(std::int64_t stage);
  TimedPass time_ops(const std::vector<Op>& ops, std::int64_t stage, PassKind kind = PassKind::kForward);
  TimedOp time_op(const Op& op, std::int64_t stage, PassKind kind = PassKind::kForward);
  const KernelCost& kernel_cost(const Kernel& kernel);
  double slowdown(std::int64_t stage) const;
  CollectiveCost communication(const Op& op, std::int64_t stage);
  CollectiveCost slowest(const CollectiveCall& call, GroupKind kind, std::int64_t stage);
  CollectiveCost host_transfer(Bytes bytes) const;
  std::int32_t intern(const std::string& name);
  void count_uses(const StageProgram& stage, std::int64_t index);
  void weigh(const Op& op, std::int64_t stage, double times);
  void keep_busiest();

  const TimingInput& in_;
  StageGroups groups_;
  StepTiming out_;
  std::map<Kernel, KernelCost> kernel_costs_;
  std::map<CallKey, CollectiveCost> costs_;
  std::map<std::string, std::int32_t> names_;
  std::vector<std::map<UseKey, CollectiveUse>> uses_;  // by stage
  std::array<Seconds, kCostFamilies> family_time_{}, family_deviation_{};
};

Op send_op(const StepProgram& program) {
  Op op;
  op.kind = Op::Kind::kComm;
  op.name = "pipeline.send";
  op.call = {CollectiveOp::kSendRecv, program.boundary_bytes, {}};
  op.comm_class = CommClass::kPipeline;
  op.group = GroupKind::kPipelineNext;
  return op;
}

std::int32_t Timer::intern(const std::string& name) {
  const auto [it, fresh] = names_.try_emplace(name, static_cast<std::int32_t>(names_.size()));
  if (fresh) out_.program.names.push_back(name);
  return it->second;
}

const KernelCost& Timer::kernel_cost(const Kernel& kernel) {
  const auto [it, fresh] = kernel_costs_.try_emplace(kernel);
  if (fresh) it->second = in_.kernels.cost(kernel);
  return it->second;
}

double Timer::slowdown(std::int64_t stage) const {
  return in_.slowdowns.empty() ? 1 : in_.slowdowns[static_cast<std::size_t>(stage)];
}

bool communicates(const Op& op) { return op.kind == Op::Kind::kComm || op.kind == Op::Kind::kCommAsync; }
bool is_collective(const Op& op) { return communicates(op) && op.comm_class != CommClass::kHost; }

// Between a device and host memory by a copy engine: bytes over the host link, which is no port of the network.
CollectiveCost Timer::host_transfer(Bytes bytes) const {
  if (in_.host_bandwidth.value() <= 0)
    throw std::runtime_error("the plan offloads to host memory, but the system states no host_bandwidth");
  CollectiveCost cost;
  cost.time = bytes / in_.host_bandwidth;
  cost.port_bytes = cost.chunk = bytes;
  cost.port_bandwidth = in_.host_bandwidth;
  cost.plane = Plane::kLocal;
  cost.algorithm = "host_link";
  cost.rounds = 1;
  return cost;
}

CollectiveCost Timer::communication(const Op& op, std::int64_t stage) {
  if (!is_collective(op)) return host_transfer(op.call.bytes);
  const auto [it, fresh] = costs_.try_emplace({op.call, op.group, stage});
  if (fresh) it->second = slowest(op.call, op.group, stage);
  return it->second;
}

CollectiveCost Timer::slowest(const CollectiveCall& call, GroupKind kind, std::int64_t stage) {
  CollectiveCost worst;
  for (const std::vector<DeviceId>& group : groups_.of(kind, stage)) {
    CollectiveCost cost = in_.collectives.cost(call, group);
    if (worst.rounds == 0 || cost.time > worst.time) worst = std::move(cost);
  }
  return worst;
}

TimedOp Timer::time_op(const Op& op, std::int64_t stage, PassKind kind) {
  TimedOp timed;
  timed.kind = op.kind;
  timed.name = intern(op.name);
  timed.compute_class = op.compute_class;
  timed.comm_class = op.comm_class;
  timed.event = op.event;
  timed.recompute = op.recompute;
  timed.launches = op.launches;
  timed.backward = kind != PassKind::kForward && !op.recompute;
  if (op.kind == Op::Kind::kCompute) {
    timed.time = kernel_cost(op.kernel).time * slowdown(stage);
    timed.family = family_of(op.kernel);
  }
  if (communicates(op)) {
    const CollectiveCost cost = communication(op, stage);
    timed.time = cost.time;
    timed.latency = cost.latency;
    timed.port_bytes = cost.port_bytes;
    timed.plane = cost.plane;
    if (is_collective(op)) timed.family = family_of(op.call.op, cost.plane);
  }
  return timed;
}

TimedPass Timer::time_ops(const std::vector<Op>& ops, std::int64_t stage, PassKind kind) {
  TimedPass out;
  out.reserve(ops.size());
  for (const Op& op : ops) out.push_back(time_op(op, stage, kind));
  return out;
}

TimedStage Timer::time_stage(std::int64_t index) {
  const StageProgram& stage = in_.program.stages[static_cast<std::size_t>(index)];
  TimedStage out;
  for (const auto& passes : stage.chunks) {
    PassSet<TimedPass>& timed = out.chunks.emplace_back();
    for (const PassKind kind : kAllPassKinds) {
      timed.inner(kind) = time_ops(passes.inner(kind).ops, index, kind);
      timed.edge(kind) = time_ops(passes.edge(kind).ops, index, kind);
    }
  }
  out.prologue = time_ops(stage.prologue, index);
  out.epilogue = time_ops(stage.epilogue, index);
  out.order = stage.order;
  out.pieces = stage.pieces;
  out.scale_up_port = groups_.port(index, Plane::kScaleUp);
  out.scale_out_port = groups_.port(index, Plane::kScaleOut);
  if (in_.program.stages.size() > 1) out.send_next = time_op(send_op(in_.program), index);
  count_uses(stage, index);
  return out;
}

// Costs of a family err together, so that their deviations add.
void Timer::weigh(const Op& op, std::int64_t stage, double times) {
  const auto add = [&](int family, Seconds time, Seconds deviation) {
    family_time_[static_cast<std::size_t>(family)] += times * time;
    family_deviation_[static_cast<std::size_t>(family)] += times * deviation;
  };
  if (op.kind == Op::Kind::kCompute) {
    const KernelCost& cost = kernel_cost(op.kernel);
    add(family_of(op.kernel), cost.time, cost.deviation);
  } else if (is_collective(op)) {
    const CollectiveCost cost = communication(op, stage);
    add(family_of(op.call.op, cost.plane), cost.time, cost.deviation);
  }
}

void Timer::count_uses(const StageProgram& stage, std::int64_t index) {
  auto& uses = uses_.emplace_back();
  const auto count = [&](const std::vector<Op>& ops, std::int64_t times) {
    for (const Op& op : ops) {
      weigh(op, index, real(times));
      if (!communicates(op) || times == 0) continue;
      CollectiveUse& use = uses[{op.name, op.call}];
      use.name = op.name;
      use.comm_class = op.comm_class;
      use.call = op.call;
      use.cost = communication(op, index);
      use.group_size =
          is_collective(op) ? static_cast<std::int64_t>(group_members(in_.plan, op.group, index).size()) : 1;
      use.calls += times;
    }
  };
  for (const OpsUse& use : uses_of(stage, in_.program.microbatches)) count(*use.ops, use.times);
  if (in_.program.stages.size() > 1) count({send_op(in_.program)}, 2 * in_.program.microbatches * in_.program.chunks);
}

// Reports each collective once, as the stage with the most time in it uses it.
void Timer::keep_busiest() {
  std::map<UseKey, CollectiveUse> best;
  for (const auto& stage : uses_)
    for (const auto& [key, use] : stage) {
      const auto total = [](const CollectiveUse& u) { return u.cost.time * static_cast<double>(u.calls); };
      const auto [it, fresh] = best.try_emplace(key, use);
      if (!fresh && total(it->second) < total(use)) it->second = use;
    }
  for (auto& [key, use] : best) out_.collectives.push_back(use);
}

void Timer::collect(const std::vector<Op>& ops, std::int64_t stage, std::set<CallKey>& into) {
  for (const Op& op : ops)
    if (is_collective(op)) into.insert({op.call, op.group, stage});
}

// All distinct collectives, so that they can be simulated side by side.
void Timer::prefetch() {
  std::set<CallKey> wanted;
  for (std::size_t s = 0; s < in_.program.stages.size(); ++s) {
    const StageProgram& stage = in_.program.stages[s];
    const auto index = static_cast<std::int64_t>(s);
    for (const OpsUse& use : uses_of(stage, in_.program.microbatches)) collect(*use.ops, index, wanted);
    if (in_.program.stages.size() > 1) collect({send_op(in_.program)}, index, wanted);
  }
  std::vector<CollectiveCostModel::Request> requests;
  for (const auto& [call, kind, stage] : wanted)
    for (const std::vector<DeviceId>& group : groups_.of(kind, stage)) requests.push_back({call, group});
  in_.collectives.prefetch(requests, in_.workers);
}

StepTiming Timer::run() {
  prefetch();
  out_.program.microbatches = in_.program.microbatches;
  out_.program.chunks = in_.program.chunks;
  out_.program.chain_length = in_.program.chain_length;
  out_.program.blocking_sends = in_.program.blocking_sends;
  out_.program.one_graph = in_.program.one_graph;
  for (std::size_t s = 0; s < in_.program.stages.size(); ++s)
    out_.program.stages.push_back(time_stage(static_cast<std::int64_t>(s)));
  keep_busiest();
  for (std::size_t f = 0; f < family_time_.size(); ++f)
    if (family_time_[f].value() > 0) out_.deviation[f] = family_deviation_[f] / family_time_[f];
  if (in_.software != nullptr) out_.program = apply_software(out_.program, *in_.software);
  return std::move(out_);
}

}  // namespace

StepTiming time_step(const TimingInput& input) { return Timer(input).run(); }

}  // namespace supernode
