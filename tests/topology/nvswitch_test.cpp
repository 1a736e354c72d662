// HGX nodes and the NVL72 rack.
#include <gtest/gtest.h>

#include <algorithm>

#include "tests/topology/system_fixture.hpp"

namespace supernode {
namespace {

TEST(Nvl72, Census) {
  const Fabric fabric = build_fabric(load_system("gb200-nvl72"), 72);
  const Census census = fabric.census();
  EXPECT_EQ(census.vertices.at("device"), 72);
  EXPECT_EQ(census.vertices.at("cpu"), 36);
  EXPECT_EQ(census.vertices.at("nic"), 72);
  EXPECT_EQ(census.vertices.at("switch:nvswitch"), 18);
  EXPECT_EQ(census.links.at("scale_up/copper"), 72 * 18);
  EXPECT_EQ(census.links.count("scale_up/optical"), 0u);
}

TEST(Nvl72, TheWholeRackIsOneDomain) {
  const Fabric fabric = build_fabric(load_system("gb200-nvl72"), 144);
  const Route& within = fabric.route(device(0), device(71));
  EXPECT_EQ(within.plane, Plane::kScaleUp);
  EXPECT_EQ(within.paths, 18);
  EXPECT_DOUBLE_EQ(fabric.bundle(within.bundles[0]).bandwidth.value(), 900e9);
  EXPECT_NEAR(within.latency.value(), 0.6e-6, 1e-15);
  EXPECT_EQ(fabric.route(device(0), device(72)).plane, Plane::kScaleOut);
  EXPECT_EQ(fabric.place(device(72)).supernode, 1);
  EXPECT_EQ(fabric.place(device(71)).node, 17);
}

struct HgxCase {
  const char* system;
  int switches;
  double nvlink, nic;  // bytes/s, one GPU
};

class Hgx : public testing::TestWithParam<HgxCase> {};

TEST_P(Hgx, NodeAndPorts) {
  const HgxCase& expected = GetParam();
  const Fabric fabric = build_fabric(load_system(expected.system), 32);
  EXPECT_EQ(fabric.census().vertices.at("switch:nvswitch"), 4 * expected.switches);
  EXPECT_EQ(fabric.census().links.at("scale_up/copper"), 32 * expected.switches);
  EXPECT_DOUBLE_EQ(fabric.port_bandwidth(device(9), Plane::kScaleUp).value(), expected.nvlink);
  EXPECT_DOUBLE_EQ(fabric.port_bandwidth(device(9), Plane::kScaleOut).value(), expected.nic);
  EXPECT_EQ(fabric.port_bandwidth(device(9), Plane::kLocal), BytesPerSecond(0));
  EXPECT_EQ(fabric.route(device(0), device(7)).paths, expected.switches);
  EXPECT_EQ(fabric.route(device(0), device(8)).plane, Plane::kScaleOut);
}

INSTANTIATE_TEST_SUITE_P(Systems, Hgx,
                         testing::Values(HgxCase{"hgx-h100", 4, 450e9, 50e9}, HgxCase{"hgx-h800", 4, 200e9, 50e9},
                                         HgxCase{"hgx-a100", 6, 300e9, 25e9}, HgxCase{"hgx-a100-40gb", 6, 300e9, 25e9},
                                         HgxCase{"hgx-a800", 6, 200e9, 25e9}, HgxCase{"hgx-h200", 4, 450e9, 50e9},
                                         HgxCase{"hgx-h20", 4, 450e9, 50e9}, HgxCase{"hgx-b200", 2, 900e9, 50e9},
                                         HgxCase{"hgx-b300", 2, 900e9, 100e9}),
                         [](const auto& info) {
                           std::string name = std::string(info.param.system).substr(4);
                           std::ranges::replace(name, '-', '_');
                           return name;
                         });

}  // namespace
}  // namespace supernode
