// Every system at the sizes of published runs, odd ones included: it builds, and both ends of the cluster reach one
// another.
#include <gtest/gtest.h>

#include "tests/topology/system_fixture.hpp"

namespace supernode {
namespace {

struct Size {
  std::string system;
  std::int64_t chips = 0;
};

void PrintTo(const Size& size, std::ostream* out) { *out << size.system << " of " << size.chips; }

class ClusterOfSize : public testing::TestWithParam<Size> {};

TEST_P(ClusterOfSize, BuildsWholeAndConnected) {
  const auto& [name, chips] = GetParam();
  const SystemSpec spec = load_system(name);
  const Fabric fabric = build_fabric(spec, chips);
  const ClusterSize size = cluster_size(spec, chips);
  EXPECT_GE(fabric.device_count(), chips * spec.devices_per_chip);
  EXPECT_EQ(fabric.device_count(), size.nodes * spec.devices_per_node());
  EXPECT_LT(fabric.device_count(), (chips + spec.chips_per_node) * spec.devices_per_chip);
  const DeviceId first(0), last(fabric.device_count() - 1);
  const Route& across = fabric.route(first, last);
  EXPECT_EQ(across.plane, size.supernodes > 1 ? Plane::kScaleOut : Plane::kScaleUp);
  EXPECT_GE(across.paths, 1);
  for (const BundleId id : across.bundles) EXPECT_GT(fabric.bundle(id).bandwidth, BytesPerSecond(0));
  const double port = fabric.port_bandwidth(last, Plane::kScaleOut).value();
  EXPECT_DOUBLE_EQ(port, spec.scale_out.bandwidth.value.value() / static_cast<double>(spec.devices_per_chip));
}

std::vector<Size> sizes() {
  std::vector<Size> all;
  for (const std::string& name : all_systems()) {
    const SystemSpec spec = load_system(name);
    const std::int64_t node = spec.chips_per_node;
    for (const std::int64_t chips : {node, 2 * node, 304l, 1000l}) all.push_back({name, fitting(spec, chips)});
  }
  for (const std::int64_t chips : {440, 2432, 2800, 3360, 12288, 16000}) all.push_back({"hgx-a100", chips});
  for (const std::int64_t chips : {1008, 2304, 6144, 16384}) all.push_back({"hgx-h100", chips});
  for (const std::int64_t chips : {100, 2496, 2560, 13824}) all.push_back({"gb200-nvl72", chips});
  for (const std::int64_t chips : {4096, 10240}) all.push_back({"atlas-800t-a2", chips});
  all.push_back({"cloudmatrix-384", 8192});
  all.push_back({"atlas-950", 8192});
  return all;
}

INSTANTIATE_TEST_SUITE_P(Published, ClusterOfSize, testing::ValuesIn(sizes()));

}  // namespace
}  // namespace supernode
