#include "workloads/slow_host.hpp"

#include <map>

namespace supernode {

namespace {

bool is_collective(const Op& op) {
  return (op.kind == Op::Kind::kComm || op.kind == Op::Kind::kCommAsync) && op.comm_class != CommClass::kHost;
}

// Of one stage.
class SlowHost {
 public:
  SlowHost(const PlanSpec& plan, std::int64_t stage) : plan_(plan), stage_(stage) {}

  void add(std::vector<Op>& ops) {
    for (Op& op : ops)
      if (op.launches > 0 && is_collective(op)) op.launches += plan_.launch.for_peer * peers(op.group);
    if (!ops.empty() && ops.front().launches > 0 && plan_.pipeline_parallel > 1)
      ops.front().launches += plan_.launch.for_message;
  }

 private:
  std::int64_t peers(GroupKind group) {
    const auto [known, fresh] = peers_.try_emplace(group, 0);
    if (fresh) known->second = static_cast<std::int64_t>(group_members(plan_, group, stage_).size()) - 1;
    return known->second;
  }

  const PlanSpec& plan_;
  std::int64_t stage_;
  std::map<GroupKind, std::int64_t> peers_;
};

}  // namespace

void add_slow_host(StepProgram& program, const PlanSpec& plan) {
  if (plan.launch.for_peer == 0 && plan.launch.for_message == 0) return;
  std::int64_t index = 0;
  for (StageProgram& stage : program.stages) {
    SlowHost host(plan, index++);
    for (auto& passes : stage.chunks) {
      for (PassKind kind : kAllPassKinds) {
        host.add(passes.inner(kind).ops);
        host.add(passes.edge(kind).ops);
      }
    }
  }
}

}  // namespace supernode
