// ECMP: which links hashed flows take, and how they collide.
#include <gmock/gmock.h>

#include <cmath>
#include <map>
#include <numeric>
#include <random>

#include "tests/topology/system_fixture.hpp"

namespace supernode {
namespace {

Overrides ecmp(const std::string& seed = "0") {
  return {{"fabric.scale_out.path_choice", "ecmp"},
          {"fabric.scale_out.ecmp_seed", seed},
          {"fabric.scale_out.rail_optimised", "false"}};
}

// 4 nodes to a leaf of 32 NICs and 32 uplinks.
Fabric cluster(const std::string& seed = "0") { return build_fabric(load_system("hgx-h100", ecmp(seed)), 256); }

std::vector<LinkId> links(const std::vector<HashedHop>& hops) {
  std::vector<LinkId> out;
  for (const HashedHop& hop : hops) out.push_back(hop.link);
  return out;
}

TEST(Ecmp, PathsAreChainsOfTheRoutesLinks) {
  const Fabric fabric = cluster();
  std::mt19937_64 generator(5);
  for (int i = 0; i < 200; ++i) {
    const DeviceId from(static_cast<std::int64_t>(generator() % 256)), to(static_cast<std::int64_t>(generator() % 256));
    if (fabric.place(from).node == fabric.place(to).node) continue;
    const Route& route = fabric.route(from, to);
    const auto hops = fabric.hashed_path(route, from, to, i);
    ASSERT_EQ(hops.size(), route.bundles.size());
    VertexId at = fabric.vertex(from);
    for (std::size_t k = 0; k < hops.size(); ++k) {
      EXPECT_EQ(hops[k].bundle, route.bundles[k]);
      const LinkView link = fabric.link(hops[k].link);
      ASSERT_EQ(link.a == at ? link.forward : link.backward, route.bundles[k]);
      at = link.a == at ? link.b : link.a;
    }
    EXPECT_EQ(at, fabric.vertex(to));
  }
}

TEST(Ecmp, SameSeedSamePaths) {
  const Fabric a = cluster("3"), b = cluster("3"), c = cluster("4");
  const auto path = [](const Fabric& f, int flow) {
    return links(f.hashed_path(f.route(device(0), device(200)), device(0), device(200), flow));
  };
  int differ = 0;
  for (int flow = 0; flow < 50; ++flow) {
    EXPECT_EQ(path(a, flow), path(b, flow));
    differ += path(a, flow) != path(c, flow);
  }
  EXPECT_GT(differ, 40);  // one in 32 would meet by chance
  EXPECT_NE(a.fingerprint(), c.fingerprint());
}

// Flows on each uplink of the leaves when every device sends to a partner under another leaf, `flows` for each.
std::vector<int> uplink_loads(const Fabric& fabric, int flows, std::uint64_t seed) {
  std::vector<std::int64_t> partner(256);
  std::iota(partner.begin(), partner.end(), 0);
  std::mt19937_64 generator(seed);
  std::shuffle(partner.begin(), partner.end(), generator);
  std::map<LinkId, int> load;
  for (std::int64_t i = 0; i < 256; ++i) {
    const DeviceId from(partner[i]), to(partner[(i + 1) % 256]);
    if (fabric.place(from).leaf == fabric.place(to).leaf) continue;
    const Route& route = fabric.route(from, to);
    for (int flow = 0; flow < flows; ++flow) ++load[fabric.hashed_path(route, from, to, flow)[2].link];
  }
  std::vector<int> counts;
  for (const auto& [link, count] : load) counts.push_back(count);
  return counts;
}

// m flows over n equal links chosen independently: a link has none with probability (1 - 1/n)^m. Here each of 8 leaves
// has n = 32 uplinks and sends about m = 32 * 7/8 flows (partners under the same leaf do not climb), so e^-7/8 of the
// uplinks are idle. 200 draws of 256 links; the counts of idle links in one draw have a variance of at most
// 256 p (1 - p) (they are negatively correlated), so the mean of 200 is within 4 standard deviations of it.
TEST(Ecmp, UplinksCollideAsBallsInBins) {
  const Fabric fabric = cluster();
  constexpr int kDraws = 200;
  double idle = 0, flows = 0;
  for (int draw = 0; draw < kDraws; ++draw) {
    const std::vector<int> loads = uplink_loads(fabric, 1, draw);
    idle += 256.0 - static_cast<double>(loads.size());
    flows += std::accumulate(loads.begin(), loads.end(), 0);
  }
  const double per_leaf = flows / kDraws / 8, p = std::pow(1 - 1.0 / 32, per_leaf);
  EXPECT_NEAR(per_leaf, 32 * 224.0 / 255, 0.2);
  EXPECT_NEAR(idle / kDraws / 256, p, 4 * std::sqrt(256 * p * (1 - p) / kDraws) / 256);
}

// The variance of a link's load is m k / n (1 - 1/n) for m messages of k flows: relative to its mean it falls as 1/k.
TEST(Ecmp, MoreFlowsAreMoreEven) {
  const Fabric fabric = cluster();
  const auto relative_variance = [&](int flows) {
    double sum = 0, squares = 0;
    for (int draw = 0; draw < 60; ++draw) {
      const std::vector<int> loads = uplink_loads(fabric, flows, draw);
      for (const int load : loads) sum += load, squares += static_cast<double>(load) * load;
    }
    const double links = 60 * 256, mean = sum / links;  // those without a flow count with zero
    return (squares / links - mean * mean) / (mean * mean);
  };
  const double one = relative_variance(1), eight = relative_variance(8);
  EXPECT_NEAR(one, 255.0 / 224 * (1 - 1.0 / 32), 0.08);
  EXPECT_NEAR(one / eight, 8, 1.0);
}

// Three tiers: leaf, spine, core and down again, each a live link of its own.
TEST(Ecmp, OverACore) {
  Overrides overrides = ecmp();
  overrides.emplace_back("fabric.scale_out.leaf_ports", "16");
  const Fabric fabric = build_fabric(load_system("hgx-h100", overrides), 512);
  const Route& route = fabric.route(device(0), device(511));
  ASSERT_EQ(route.bundles.size(), 8u);
  std::map<std::vector<LinkId>, int> paths;
  for (int flow = 0; flow < 2000; ++flow) ++paths[links(fabric.hashed_path(route, device(0), device(511), flow))];
  EXPECT_EQ(std::ssize(paths), route.paths);  // 2000 draws of 64: the chance of missing one is 64 (63/64)^2000 < 1e-11
}

TEST(Ecmp, OtherPlanesSpray) {
  const Fabric fabric = cluster();
  EXPECT_TRUE(fabric.hashing(Plane::kScaleOut).ecmp);
  EXPECT_FALSE(fabric.hashing(Plane::kScaleUp).ecmp);
  EXPECT_FALSE(build_fabric(load_system("hgx-h100"), 16).hashing(Plane::kScaleOut).ecmp);
  for (const HashedHop& hop : fabric.hashed_path(fabric.route(device(0), device(1)), device(0), device(1), 0))
    EXPECT_FALSE(hop.link.valid());  // over all four NVSwitch chips
}

// A spine that has lost its link to the far leaf is not climbed to.
TEST(Ecmp, DeadLinksAreAvoided) {
  Fabric fabric;
  const LinkSpec wire{BytesPerSecond(1e9), Seconds(1e-6), Medium::kOptical, Plane::kScaleOut};
  const DeviceId a = fabric.add_device("a", {.chip = 0, .node = 0, .supernode = 0});
  const DeviceId b = fabric.add_device("b", {.chip = 1, .node = 1, .supernode = 1});
  const VertexId leaf_a = fabric.add_vertex(VertexKind::kSwitch, "leaf_a", "leaf_a");
  const VertexId leaf_b = fabric.add_vertex(VertexKind::kSwitch, "leaf_b", "leaf_b");
  fabric.connect(fabric.vertex(a), leaf_a, wire);
  fabric.connect(fabric.vertex(b), leaf_b, wire);
  LinkId dead, healthy;
  for (int i = 0; i < 2; ++i) {
    const VertexId spine = fabric.add_vertex(VertexKind::kSwitch, i == 0 ? "s0" : "s1", "spine");
    (i == 0 ? dead : healthy) = fabric.connect(leaf_a, spine, wire);
    const LinkId down = fabric.connect(leaf_b, spine, wire);
    if (i == 0) fabric.set_share(down, 0);
  }
  fabric.set_hashing(Plane::kScaleOut, {.ecmp = true, .flows = 1, .seed = 0});
  fabric.seal();
  for (int flow = 0; flow < 20; ++flow) EXPECT_EQ(fabric.hashed_path(fabric.route(a, b), a, b, flow)[1].link, healthy);
}

}  // namespace
}  // namespace supernode
