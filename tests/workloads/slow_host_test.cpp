// What a host that falls behind adds: to collectives by the ranks of their group, to passes by their messages.
#include "workloads/slow_host.hpp"

#include <gtest/gtest.h>

#include "plan_fixture.hpp"

namespace supernode {
namespace {

const std::vector<Op>& forward_ops(const StepProgram& program) {
  return program.stages[0].chunks[0].inner(PassKind::kForward).ops;
}

// Four tensor-parallel ranks have three peers each: 1 + 6·3 launches of a collective.
TEST(SlowHost, ACollectiveWaitsForEachPeer) {
  PlanSpec plan = small_plan();
  plan.tensor_parallel = 4;
  plan.launch.for_peer = 6;
  plan.launch.for_message = 100;  // there is one stage: no messages
  int collectives = 0;
  const StepProgram program = build_step_program(small_dense_model(), plan);
  for (const Op& op : forward_ops(program)) {
    const bool collective = op.kind == Op::Kind::kComm || op.kind == Op::Kind::kCommAsync;
    collectives += collective ? 1 : 0;
    EXPECT_EQ(op.launches, collective ? 1 + 6 * 3 : 1) << op.name;
  }
  EXPECT_GT(collectives, 0);
}

TEST(SlowHost, APassOfAStageWaitsForItsMessages) {
  PlanSpec plan = small_plan();
  plan.pipeline_parallel = 2;
  plan.launch.for_message = 100;
  const StepProgram program = build_step_program(small_dense_model(), plan);
  std::int64_t launches = 0;
  for (const Op& op : forward_ops(program)) launches += op.launches;
  EXPECT_EQ(launches, static_cast<std::int64_t>(forward_ops(program).size()) + 100);
  EXPECT_EQ(forward_ops(program).front().launches, 101);
}

}  // namespace
}  // namespace supernode
