// A hop of a ring: every rank sends to the next at the same time.

#include <gtest/gtest.h>

#include "sim/collective_cost.hpp"
#include "tests/sim/collective_fixture.hpp"

namespace supernode {
namespace {

using namespace test;
using enum CollectiveOp;

double hop_us(const Fabric& fabric, const std::vector<DeviceId>& members) {
  const CollectiveProtocol protocol = bare_protocol();
  return CollectiveCostModel(fabric, protocol).cost({kSendRecv, 1_MB, {}}, members).time.value() * 1e6;
}

TEST(SendRecv, APairSendsOneMessageAndARingOneEach) {
  CollectiveRegistry registry;
  register_builtin_collectives(registry);
  const auto transfers = [&](int n) {
    const GroupShape shape{std::vector<std::int32_t>(static_cast<std::size_t>(n), 0),
                           std::vector<std::int32_t>(static_cast<std::size_t>(n), 0)};
    const std::vector<Round> rounds = registry.find("send_recv")->rounds({kSendRecv, 1_MB, {}}, shape);
    EXPECT_EQ(rounds.size(), 1u);
    return rounds.front().transfers;
  };
  EXPECT_EQ(transfers(2).size(), 1u);
  const std::vector<Transfer> ring = transfers(5);
  ASSERT_EQ(ring.size(), 5u);
  for (std::int32_t i = 0; i < 5; ++i) {
    EXPECT_EQ(ring[static_cast<std::size_t>(i)].from, i);
    EXPECT_EQ(ring[static_cast<std::size_t>(i)].to, (i + 1) % 5);
    EXPECT_EQ(ring[static_cast<std::size_t>(i)].bytes, 1_MB);
  }
}

TEST(SendRecv, ARingOverOneSwitchTakesAsLongAsAPair) {
  const Fabric fabric = star(8, 100_GBps, 1_us);
  EXPECT_NEAR(hop_us(fabric, devices(2)), 12, 1e-6);  // 1 MB at 100 GB/s, two links of 1 us
  EXPECT_NEAR(hop_us(fabric, devices(8)), 12, 1e-6);
}

// Two nodes of four behind uplinks as fast as one port. Side by side one message leaves each node; zigzag four do, and
// share the uplink.
TEST(SendRecv, MessagesShareTheLinksThatTheRingCrosses) {
  const Fabric fabric = two_tier(2, 4, 100_GBps, 100_GBps, Seconds{});
  EXPECT_NEAR(hop_us(fabric, devices(8)), 10, 1e-6);
  std::vector<DeviceId> zigzag;
  for (int i = 0; i < 4; ++i) zigzag.insert(zigzag.end(), {DeviceId(i), DeviceId(4 + i)});
  EXPECT_NEAR(hop_us(fabric, zigzag), 40, 1e-6);
}

}  // namespace
}  // namespace supernode
