// Shares of links against algebra by hand, through both flow engines, and the definition of max-min fairness.

#include "sim/max_min.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <rapidcheck.h>

#include <algorithm>
#include <map>

#include "tests/sim/flow_net.hpp"

namespace supernode {
namespace {

using namespace test;
using namespace literals;

struct Flow {
  double megabytes = 0;
  std::vector<std::int32_t> links;
  double start_ms = 0, latency_ms = 0;
};

// Capacities in GB/s, which are MB/ms, so that times in ms are plain quotients.
struct Case {
  const char* name;
  std::vector<double> links;
  std::vector<Flow> flows;
  std::vector<double> ends_ms;
};

FlowPlan plan_of(const Case& c) {
  std::vector<BytesPerSecond> capacities;
  for (const double capacity : c.links) capacities.push_back(capacity * 1_GBps);
  std::vector<LoneFlow> flows;
  for (const Flow& f : c.flows) flows.push_back({f.megabytes * 1_MB, f.links, f.start_ms * 1_ms, f.latency_ms * 1_ms});
  return test::plan_of(capacities, flows);
}

const std::vector<Case>& cases() {
  static const std::vector<Case> cases = {
      // 10 / 10.
      {"one flow", {10}, {{10, {0}}}, {1}},
      // 5 each: 10 / 5.
      {"two flows share", {10}, {{10, {0}}, {10, {0}}}, {2, 2}},
      // 5 each until 2, when the first ends; the second has 20 left at 10.
      {"the rest goes to who is left", {10}, {{10, {0}}, {30, {0}}}, {2, 4}},
      // 100 flows at 0.5.
      {"a hundred flows", {50}, std::vector<Flow>(100, {1, {0}}), std::vector<double>(100, 2)},
      // All links are shared by two: 5 everywhere.
      {"parking lot", {10, 10, 10}, {{10, {0, 1, 2}}, {10, {0}}, {10, {1}}, {10, {2}}}, {2, 2, 2, 2}},
      // The long flow gets 5 on the first link; the others what is left: 5, 15, 35.
      {"widening parking lot", {10, 20, 40}, {{10, {0, 1, 2}}, {10, {0}}, {30, {1}}, {70, {2}}}, {2, 2, 2, 2}},
      // 5 each on link 0; the third gets 30 - 5 = 25 of link 1.
      {"chain of two", {10, 30}, {{10, {0}}, {10, {0, 1}}, {50, {1}}}, {2, 2, 2}},
      // Link 0: 12 / 3 = 4 each. Link 1: 12 - 4 = 8. Link 2: 20 - 8 = 12.
      {"three bottlenecks", {12, 12, 20}, {{4, {0}}, {4, {0}}, {4, {0, 1}}, {8, {1, 2}}, {12, {2}}}, {1, 1, 1, 1, 1}},
      // As above until 1, when the first ends. Then 6 each on links 0 and 1, and 20 - 6 = 14 on link 2, for 1 ms.
      {"three bottlenecks, one flow ends",
       {12, 12, 20},
       {{4, {0}}, {10, {0}}, {10, {0, 1}}, {14, {1, 2}}, {26, {2}}},
       {1, 2, 2, 2, 2}},
      // 2 each on link 1, so 8 for the first. From 1 on, the second has all 4 of link 1 and the first 6.
      {"an end is felt two links away", {10, 4}, {{14, {0}}, {6, {0, 1}}, {2, {1}}}, {2, 2, 1}},
      // Bound by its own link of 1, the first leaves 9.
      {"a thin link of its own", {10, 1}, {{1, {0, 1}}, {9, {0}}}, {1, 1}},
      // Five links long or one, 5 each.
      {"long paths have equal shares", {10, 10, 10, 10, 10}, {{10, {0, 1, 2, 3, 4}}, {10, {0}}}, {2, 2}},
      // Each of three links is shared by two.
      {"a cycle", {10, 10, 10}, {{10, {0, 1}}, {10, {1, 2}}, {10, {2, 0}}}, {2, 2, 2}},
      // 2.5 each until 1; 10/3 each for 0.75; 5 each for 0.5; 10 for 0.25.
      {"incast of four sizes",
       {10, 10, 10, 10, 10},
       {{2.5, {1, 0}}, {5, {2, 0}}, {7.5, {3, 0}}, {10, {4, 0}}},
       {1, 1.75, 2.25, 2.5}},
      // 30 shared by three of which one can take 5, one 10: 15 for the third.
      {"receivers of unequal width", {30, 5, 10, 100}, {{5, {0, 1}}, {10, {0, 2}}, {15, {0, 3}}}, {1, 1, 1}},
      // Receivers (links 2, 3) give 3 to each flow; senders could give 5.
      {"all to all of two and two", {10, 10, 6, 6}, {{3, {0, 2}}, {3, {0, 3}}, {3, {1, 2}}, {3, {1, 3}}}, {1, 1, 1, 1}},
      // The first moves 10 until 1, then 5 per ms until 3. The second has 10 left at 3, at 10.
      {"different latencies", {10}, {{20, {0}}, {20, {0}, 0, 1}}, {3, 4}},
      // 12 until 1; 6 each until 2; 4 each until 3, when two end; 12 left at 12.
      {"staggered arrivals", {12}, {{22, {0}}, {10, {0}, 1}, {16, {0}, 2}}, {3, 3, 4}},
      // The second comes when the first goes.
      {"one after the other", {10}, {{10, {0}}, {10, {0}, 1}}, {1, 2}},
      // A: 10 by 1, 15 by 2 (B ends), 25 by 3, 30 by 4. C: 5 by 4, 10 by 4.5.
      {"down and up again", {10}, {{30, {0}}, {5, {0}, 1}, {10, {0}, 3}}, {4, 2, 4.5}},
      // Start and latency add: the second starts to move at 1.5.
      {"disjoint links", {10, 20}, {{10, {0}}, {20, {1}, 0.5, 1}}, {1, 2.5}},
  };
  return cases;
}

TEST(MaxMin, SharesEqualAlgebra) {
  ASSERT_GE(cases().size(), 20u);
  for (const Case& c : cases()) {
    const FlowPlan plan = plan_of(c);
    for (const FlowEngine way : kWays) {
      const std::vector<Seconds> finish = run(plan, way);
      for (std::size_t f = 0; f < c.flows.size(); ++f) {
        EXPECT_NEAR(finish[2 * f].value() * 1e3, c.ends_ms[f], 1e-6)
            << c.name << ", flow " << f << ", " << to_string(way);
        EXPECT_EQ(finish[2 * f], finish[2 * f + 1]) << c.name;
      }
    }
  }
}

struct System {
  std::vector<double> capacity;
  Crossings crossings;
};

System random_system() {
  System system;
  const int links = *rc::gen::inRange(1, 12), flows = *rc::gen::inRange(1, 20);
  for (int l = 0; l < links; ++l) system.capacity.push_back(*rc::gen::inRange(1, 20));
  for (int f = 0; f < flows; ++f) {
    const int first = *rc::gen::inRange(0, links), count = *rc::gen::inRange(1, std::min(links, 4) + 1);
    std::vector<Crossing> crossings;
    for (int i = 0; i < count; ++i)
      crossings.push_back({(first + i) % links, static_cast<double>(*rc::gen::inRange(1, 4))});
    system.crossings.add_flow(crossings);
  }
  return system;
}

// No link carries more than it can, and every flow crosses a full link on which no flow is faster: then it cannot be
// raised without lowering one that is not faster (Bertsekas & Gallager, section 6.5.2).
void expect_fair(const System& system, const MaxMin& sharing, const std::vector<bool>& running) {
  std::vector<double> used(system.capacity.size()), fastest(system.capacity.size());
  for (std::int32_t f = 0; f < system.crossings.flows(); ++f)
    for (const Crossing& crossing : system.crossings.of(f)) {
      const auto link = static_cast<std::size_t>(crossing.link);
      used[link] += crossing.weight * sharing.rate(f);
      fastest[link] = std::max(fastest[link], sharing.rate(f));
    }
  for (std::size_t l = 0; l < used.size(); ++l) RC_ASSERT(used[l] <= system.capacity[l] * (1 + 1e-9));
  for (std::int32_t f = 0; f < system.crossings.flows(); ++f) {
    if (!running[static_cast<std::size_t>(f)]) continue;
    RC_ASSERT(std::ranges::any_of(system.crossings.of(f), [&](const Crossing& crossing) {
      const auto l = static_cast<std::size_t>(crossing.link);
      return used[l] >= system.capacity[l] * (1 - 1e-9) && sharing.rate(f) >= fastest[l] * (1 - 1e-9);
    }));
  }
}

TEST(MaxMin, IsFairWhateverComesAndGoes) {
  EXPECT_TRUE(rc::check("every flow has a bottleneck", [] {
    const System system = random_system();
    MaxMin sharing(system.capacity, system.crossings);
    std::vector<bool> running(static_cast<std::size_t>(system.crossings.flows()), false);
    for (int turn = 0; turn < 10; ++turn) {
      for (std::int32_t f = 0; f < system.crossings.flows(); ++f) {
        if (*rc::gen::inRange(0, 3) > 0) continue;
        running[static_cast<std::size_t>(f)] ? sharing.stop(f) : sharing.start(f);
        running[static_cast<std::size_t>(f)].flip();
      }
      sharing.share();
      expect_fair(system, sharing, running);
    }
  }));
}

// Two links that share nothing: what comes to the one does not touch the other.
TEST(MaxMin, SolvesOnlyWhatIsTouched) {
  const std::vector<double> capacity = {10, 10};
  Crossings crossings;
  for (const std::int32_t link : {0, 1, 1}) crossings.add_flow(std::vector<Crossing>{{link, 1}});
  MaxMin sharing(capacity, crossings);
  sharing.start(0);
  sharing.start(1);
  EXPECT_EQ(sharing.share().size(), 2u);
  sharing.start(2);
  EXPECT_THAT(sharing.share(), testing::UnorderedElementsAre(1, 2));
  EXPECT_EQ(sharing.rate(0), 10);
  EXPECT_EQ(sharing.rate(1), 5);
}

}  // namespace
}  // namespace supernode
