// Faults where devices forward: around a dead link of a ring or a mesh, and out over the NICs when a ring is cut.
#include <gmock/gmock.h>

#include "tests/topology/composed_fixture.hpp"

namespace supernode {
namespace {

using testing::HasSubstr;

const std::string kRing8 = "- {kind: torus, size: 8, bandwidth: 100 GB/s, latency: 1 us}\n";
const std::string kMesh8 = "- {kind: full_mesh, size: 8, bandwidth: 50 GB/s, latency: 0.5 us}\n";

SystemSpec without(const std::string& layers, std::vector<std::string> links) {
  SystemSpec spec = composed(layers, 8);
  for (std::string& link : links) spec.faults.links.push_back({std::move(link), 0});
  return spec;
}

TEST(GridFaults, TheOtherWayRoundARing) {
  const Fabric fabric = build_whole(without(kRing8, {"device0--device1"}));
  EXPECT_EQ(fabric.route(device(0), device(1)).bundles.size(), 7u);
  EXPECT_EQ(fabric.route(device(0), device(2)).bundles.size(), 6u);
  EXPECT_EQ(fabric.route(device(0), device(7)).bundles.size(), 1u);
  EXPECT_EQ(fabric.route(device(2), device(4)).bundles.size(), 2u);
  EXPECT_NEAR(fabric.port_bandwidth(device(0), Plane::kScaleUp).value(), 100e9, 1);
  EXPECT_EQ(fabric.full_graph_paths(Plane::kScaleUp, device(0), device(1)).hops, 7);
}

TEST(GridFaults, OverAThirdDeviceOfAMesh) {
  const Fabric fabric = build_whole(without(kMesh8, {"device0--device1"}));
  const Route& route = fabric.route(device(0), device(1));
  EXPECT_EQ(route.bundles.size(), 2u);
  EXPECT_EQ(route.plane, Plane::kScaleUp);
}

// Cut at two places the ring is two chains, which their NICs join; without the NICs of one chain nothing does.
TEST(GridFaults, ACutRing) {
  SystemSpec spec = without(kRing8, {"device0--device7", "device3--device4"});
  const Fabric fabric = build_whole(spec);
  EXPECT_EQ(fabric.route(device(0), device(3)).plane, Plane::kScaleUp);
  EXPECT_EQ(fabric.route(device(0), device(4)).plane, Plane::kScaleOut);
  spec.faults.nics = {"nic0", "nic1", "nic2", "nic3"};
  try {
    build_whole(spec);
    FAIL() << "nothing joins the two chains";
  } catch (const FaultError& error) {
    EXPECT_THAT(error.what(), HasSubstr("are not connected"));
  }
}

// What is degraded on a grid concerns routes over third devices: no two devices of it count as alike.
TEST(GridFaults, ColoursOfTheirOwn) {
  const Fabric fabric = build_whole(without(kRing8, {"device0--device1"}));
  EXPECT_NE(fabric.fault_colour(device(4)), fabric.fault_colour(device(5)));
}

}  // namespace
}  // namespace supernode
