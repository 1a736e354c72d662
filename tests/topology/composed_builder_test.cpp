// Scale-up planes composed of layers: how many of each thing there are, by formula, what is derived and what is
// refused.
#include <gmock/gmock.h>

#include <random>

#include "tests/topology/composed_fixture.hpp"

namespace supernode {
namespace {

using namespace literals;
using testing::HasSubstr;

std::int64_t scale_up_links(const Fabric& fabric) {
  std::int64_t sum = 0;
  for (const auto& [kind, links] : fabric.census().links)
    if (kind.starts_with("scale_up/")) sum += links;
  return sum;
}

// A k-ary d-cube has d links a device.
TEST(ComposedGrid, TorusLinks) {
  const std::string ring = "- {kind: torus, size: 4, bandwidth: 100 GB/s, latency: 1 us}\n";
  const Fabric fabric = build_composed(ring + ring + ring, 64);
  EXPECT_EQ(scale_up_links(fabric), 3 * 64);
  EXPECT_DOUBLE_EQ(fabric.port_bandwidth(device(17), Plane::kScaleUp).value(), 6 * 100e9);  // both ways of each ring
  EXPECT_EQ(fabric.grid().size(), 64);
  // Cut across one dimension, in two halves of 32: each of its 16 rings is cut twice.
  const auto upper = [](const VertexView& v) {
    return v.kind == VertexKind::kDevice && std::stoi(std::string(v.name.substr(6))) >= 32;
  };
  EXPECT_DOUBLE_EQ(cut_bandwidth(fabric, upper), 2 * 16 * 100e9);
}

// A ring of two is one link, of one none: 2 x 5 has 5 + 10 links.
TEST(ComposedGrid, SmallRings) {
  const Fabric fabric = build_composed(
      "- {kind: torus, size: 2, bandwidth: 100 GB/s, latency: 1 us}\n"
      "- {kind: torus, size: 1, bandwidth: 100 GB/s, latency: 1 us}\n"
      "- {kind: torus, size: 5, bandwidth: 50 GB/s, latency: 1 us}\n",
      10);
  EXPECT_EQ(scale_up_links(fabric), 5 + 10);
  EXPECT_DOUBLE_EQ(fabric.port_bandwidth(device(3), Plane::kScaleUp).value(), 100e9 + 2 * 50e9);
}

// n (n-1) / 2 links a line, and m lines in each of two dimensions.
TEST(ComposedGrid, FullMeshLinks) {
  const std::string mesh = "- {kind: full_mesh, size: 8, bandwidth: 50 GB/s, latency: 0.5 us}\n";
  EXPECT_EQ(scale_up_links(build_composed(mesh, 8)), 8 * 7 / 2);
  const Fabric square = build_composed(mesh + mesh, 64);
  EXPECT_EQ(scale_up_links(square), 2 * 8 * 8 * 7 / 2);
  EXPECT_DOUBLE_EQ(square.port_bandwidth(device(9), Plane::kScaleUp).value(), 14 * 50e9);
  // Halves of 4 x 8: in each of the 8 columns 4 x 4 links cross.
  const auto upper = [](const VertexView& v) {
    return v.kind == VertexKind::kDevice && std::stoi(std::string(v.name.substr(6))) >= 32;
  };
  EXPECT_DOUBLE_EQ(cut_bandwidth(square, upper), 8 * 4 * 4 * 50e9);
}

// Rings of 8 in cubes of 4: of its 8 links the two between cubes pass the optical switch, the other six are copper.
TEST(ComposedGrid, OpticalCircuitSwitchesJoinCubes) {
  const std::string ring = "- {kind: ocs, size: 8, block: 4, bandwidth: 100 GB/s, latency: 1 us}\n";
  const Fabric fabric = build_composed(ring + ring, 64);
  EXPECT_EQ(fabric.census().links.at("scale_up/optical"), 16 * 2);
  EXPECT_EQ(fabric.census().links.at("scale_up/copper"), 16 * 6);
}

const std::string kLeafSpine =
    "- {kind: switch, size: 4, switches: 2, bandwidth: 100 GB/s, latency: 0.3 us, name: L1}\n"
    "- {kind: switch, size: 4, switches: 6, planes: 2, bandwidth: 150 GB/s, latency: 0.5 us, medium: optical}\n";

// 16 devices on 2 leaves each; 4 groups x 2 leaves x the 3 spines of the leaf's sub-plane.
TEST(ComposedClos, LinksAndRoutes) {
  const Fabric fabric = build_composed(kLeafSpine, 16);
  const Census census = fabric.census();
  EXPECT_EQ(census.vertices.at("switch:L1"), 8);
  EXPECT_EQ(census.vertices.at("switch:switch2"), 6);
  EXPECT_EQ(census.links.at("scale_up/copper"), 16 * 2);
  EXPECT_EQ(census.links.at("scale_up/optical"), 4 * 2 * 3);
  const Route& within = fabric.route(device(0), device(3));
  EXPECT_EQ(within.bundles.size(), 2u);
  EXPECT_EQ(within.paths, 2);
  const Route& across = fabric.route(device(0), device(15));
  EXPECT_EQ(across.bundles.size(), 4u);
  EXPECT_EQ(across.paths, 2 * 3);
  EXPECT_NEAR(across.latency.value(), 2 * 0.3e-6 + 2 * 0.5e-6, 1e-15);
  const Bundle& up = fabric.bundle(across.bundles[1]);
  EXPECT_DOUBLE_EQ(up.bandwidth.value(), 2 * 150e9);  // below it 4 devices of 100 GB/s: oversubscribed 4 : 3
  EXPECT_EQ(up.devices_below, 4);
  EXPECT_DOUBLE_EQ(fabric.port_bandwidth(device(5), Plane::kScaleUp).value(), 100e9);
  EXPECT_TRUE(fabric.grid().empty());
}

// Sub-planes: leaf i and the spines of plane i % 2 only.
TEST(ComposedClos, SubPlanesNeverMeet) {
  const Fabric fabric = build_composed(kLeafSpine, 16);
  for (std::int64_t i = 0; i < fabric.link_count(); ++i) {
    const LinkView link = fabric.link(LinkId(i));
    if (link.spec.plane != Plane::kScaleUp || fabric.vertex_view(link.a).kind == VertexKind::kDevice) continue;
    const int below = fabric.vertex_view(link.a).name.back() - '0',
              above = fabric.vertex_view(link.b).name.back() - '0';
    EXPECT_EQ(below % 2, above % 2);
    EXPECT_EQ(link.spec.sub_plane, below % 2);
  }
}

// The CloudMatrix supernode said in layers: the same routes, ports and links as by its own builder. Four nodes here.
TEST(ComposedClos, IsACloudMatrixToo) {
  const SystemSpec theirs = load_system("cloudmatrix-384", {{"fabric.scale_up.cpu_bandwidth", "0 GB/s"}});
  SystemSpec ours = theirs;
  ours.kind = FabricKind::kComposed;
  const auto gbps = [](double value) { return Sourced<BytesPerSecond>{BytesPerSecond(value * 1e9), "", {}}; };
  LayerSpec l1;
  l1.kind = LayerKind::kSwitch, l1.size = 16, l1.bandwidth = gbps(196), l1.latency.value = 0.25_us;
  l1.switches = 7;
  LayerSpec l2;
  l2.kind = LayerKind::kSwitch, l2.size = 48, l2.bandwidth = gbps(448), l2.latency.value = 0.35_us;
  l2.medium = Medium::kOptical, l2.switches = 112, l2.planes = 7;
  ours.scale_up.layers = {l1, l2};
  const Fabric a = build_fabric(ours, 64), b = build_fabric(theirs, 64);
  EXPECT_EQ(a.census().links, b.census().links);
  std::mt19937_64 generator(3);
  for (int i = 0; i < 300; ++i) {
    const DeviceId from(static_cast<std::int64_t>(generator() % 128)), to(static_cast<std::int64_t>(generator() % 128));
    if (from == to) continue;
    const Route &x = a.route(from, to), &y = b.route(from, to);
    ASSERT_EQ(x.bundles.size(), y.bundles.size());
    EXPECT_EQ(x.paths, y.paths);
    EXPECT_NEAR(x.latency.value(), y.latency.value(), 1e-15);
    for (std::size_t hop = 0; hop < x.bundles.size(); ++hop) {
      const Bundle &p = a.bundle(x.bundles[hop]), &q = b.bundle(y.bundles[hop]);
      EXPECT_DOUBLE_EQ(p.bandwidth.value(), q.bandwidth.value());
      EXPECT_EQ(p.links, q.links);
      EXPECT_EQ(p.devices_below, q.devices_below);
    }
  }
}

const std::string kDragonfly =
    "- {kind: switch, size: 6, switches: 2, bandwidth: 100 GB/s, latency: 0.3 us}\n"
    "- {kind: dragonfly, size: 5, links: 4, bandwidth: 25 GB/s, latency: 1 us, medium: optical}\n";

// 5 groups: 10 pairs of 4 links, two for each switch. Device, switch, switch, device: 2 switches x 2 links.
TEST(ComposedDragonfly, LinksAndRoutes) {
  const Fabric fabric = build_composed(kDragonfly, 30);
  EXPECT_EQ(fabric.census().links.at("scale_up/optical"), 10 * 4);
  const Route& across = fabric.route(device(0), device(29));
  EXPECT_EQ(across.bundles.size(), 3u);
  EXPECT_EQ(across.paths, 4);
  EXPECT_NEAR(across.latency.value(), 1.6e-6, 1e-15);
  EXPECT_DOUBLE_EQ(fabric.bundle(across.bundles[1]).bandwidth.value(), 4 * 25e9);
  EXPECT_EQ(fabric.bundle(across.bundles[1]).devices_below, 6);
  const FullGraphPaths full = fabric.full_graph_paths(Plane::kScaleUp, device(0), device(29));
  EXPECT_EQ(full.hops, 3);
  EXPECT_EQ(full.paths, 4);
  EXPECT_NEAR(full.imbalance, 1, 1e-12);
  // Groups 0 and 1 against 2, 3 and 4: six pairs.
  const auto side = [](const VertexView& v) {
    if (v.kind == VertexKind::kDevice) return std::stoi(std::string(v.name.substr(6))) >= 12;
    return v.name[11] >= '2';  // "supernode0.G.switch1.I"
  };
  EXPECT_DOUBLE_EQ(cut_bandwidth(fabric, side), 2 * 3 * 4 * 25e9);
}

// Dragonfly+ (Shpiner et al., HiPINEB 2017): groups of leaves and spines, the spines joined all to all.
TEST(ComposedDragonfly, OverLeafAndSpine) {
  const Fabric fabric = build_composed(
      "- {kind: switch, size: 4, bandwidth: 100 GB/s, latency: 0.3 us, name: L1}\n"
      "- {kind: switch, size: 2, switches: 2, bandwidth: 400 GB/s, latency: 0.3 us, name: L2}\n"
      "- {kind: dragonfly, size: 3, bandwidth: 50 GB/s, latency: 1 us}\n",
      24);
  EXPECT_EQ(fabric.route(device(0), device(3)).bundles.size(), 2u);
  EXPECT_EQ(fabric.route(device(0), device(7)).bundles.size(), 4u);
  const Route& across = fabric.route(device(0), device(23));
  EXPECT_EQ(across.bundles.size(), 5u);
  EXPECT_EQ(across.paths, 2);  // either spine, then its one link to the other group
  EXPECT_EQ(scale_up_links(fabric), 24 + 3 * 2 * 2 + 3 * 2);
}

// What other code reads of a composed plane.
TEST(ComposedSpec, DerivedValues) {
  const SystemSpec spec = composed(
      "- {kind: full_mesh, size: 8, bandwidth: {value: 50 GB/s, source: a mesh, confidence: datasheet}, latency: 0.5 "
      "us}\n"
      "- {kind: torus, size: 4, bandwidth: {value: 20 GB/s, source: a ring, confidence: assumed}, latency: 1 us}\n"
      "- {kind: switch, size: 2, switches: 3, bandwidth: 60 GB/s, latency: 0.25 us}\n",
      8, 8);
  EXPECT_DOUBLE_EQ(spec.scale_up.bandwidth.value.value(), 7 * 50e9 + 2 * 20e9 + 60e9);
  EXPECT_EQ(spec.scale_up.sub_planes.value, 3);
  EXPECT_DOUBLE_EQ(spec.scale_up.hop_latency.value.value(), 0.25e-6);
  const Fabric fabric = build_whole(spec);
  EXPECT_DOUBLE_EQ(fabric.port_bandwidth(device(40), Plane::kScaleUp).value(), spec.scale_up.bandwidth.value.value());
}

std::string refusal(const std::string& layers, int chips_per_node, int nodes = 1, std::int64_t chips = 0) {
  const SystemSpec spec = composed(layers, chips_per_node, nodes);
  try {
    check_buildable(spec, chips > 0 ? chips : spec.chips_per_supernode());
  } catch (const std::invalid_argument& error) {
    return error.what();
  }
  return "";
}

const std::string kMesh8 = "- {kind: full_mesh, size: 8, bandwidth: 50 GB/s, latency: 0.5 us}\n";
const std::string kRing4 = "- {kind: torus, size: 4, bandwidth: 50 GB/s, latency: 0.5 us}\n";
const std::string kSwitch2 = "- {kind: switch, size: 2, switches: 2, bandwidth: 50 GB/s, latency: 0.5 us}\n";

TEST(ComposedSpec, RefusesWithTheReason) {
  EXPECT_THAT(refusal(kMesh8, 16), HasSubstr("the sizes multiply to 8, but a supernode has 16 devices"));
  EXPECT_THAT(refusal(kMesh8 + kMesh8, 16), HasSubstr("layer 2: the sizes so far multiply to 64"));
  EXPECT_THAT(refusal(kSwitch2 + kMesh8, 16), HasSubstr("layer 2: mesh, torus and ocs layers go below"));
  EXPECT_THAT(refusal("- {kind: dragonfly, size: 4, bandwidth: 50 GB/s, latency: 1 us}", 4),
              HasSubstr("joins the groups of a switch layer below it"));
  EXPECT_THAT(refusal(kSwitch2 + "- {kind: dragonfly, size: 2, links: 3, bandwidth: 50 GB/s, latency: 1 us}", 4),
              HasSubstr("3 links between two groups do not spread over the 2 switches"));
  EXPECT_THAT(
      refusal(kSwitch2 + "- {kind: switch, size: 2, switches: 6, planes: 3, bandwidth: 1 GB/s, latency: 1 us}", 4),
      HasSubstr("3 planes do not divide the 2 of the layer below"));
  EXPECT_THAT(refusal("- {kind: ocs, size: 6, block: 4, bandwidth: 50 GB/s, latency: 1 us}", 6),
              HasSubstr("blocks of 4 do not divide a ring of 6"));
}

TEST(ComposedSpec, FillsGridsByWholeLines) {
  EXPECT_EQ(refusal(kMesh8 + kMesh8, 4, 16, 24), "");
  EXPECT_EQ(refusal(kMesh8 + kMesh8, 4, 16, 4), "");
  EXPECT_EQ(refusal(kMesh8 + kMesh8, 4, 16, 64 + 16), "");  // the next supernode's
  EXPECT_THAT(refusal(kMesh8 + kMesh8, 4, 16, 20), HasSubstr("20 chips leave a line of the grid of 64 devices partly "
                                                             "filled; 24 chips fill it"));
  EXPECT_THAT(refusal(kRing4 + kRing4, 4, 4, 8), HasSubstr("16 chips fill it"));  // half a ring is none
  EXPECT_EQ(refusal(kRing4 + kRing4, 4, 4, 4), "");
  EXPECT_EQ(refusal(kSwitch2 + kSwitch2, 2, 2, 2), "");
}

TEST(ComposedSpec, PartlyFilledMeshIsAMesh) {
  const Fabric fabric = build_fabric(composed(kMesh8 + kMesh8, 4, 16), 24);
  EXPECT_EQ(scale_up_links(fabric), 3 * 8 * 7 / 2 + 8 * 3 * 2 / 2);
  EXPECT_EQ(fabric.route(device(0), device(23)).bundles.size(), 2u);
}

TEST(ComposedSpec, YamlErrorsHaveTheirPlace) {
  Diagnostics diagnostics;
  bind_system(composed_yaml("- {kind: full_mesh, size: 8, bandwith: 50 GB/s, bandwidth: 5 GB/s, latency: 1 us}\n"
                            "- {kind: tours, size: 2, bandwidth: 50 GB/s, latency: 1 us}\n"
                            "- {kind: switch, size: 2, bandwidth: 5 GB/s, latency: 1 us, name: a.b}\n"
                            "- {kind: switch, size: 2, bandwidth: 5 GB/s, latency: 1 us, name: spine}\n",
                            8, 4),
              diagnostics);
  EXPECT_THAT(diagnostics.render(), HasSubstr("system.yaml:11:36"));
  EXPECT_THAT(diagnostics.render(), HasSubstr("did you mean 'bandwidth'?"));
  EXPECT_THAT(diagnostics.render(), HasSubstr("did you mean 'torus'?"));
  EXPECT_THAT(diagnostics.render(), HasSubstr("letters, digits and '_'"));
  EXPECT_THAT(diagnostics.render(), HasSubstr("'spine' is a tier of the scale-out plane"));
}

}  // namespace
}  // namespace supernode
