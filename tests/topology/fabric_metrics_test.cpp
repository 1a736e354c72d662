// Injection, bisection, distances and oversubscription against hand algebra; the folded graph against the maximum flow
// of the full one.
#include "topology/fabric_metrics.hpp"

#include <gtest/gtest.h>

#include "tests/topology/system_fixture.hpp"
#include "topology/folded_flow.hpp"
#include "topology/max_flow.hpp"

namespace supernode {
namespace {

constexpr double kGb = 1e9;

const PlaneMetrics& plane_of(const std::vector<PlaneMetrics>& planes, Plane plane) {
  for (const PlaneMetrics& each : planes) {
    if (each.plane == plane) return each;
  }
  ADD_FAILURE() << "no such plane";
  return planes.front();
}

std::vector<PlaneMetrics> measure(const std::string& system, std::int64_t chips, const Overrides& overrides = {}) {
  return measure_fabric(build_fabric(load_system(system, overrides), chips));
}

void expect_bisection(const PlaneMetrics& plane, double gb) {
  EXPECT_NEAR(plane.bisection.structure.value(), gb * kGb, gb * 1e3);
  ASSERT_TRUE(plane.bisection.max_flow.has_value());
  EXPECT_NEAR(plane.bisection.max_flow->value(), gb * kGb, gb * 1e3);
}

// Four devices on each side of one tier of switches: each sends all it has, 4 · 450 GB/s over 2 links in one way each.
TEST(FabricMetrics, OneTierOfSwitches) {
  const PlaneMetrics up = plane_of(measure("hgx-h100", 8), Plane::kScaleUp);
  EXPECT_EQ(up.devices, 8);
  EXPECT_EQ(up.port_min, up.port_max);
  EXPECT_NEAR(up.injection.value(), 8 * 450 * kGb, 1);
  EXPECT_EQ(up.bisection.halves, "4 | 4 devices");
  expect_bisection(up, 4 * 450);
  EXPECT_EQ(up.distances.diameter, 2);
  EXPECT_DOUBLE_EQ(up.distances.mean_hops, 2);
  EXPECT_EQ(up.distances.paths_min, 4);
  EXPECT_EQ(up.distances.pairs, 56);
  EXPECT_FALSE(up.distances.sampled);
  EXPECT_TRUE(up.tiers.empty());
}

// A full mesh of eight: 4 · 4 links of 28 GB/s cross the middle; of its 7 links a device has 4 across.
TEST(FabricMetrics, Mesh) {
  const PlaneMetrics up = plane_of(measure("atlas-800t-a2", 8), Plane::kScaleUp);
  expect_bisection(up, 16 * 28);
  EXPECT_NEAR(up.bisection.full.value(), 4 * 196 * kGb, 1);
  EXPECT_EQ(up.distances.diameter, 1);
  EXPECT_EQ(up.distances.paths_median, 1);
  EXPECT_DOUBLE_EQ(up.distances.latency_max.value(), 0.5e-6);
}

// 24 nodes of 7 L1 chips with 448 GB/s upwards face 24 others: as much as their 384 dies inject (196 GB/s each). Dies
// of two nodes are four links apart, over 7 · 16 paths, in 2 · (0.25 + 0.35) µs; siblings one link of 0.2 µs.
TEST(FabricMetrics, CloudMatrix) {
  const auto planes = measure("cloudmatrix-384", 384);
  const PlaneMetrics up = plane_of(planes, Plane::kScaleUp);
  EXPECT_EQ(up.bisection.halves, "24 | 24 nodes");
  expect_bisection(up, 24 * 7 * 448);
  EXPECT_NEAR(up.bisection.full.value(), 24 * 7 * 448 * kGb, 1e3);
  EXPECT_EQ(up.distances.diameter, 4);
  EXPECT_EQ(up.distances.paths_median, 112);
  EXPECT_NEAR(up.distances.latency_max.value(), 1.2e-6, 1e-12);
  ASSERT_EQ(up.tiers.size(), 1u);
  EXPECT_EQ(up.tiers[0].tier, "L1");
  EXPECT_NEAR(up.tiers[0].oversubscription(), 1, 1e-12);
  const PlaneMetrics out = plane_of(planes, Plane::kScaleOut);
  EXPECT_NEAR(out.port_min.value(), 25 * kGb, 1);  // 400 Gbps over two dies
  expect_bisection(out, 192 * 50);
}

// Half the uplink halves the bisection and doubles the L1 chips' oversubscription.
TEST(FabricMetrics, OversubscribedUplinks) {
  const PlaneMetrics up =
      plane_of(measure("cloudmatrix-384", 64, {{"fabric.scale_up.l1_uplink", "224 GB/s"}}), Plane::kScaleUp);
  expect_bisection(up, 4 * 7 * 224);
  EXPECT_NEAR(up.tiers.at(0).oversubscription(), 2, 1e-12);
  EXPECT_NEAR(up.bisection.bandwidth() / up.bisection.full, 0.5, 1e-9);
}

// 128 GPUs under leaves of 32 that are oversubscribed 4:1. Rails: 8 leaves of 16 NICs each, both halves under each
// leaf, so the leaves themselves join them and nothing is lost: 64 · 50 GB/s.
TEST(FabricMetrics, RailsCrossNoSpine) {
  const PlaneMetrics out =
      plane_of(measure("hgx-h100", 128, {{"fabric.scale_out.oversubscription", "4"}}), Plane::kScaleOut);
  expect_bisection(out, 64 * 50);
  EXPECT_EQ(out.bisection.halves, "8 | 8 supernodes");
}

// Without rails a leaf holds whole nodes, the halves meet at the spines: 64 · 50 / 4.
TEST(FabricMetrics, FatTreeHalvesMeetAtTheSpines) {
  const PlaneMetrics out =
      plane_of(measure("hgx-h100", 128,
                       {{"fabric.scale_out.oversubscription", "4"}, {"fabric.scale_out.rail_optimised", "false"}}),
               Plane::kScaleOut);
  expect_bisection(out, 64 * 50 / 4.0);
  ASSERT_EQ(out.tiers.size(), 1u);
  EXPECT_EQ(out.tiers[0].tier, "leaf");
  EXPECT_NEAR(out.tiers[0].oversubscription(), 4, 1e-12);
}

// The folded graph is the full one, flow for flow, on every healthy system of two nodes.
TEST(FabricMetrics, StructureIsTheMaximumFlow) {
  for (const std::string& system : all_systems()) {
    if (system == "atlas-950") continue;  // its domain is 8,192 chips however few are used
    const SystemSpec spec = load_system(system);
    for (const PlaneMetrics& plane : measure_fabric(build_fabric(spec, 2 * spec.chips_per_node))) {
      ASSERT_TRUE(plane.bisection.max_flow.has_value());
      EXPECT_NEAR(plane.bisection.structure / *plane.bisection.max_flow, 1, 1e-6)
          << system << " " << to_string(plane.plane);
    }
  }
}

// One of seven sub-planes down: a seventh less of everything, and the folded graph, sub-plane by sub-plane, knows it.
TEST(FabricMetrics, LostSubPlane) {
  const PlaneMetrics up =
      plane_of(measure("cloudmatrix-384", 64, {{"faults", "{planes: {scale_up: 1}}"}}), Plane::kScaleUp);
  EXPECT_NEAR(up.port_max.value(), 6 * 28 * kGb, 1);
  expect_bisection(up, 4 * 6 * 448);
  EXPECT_EQ(up.distances.cut_off, 0);
}

// 50,000 NPUs: pairs are sampled, the graph is too large for the maximum flow, and the answer says so.
TEST(FabricMetrics, LargeClustersAreSampled) {
  const SystemSpec spec = load_system("hgx-h100");
  const PlaneMetrics out = plane_of(measure_fabric(build_fabric(spec, 8192)), Plane::kScaleOut);
  EXPECT_TRUE(out.distances.sampled);
  EXPECT_EQ(out.distances.cut_off, 0);
  EXPECT_EQ(out.distances.diameter, 8);  // NIC, leaf, spine, core and back
  EXPECT_NEAR(out.bisection.structure.value(), 4096 * 50 * kGb, 1e6);
}

}  // namespace
}  // namespace supernode
