// PXN: over NVLink to the node's GPU on the receiver's rail, then out of its NIC.
#include <gmock/gmock.h>

#include "tests/topology/system_fixture.hpp"

namespace supernode {
namespace {

using testing::ElementsAre;
using testing::HasSubstr;

std::vector<std::string> names(const Fabric& fabric, const Route& route) {
  std::vector<std::string> out;
  for (const BundleId id : route.bundles) out.push_back(fabric.bundle_name(id));
  return out;
}

const Overrides kPxn = {{"fabric.scale_out.pxn", "true"}};

// GPU 0 of node 0 to GPU 3 of node 1: device 11. NVSwitch twice 0.3 us, four scale-out links of 0.25 us: the spines are
// not touched.
TEST(Pxn, ChangesRailInsideTheNode) {
  const Fabric fabric = build_fabric(load_system("hgx-h100", kPxn), 32);
  const Route& route = fabric.route(device(0), device(11));
  EXPECT_THAT(names(fabric, route),
              ElementsAre("device0 > supernode0.nvswitch", "supernode0.nvswitch > device3", "device3 > nic3",
                          "nic3 > rail3_0.leaf", "rail3_0.leaf > nic11", "nic11 > device11"));
  EXPECT_EQ(route.plane, Plane::kScaleOut);
  EXPECT_EQ(route.paths, 4);  // the NVSwitch chips
  EXPECT_NEAR(route.latency.value(), 2 * 0.3e-6 + 4 * 0.25e-6, 1e-15);
}

TEST(Pxn, TheOwnRailNeedsNoRelay) {
  const Fabric with = build_fabric(load_system("hgx-h100", kPxn), 32),
               without = build_fabric(load_system("hgx-h100"), 32);
  EXPECT_EQ(with.route(device(0), device(8)).bundles, without.route(device(0), device(8)).bundles);
  EXPECT_EQ(with.route(device(0), device(5)).bundles, without.route(device(0), device(5)).bundles);
  EXPECT_NE(with.route(device(0), device(11)).bundles, without.route(device(0), device(11)).bundles);
  EXPECT_NE(with.fingerprint(), without.fingerprint());
}

// Two leaves a rail: still over the spines, but of one rail.
TEST(Pxn, FarLeavesOfTheRail) {
  Overrides overrides = kPxn;
  overrides.emplace_back("fabric.scale_out.leaf_ports", "32");
  const Fabric fabric = build_fabric(load_system("hgx-h100", overrides), 8 * 32);
  const Route& route = fabric.route(device(0), device(8 * 31 + 3));
  ASSERT_EQ(route.bundles.size(), 8u);
  EXPECT_EQ(fabric.bundle_name(route.bundles[3]), "nic3 > rail3_0.leaf");
  EXPECT_EQ(fabric.bundle_name(route.bundles[6]), "rail3_1.leaf > nic251");
}

// On a 910C the same die of the relay's chip takes over.
TEST(Pxn, DiesKeepTheirPlace) {
  const Fabric fabric = build_fabric(load_system("cloudmatrix-384", kPxn), 2 * 384);
  const Route& route = fabric.route(device(1), device(768 + 2 * 5));
  EXPECT_EQ(fabric.bundle_name(route.bundles[1]), "node0.L1 > device11");
  EXPECT_EQ(fabric.bundle_name(route.bundles[2]), "device11 > nic5");
}

TEST(Pxn, HashesTheRailAndSpraysTheNvlinks) {
  Overrides overrides = kPxn;
  overrides.emplace_back("fabric.scale_out.path_choice", "ecmp");
  const Fabric fabric = build_fabric(load_system("hgx-h100", overrides), 32);
  const auto hops = fabric.hashed_path(fabric.route(device(0), device(11)), device(0), device(11), 0);
  ASSERT_EQ(hops.size(), 6u);
  for (std::size_t i = 0; i < 6; ++i) EXPECT_EQ(hops[i].link.valid(), i > 1) << i;
}

TEST(Pxn, NeedsRails) {
  Diagnostics diagnostics;
  read_system("hgx-h100", {{"fabric.scale_out.pxn", "true"}, {"fabric.scale_out.rail_optimised", "false"}},
              diagnostics);
  EXPECT_THAT(diagnostics.render(), HasSubstr("there are no rails to cross"));
}

}  // namespace
}  // namespace supernode
