// The systems that docs/models/fabric.md writes out, from its very text.
#include <gmock/gmock.h>

#include <fstream>
#include <sstream>

#include "tests/topology/composed_fixture.hpp"

namespace supernode {
namespace {

// The fenced block whose first line is `name: NAME`.
SystemSpec from_document(const std::string& name) {
  std::ifstream file(std::string(SUPERNODE_SOURCE_DIR) + "/docs/models/fabric.md");
  std::stringstream text;
  text << file.rdbuf();
  const std::string fence = "```yaml\nname: " + name + "\n", all = text.str();
  const std::size_t begin = all.find(fence);
  EXPECT_NE(begin, std::string::npos) << name;
  const std::size_t first = begin + 8, last = all.find("```", first);
  Diagnostics diagnostics;
  SystemSpec spec = bind_system(all.substr(first, last - first), diagnostics);
  EXPECT_FALSE(diagnostics.has_errors()) << diagnostics.render();
  return spec;
}

// 8 domains of 64: 8 groups x 4 L1 chips and 4 L2 chips a domain, each L1 chip one link of 450 GB/s into the L2 of its
// plane.
TEST(OwnSystem, OversubscribedFatTree) {
  const Fabric fabric = build_fabric(from_document("fat-tree-64"), 512);
  const Census census = fabric.census();
  EXPECT_EQ(census.vertices.at("switch:L1"), 8 * 8 * 4);
  EXPECT_EQ(census.vertices.at("switch:L2"), 8 * 4);
  EXPECT_EQ(census.links.at("scale_up/copper"), 512 * 4);
  EXPECT_EQ(census.links.at("scale_up/optical"), 8 * 8 * 4);
  const Route& route = fabric.route(device(0), device(63));
  ASSERT_EQ(route.bundles.size(), 4u);
  EXPECT_EQ(route.paths, 4);
  EXPECT_DOUBLE_EQ(fabric.bundle(route.bundles[0]).bandwidth.value(), 450e9);
  EXPECT_DOUBLE_EQ(fabric.bundle(route.bundles[1]).bandwidth.value(), 4 * 450e9);
  EXPECT_EQ(fabric.bundle(route.bundles[1]).devices_below, 8);
  EXPECT_NEAR(route.latency.value(), 2 * 0.3e-6 + 2 * 0.4e-6, 1e-15);
  // Two of the four L1 groups' worth: half of 64 x 450 GB/s over 2.
  const auto far_half = [&](const VertexView& v) {
    if (v.kind == VertexKind::kDevice) return std::stoi(std::string(v.name.substr(6))) % 64 >= 32;
    const std::string name(v.name);  // "supernode3.5.L1.2"; L2 chips stay on the near side
    return name.find(".L1.") != std::string::npos && name[name.find('.') + 1] >= '4';
  };
  EXPECT_DOUBLE_EQ(cut_bandwidth(fabric, far_half), 8 * 32 * 450e9 / 2);
}

// 9 groups of 16: 36 pairs of four links. Any two GPUs are three links apart at most.
TEST(OwnSystem, Dragonfly) {
  const SystemSpec spec = from_document("dragonfly-144");
  const Fabric fabric = build_fabric(spec, 144);
  EXPECT_EQ(fabric.census().links.at("scale_up/optical"), 36 * 4);
  std::size_t longest = 0;
  for (std::int64_t to = 1; to < 144; ++to)
    longest = std::max(longest, fabric.route(device(0), device(to)).bundles.size());
  EXPECT_EQ(longest, 3u);
  EXPECT_EQ(fabric.hashing(Plane::kScaleOut).flows, 4);
  EXPECT_TRUE(fabric.pxn());
}

}  // namespace
}  // namespace supernode
