// Faults in the flow simulation: what an all-to-all of every device loses is what the maximum flow over the cuts of the
// full graph says. A cut is a set of devices against the rest: its bytes over its flow is a time that nothing beats.
#include <fmt/format.h>
#include <gtest/gtest.h>
#include <rapidcheck/gtest.h>

#include <algorithm>
#include <map>
#include <numeric>
#include <set>

#include "sim/flow.hpp"
#include "tests/sim/collective_fixture.hpp"
#include "tests/topology/system_fixture.hpp"
#include "topology/max_flow.hpp"

namespace supernode {
namespace {

using namespace supernode::literals;

constexpr double kPerPeer = 64e6;  // bytes: hop latencies of microseconds are lost beside them

std::vector<DeviceId> all_devices(const Fabric& fabric) {
  return test::devices(static_cast<int>(fabric.device_count()));
}

// Every device takes part, so there are no sibling groups.
constexpr FlowOptions kAlone{.siblings_active = false};

Seconds all_to_all_time(const Fabric& fabric) {
  const std::vector<DeviceId> members = all_devices(fabric);
  Round round;
  const auto n = static_cast<std::int32_t>(members.size());
  for (std::int32_t from = 0; from < n; ++from)
    for (std::int32_t step = 1; step < n; ++step) round.transfers.push_back({from, (from + step) % n, Bytes(kPerPeer)});
  return simulate_flows(fabric, members, {round}, kAlone).time;
}

// Bytes from a set of devices to the others over the flow between them. Dies of one chip talk over their own link.
double cut_time(const Fabric& fabric, const std::vector<DeviceId>& inside, bool out) {
  std::set<int> chips;
  for (const DeviceId device : inside) chips.insert(fabric.place(device).chip);
  std::vector<DeviceId> outside;
  for (const DeviceId device : all_devices(fabric))
    if (!chips.contains(fabric.place(device).chip)) outside.push_back(device);
  if (outside.empty()) return 0;
  const double bytes = kPerPeer * static_cast<double>(inside.size() * outside.size());
  const BytesPerSecond flow =
      out ? max_flow(fabric, Plane::kScaleUp, inside, outside) : max_flow(fabric, Plane::kScaleUp, outside, inside);
  return bytes / flow.value();
}

// Over the devices and nodes of each sort (what is hit alike counts once), and over halves.
double bound(const Fabric& fabric) {
  std::map<std::int32_t, std::vector<DeviceId>> devices;
  std::map<std::vector<std::int32_t>, std::vector<DeviceId>> nodes;
  std::map<int, std::vector<DeviceId>> members;
  std::vector<DeviceId> half;
  for (const DeviceId device : all_devices(fabric)) {
    devices.try_emplace(fabric.fault_colour(device), std::vector{device});
    members[fabric.place(device).node].push_back(device);
    if (device.index < fabric.device_count() / 2) half.push_back(device);
  }
  for (const auto& [node, inside] : members) {
    std::vector<std::int32_t> sort;
    for (const DeviceId device : inside) sort.push_back(fabric.fault_colour(device));
    nodes.try_emplace(sort, inside);
  }
  double worst = cut_time(fabric, half, true);
  for (const auto& [colour, inside] : devices) worst = std::max(worst, cut_time(fabric, inside, true));
  for (const auto& [sort, inside] : nodes) worst = std::max(worst, cut_time(fabric, inside, true));
  return worst;
}

struct Loss {
  std::string name;
  std::string system;
  std::int64_t chips;
  Overrides faults;
  double slowdown;  // by hand
};
void PrintTo(const Loss& loss, std::ostream* out) { *out << loss.name; }

// A die sends to 766 others over 7 links, a node 16 · 752 over 112; for 48 chips 94 and 16 · 80.
std::vector<Loss> losses() {
  std::vector<Loss> list;
  for (const std::int64_t chips : {384, 48}) {
    const double devices = 2.0 * static_cast<double>(chips), die = (devices - 2) / 7, node = 16 * (devices - 16);
    const std::string size = std::to_string(chips);
    const auto add = [&](const char* name, const char* key, const char* value, double slowdown) {
      list.push_back({name + size, "cloudmatrix-384", chips, {{key, value}}, slowdown});
    };
    const double uplinks = std::max(die, node / 112);
    add("Port", "faults.links", "[device5--node0.L1.3]", 7.0 / 6);
    add("Uplink", "faults.links", "[node1.L1.3--supernode0.L2.3.9]", std::max(die, node / 111) / uplinks);
    add("Plane", "faults.planes.scale_up", "1", 7.0 / 6);
    add("L1Chip", "faults.switches", "[node2.L1.0]", 7.0 / 6);
    add("L2Chip", "faults.switches", "[supernode0.L2.6.15]", std::max(die, node / 111) / uplinks);
  }
  list.push_back({"NvSwitch", "hgx-h100", 8, {{"faults.switches", "[supernode0.nvswitch.2]"}}, 4.0 / 3});
  list.push_back({"NvlSwitch", "gb200-nvl72", 72, {{"faults.switches", "[supernode0.nvswitch.0]"}}, 18.0 / 17});
  return list;
}

class OneLoss : public testing::TestWithParam<Loss> {};

TEST_P(OneLoss, SlowsAllToAllAsMaxFlowSays) {
  const Loss& loss = GetParam();
  const Fabric healthy = build_fabric(load_system(loss.system), loss.chips);
  const Fabric broken = build_fabric(load_system(loss.system, loss.faults), loss.chips);
  const double slowdown = all_to_all_time(broken) / all_to_all_time(healthy);
  EXPECT_GE(slowdown, 1 - 1e-9);
  EXPECT_NEAR(slowdown, bound(broken) / bound(healthy), 0.02 * slowdown);
  EXPECT_NEAR(slowdown, loss.slowdown, 0.02 * slowdown);
}

INSTANTIATE_TEST_SUITE_P(Faults, OneLoss, testing::ValuesIn(losses()),
                         [](const auto& param) { return param.param.name; });

// Four nodes, a leaf a rail with 4 NICs of 50 GB/s below and a link of 50 GB/s to each of 4 spines. A GPU sends to 24
// over its NIC, 21 of them on other rails, above the leaf: 4 · 21 over three uplinks take longer than 24 over a NIC.
TEST(FaultTime, ALeafUplinkLost) {
  Overrides set{{"fabric.scale_out.leaf_ports", "8"}};
  const Fabric healthy = build_fabric(load_system("hgx-h100", set), 32);
  set.push_back({"faults.links", "[rail0_0.leaf--cluster.spine0]"});
  const Fabric broken = build_fabric(load_system("hgx-h100", set), 32);
  EXPECT_NEAR(all_to_all_time(broken) / all_to_all_time(healthy), (84.0 / 3) / 24, 0.002);
}

// GPU 3 goes out through GPU 4's NIC, which then serves two.
TEST(FaultTime, ANicLost) {
  const Fabric healthy = build_fabric(load_system("hgx-h100"), 32);
  const Fabric broken = build_fabric(load_system("hgx-h100", {{"faults.nics", "[nic3]"}}), 32);
  EXPECT_NEAR(all_to_all_time(broken) / all_to_all_time(healthy), 2, 0.01);
}

// A die without ports sends through its sibling's: two dies behind one port.
TEST(FaultTime, RelayOverDieToDie) {
  std::string links;
  for (int plane = 0; plane < 7; ++plane) links += fmt::format("device0--node0.L1.{}, ", plane);
  const Fabric healthy = build_fabric(load_system("cloudmatrix-384"), 32);
  const Fabric broken = build_fabric(load_system("cloudmatrix-384", {{"faults.links", "[" + links + "]"}}), 32);
  EXPECT_NEAR(all_to_all_time(broken) / all_to_all_time(healthy), 2, 0.01);
}

// Two nodes that kept different sub-planes 0 to 2 and 3 to 6 of their uplinks, but for sub-plane 3: between them one of
// seven is left, which 16 · 16 pairs share. 16 dies to 16: 256 over 16 links.
TEST(FaultTime, SubPlanesThatHardlyMeet) {
  const Overrides faults{{"faults.links", [] {
                            std::string links = "[";
                            for (int plane = 0; plane < 7; ++plane) {
                              for (int chip = 0; chip < 16; ++chip) {
                                const int node = plane < 3 ? 0 : 1;
                                if (plane != 3)
                                  links += fmt::format("node{}.L1.{}--supernode0.L2.{}.{}, ", node, plane, plane, chip);
                              }
                            }
                            return links + "]";
                          }()}};
  const Fabric fabric = build_fabric(load_system("cloudmatrix-384", faults), 16);
  Round round;
  for (std::int32_t from = 0; from < 16; ++from)
    for (std::int32_t to = 16; to < 32; ++to) round.transfers.push_back({from, to, Bytes(kPerPeer)});
  const Seconds time = simulate_flows(fabric, all_devices(fabric), {round}, kAlone).time;
  EXPECT_NEAR(time.value(), 256 * kPerPeer / (16 * 28e9), 0.002 * time.value());
}

// The folded engine and SimGrid see the same limits.
TEST(FaultTime, EnginesAgree) {
  const Fabric fabric = build_fabric(load_system("cloudmatrix-384", {{"faults.random.links", "40"}}), 16);
  Round round;
  for (std::int32_t from = 0; from < 32; ++from)
    for (std::int32_t to = 0; to < 32; ++to)
      if (from != to) round.transfers.push_back({from, to, Bytes(kPerPeer)});
  FlowOptions options = kAlone;
  const Seconds folded = simulate_flows(fabric, all_devices(fabric), {round}, options).time;
  options.engine = FlowEngine::kSimGrid;
  const Seconds simgrid = simulate_flows(fabric, all_devices(fabric), {round}, options).time;
  EXPECT_NEAR(folded / simgrid, 1, 1e-4);
}

// Faults drawn one after the other: each leaves a subset of the links, so nothing gets faster.
RC_GTEST_PROP(FaultProperty, MoreFaultsAreNeverFaster, ()) {
  const auto seed = *rc::gen::inRange(0, 1000);
  const auto kind = *rc::gen::element<std::string>("links", "optics", "switches");
  const auto most = *rc::gen::inRange(1, kind == "links" ? 60 : 8);
  Seconds before = all_to_all_time(build_fabric(load_system("cloudmatrix-384"), 24));
  for (const int count : {most / 3, 2 * most / 3, most}) {
    const Overrides faults{{"faults.random." + kind, std::to_string(count)},
                           {"faults.random.seed", std::to_string(seed)}};
    const Seconds now = all_to_all_time(build_fabric(load_system("cloudmatrix-384", faults), 24));
    RC_ASSERT(now.value() >= before.value() * (1 - 1e-6));
    before = now;
  }
}

// Two nodes of 16 dies with 112 uplinks of 28 GB/s each have lost one to different L2 chips: they share the other 110.
// One die a node sends over its port, 7 links, alone; among 16 siblings it has a sixteenth of the 110 (6.875 links),
// which is less than its part of its own node's uplinks (111 / 16).
TEST(FaultTime, SiblingsShareJointLimits) {
  const Fabric fabric =
      build_fabric(load_system("cloudmatrix-384",
                               {{"faults.links", "[node0.L1.0--supernode0.L2.0.3, node1.L1.0--supernode0.L2.0.5]"}}),
                   24);
  const std::vector<DeviceId> members{DeviceId(0), DeviceId(20)};
  const auto rate = [&](bool siblings, std::int32_t from) {
    const Round round{{{from, 1 - from, Bytes(1e9)}}, 1};
    const FlowResult result = simulate_flows(fabric, members, {round}, {.siblings_active = siblings});
    return 1e9 / (result.time - result.latency).value();
  };
  for (const std::int32_t from : {0, 1}) {
    EXPECT_NEAR(rate(false, from), 7 * 28e9, 1e3);
    EXPECT_NEAR(rate(true, from), 110 * 28e9 / 16, 1e3);
  }
}

// A die without sub-plane 1 and one of the next node without sub-plane 2 have five of seven links between them, and no
// sibling sends there: the limit of a pair is its own, whoever else runs.
TEST(FaultTime, ThePairsLimitIsItsOwn) {
  const Fabric fabric = build_fabric(
      load_system("cloudmatrix-384", {{"faults.links", "[device0--node0.L1.1, device20--node1.L1.2]"}}), 16);
  const std::vector<DeviceId> members{DeviceId(0), DeviceId(20)};
  const Round round{{{0, 1, Bytes(1e9)}}, 1};
  for (const bool siblings : {false, true}) {
    const FlowResult result = simulate_flows(fabric, members, {round}, {.siblings_active = siblings});
    EXPECT_NEAR(1e9 / (result.time - result.latency).value(), 5 * 28e9, 1e3);
  }
}

}  // namespace
}  // namespace supernode
