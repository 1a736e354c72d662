// Routes found by structure against searched ones: the same bundles, latency, plane and number of paths.
#include "base/random_draw.hpp"
#include "tests/topology/system_fixture.hpp"

namespace supernode {
namespace {

std::vector<BundleId> bundles_of(const RouteView& view) {
  std::vector<BundleId> all;
  for (const auto part : view.parts) all.insert(all.end(), part.begin(), part.end());
  return all;
}

// Each from a fresh search, as route_over makes one; no bundles where the plane has no way.
Route searched(const Fabric& fabric, Plane plane, DeviceId from, DeviceId to) {
  try {
    return fabric.route_over(plane, from, to);
  } catch (const std::runtime_error&) {
    return {};
  }
}

Route expected(const Fabric& fabric, DeviceId from, DeviceId to) {
  Route direct = searched(fabric, Plane::kLocal, from, to);
  if (direct.bundles.size() == 1) return direct;
  const bool together = fabric.place(from).supernode == fabric.place(to).supernode;
  Route route = searched(fabric, together ? Plane::kScaleUp : Plane::kScaleOut, from, to);
  const bool detour = route.bundles.empty() || (!together && fabric.pxn());  // no plain search: as a whole
  return detour ? fabric.route(from, to) : route;
}

void expect_searched_routes(const Fabric& fabric, const std::string& what) {
  SplitMix64 random(7);
  const auto count = static_cast<std::uint64_t>(fabric.device_count());
  for (int i = 0; i < 600; ++i) {
    const std::uint64_t from = random() % count;
    const std::uint64_t to = (i % 2 ? from + 1 + random() % 40 : random()) % count;
    if (from == to) continue;
    const DeviceId a = device(static_cast<std::int64_t>(from)), b = device(static_cast<std::int64_t>(to));
    const Route want = expected(fabric, a, b);
    const RouteView view = fabric.route_view(a, b);
    ASSERT_EQ(bundles_of(view), want.bundles) << what << " " << from << " > " << to;
    EXPECT_EQ(view.latency, want.latency) << what;
    EXPECT_EQ(view.plane, want.plane) << what;
    EXPECT_EQ(view.paths, want.paths) << what;
    EXPECT_EQ(fabric.route(a, b).bundles, want.bundles) << what;
    for (const BundleId bundle : want.bundles) EXPECT_TRUE(view.crosses(bundle));
  }
}

TEST(RouteView, IsTheSearchedRoute) {
  for (const std::string& name : all_systems()) {
    const SystemSpec spec = load_system(name);
    for (const std::int64_t chips : {64, 768})
      expect_searched_routes(build_fabric(spec, fitting(spec, chips)), name + " " + std::to_string(chips));
  }
}

TEST(RouteView, IsTheSearchedRouteAroundFaults) {
  for (const std::string& name : all_systems()) {
    const SystemSpec spec = load_system(name, {{"faults.random.links", "12"}, {"faults.random.seed", "3"}});
    expect_searched_routes(build_fabric(spec, fitting(spec, 128)), name + " with faults");
  }
}

// The two dies of a chip share a NIC, and no stem leads apart from there.
TEST(RouteView, SharesStemsAndMiddles) {
  const Fabric fabric = build_fabric(load_system("cloudmatrix-384"), 768);
  const RouteView a = fabric.route_view(device(0), device(100)), b = fabric.route_view(device(5), device(110));
  EXPECT_EQ(a.parts[1].data(), b.parts[1].data()) << "one middle for two nodes";
  EXPECT_EQ(a.parts[0].size(), 1u);
  const RouteView out = fabric.route_view(device(0), device(800)), beside = fabric.route_view(device(1), device(801));
  EXPECT_EQ(out.plane, Plane::kScaleOut);
  EXPECT_EQ(out.parts[0].size(), 2u) << "die to NIC to leaf";
  EXPECT_EQ(out.parts[0][1], beside.parts[0][1]) << "one wire for both dies";
  EXPECT_NE(out.parts[0][0], beside.parts[0][0]);
}

}  // namespace
}  // namespace supernode
