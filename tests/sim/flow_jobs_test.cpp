// Several collectives at once, against algebra by hand.

#include "sim/flow_jobs.hpp"

#include <gtest/gtest.h>

#include "tests/sim/collective_fixture.hpp"

namespace supernode {
namespace {

using namespace test;

double us(Seconds time) { return time.value() * 1e6; }

FlowJob one_transfer(std::int64_t from, std::int64_t to, Bytes bytes, Seconds start = {}) {
  return {{DeviceId(from), DeviceId(to)}, {{{{0, 1, bytes}}, 1}}, start};
}

FlowOptions by(FlowEngine engine) { return {.siblings_active = false, .engine = engine}; }

class FlowJobs : public testing::TestWithParam<FlowEngine> {
 protected:
  ConcurrentResult run(const Fabric& fabric, const std::vector<FlowJob>& jobs) {
    return simulate_concurrent(fabric, jobs, by(GetParam()));
  }
};

// Both into port 2: 50 GB/s each until the first has its 1 MB at 20 us; the second then has 2 MB left at 100 GB/s.
TEST_P(FlowJobs, ShareALinkUntilTheFirstEnds) {
  const Fabric fabric = star(4, 100_GBps, Seconds{});
  const ConcurrentResult result = run(fabric, {one_transfer(0, 2, 1_MB), one_transfer(1, 2, 3_MB)});
  EXPECT_NEAR(us(result.finish[0]), 20, 1e-6);
  EXPECT_NEAR(us(result.finish[1]), 40, 1e-6);
  EXPECT_NEAR(us(result.all.time), 40, 1e-6);
  EXPECT_NEAR(result.all.busiest_utilisation, 1, 1e-9);
}

// The first has 1 MB left when the second starts at 20 us; 50 GB/s each; both end at 40.
TEST_P(FlowJobs, StartWhenTheyAreTold) {
  const Fabric fabric = star(4, 100_GBps, Seconds{});
  const ConcurrentResult result = run(fabric, {one_transfer(0, 2, 3_MB), one_transfer(1, 2, 1_MB, 20_us)});
  EXPECT_NEAR(us(result.finish[0]), 40, 1e-6);
  EXPECT_NEAR(us(result.finish[1]), 40, 1e-6);
}

// A ring of two on devices 0, 1 and another on the same devices: every port carries both, each takes twice as long.
//   alone: 2 rounds of 1 MB and 2 us: 24 us; together: 2 · (2 + 20) = 44 us.
TEST_P(FlowJobs, MayUseTheSameDevices) {
  const Fabric fabric = star(2, 100_GBps, 1_us);
  const FlowJob ring{devices(2), {{{{0, 1, 1_MB}, {1, 0, 1_MB}}, 2}}, {}};
  EXPECT_NEAR(us(run(fabric, {ring}).finish[0]), 24, 1e-6);
  const ConcurrentResult both = run(fabric, {ring, ring});
  EXPECT_NEAR(us(both.finish[0]), 44, 1e-6);
  EXPECT_NEAR(us(both.finish[1]), 44, 1e-6);
  EXPECT_EQ(both.all.flows, 8);
}

// Two nodes of two under a spine, uplinks of 100 GB/s. Job 0 sends 1 MB and then 1 MB more across; job 1, inside node
// 0, shares only port 0 with it. 0→2 and 0→1 have 50 GB/s each of port 0. At 20 us job 1 is done; job 0's second round
// has the whole port: 30 us.
TEST_P(FlowJobs, GoThroughTheirRoundsOnTheirOwn) {
  const Fabric fabric = two_tier(2, 2, 100_GBps, 100_GBps, Seconds{});
  FlowJob across = one_transfer(0, 2, 1_MB);
  across.rounds.front().repeat = 2;
  const ConcurrentResult result = run(fabric, {across, one_transfer(0, 1, 1_MB)});
  EXPECT_NEAR(us(result.finish[1]), 20, 1e-6);
  EXPECT_NEAR(us(result.finish[0]), 30, 1e-6);
}

// What shares nothing takes as long as alone, and what has nothing to send ends when it starts.
TEST_P(FlowJobs, DoNotDisturbOneAnotherElsewhere) {
  const Fabric fabric = star(8, 100_GBps, 1_us);
  const auto rounds = rounds_of(fabric, devices(4), "ring", {CollectiveOp::kAllReduce, 80_MB, {}});
  const FlowOptions exact{.siblings_active = false, .aggregate_rounds = false, .engine = GetParam()};
  const Seconds alone = simulate_flows(fabric, devices(4), rounds, exact).time;
  const ConcurrentResult result =
      run(fabric, {{devices(4), rounds, {}}, {devices(4, 4), rounds, 7_us}, {devices(2), {}, 9_us}});
  EXPECT_NEAR(result.finish[0] / alone, 1, 1e-12);
  EXPECT_NEAR(us(result.finish[1]), us(alone) + 7, 1e-6);
  EXPECT_EQ(result.finish[2], 9_us);
}

INSTANTIATE_TEST_SUITE_P(Engines, FlowJobs, testing::Values(FlowEngine::kFolded, FlowEngine::kSimGrid),
                         [](const auto& engine) { return engine.param == FlowEngine::kFolded ? "Folded" : "SimGrid"; });

// With siblings, the share is that of the members of all jobs: two of four devices under the uplink of 160 GB/s have 80
// for two flows of 1 MB: 25 us.
TEST(FlowJobsSiblings, CountTheMembersOfAllJobs) {
  const Fabric fabric = two_tier(2, 4, 100_GBps, 160_GBps, Seconds{});
  const std::vector<FlowJob> jobs = {one_transfer(0, 4, 1_MB), one_transfer(1, 5, 1_MB)};
  EXPECT_NEAR(us(simulate_concurrent(fabric, jobs, {.siblings_active = true}).all.time), 25, 1e-6);
  EXPECT_NEAR(us(simulate_concurrent(fabric, jobs).all.time), 1e6 / 80e9 * 1e6, 1e-6);
}

}  // namespace
}  // namespace supernode
