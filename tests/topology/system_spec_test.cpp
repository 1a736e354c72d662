// Reading systems: the catalogue, overrides, and what is refused.
#include <gmock/gmock.h>

#include <filesystem>

#include "tests/topology/system_fixture.hpp"

namespace supernode {
namespace {

using namespace literals;

TEST(SystemSpec, EveryCatalogueFileBindsAndIsNamedAfterItsFile) {
  int files = 0;
  for (const auto& entry :
       std::filesystem::directory_iterator(std::string(SUPERNODE_SOURCE_DIR) + "/topology/catalog/systems")) {
    const std::string name = entry.path().stem();
    EXPECT_EQ(load_system(name).name, name);
    EXPECT_THAT(all_systems(), testing::Contains(name));
    ++files;
  }
  EXPECT_EQ(files, std::ssize(all_systems()));
}

TEST(SystemSpec, CataloguedValuesCarryTheirSource) {
  for (const std::string& name : all_systems()) {
    const SystemSpec spec = load_system(name);
    for (const std::string& source :
         {spec.scale_up.bandwidth.source, spec.scale_up.hop_latency.source, spec.scale_out.bandwidth.source,
          spec.scale_out.leaf_ports.source, spec.scale_out.oversubscription.source, spec.host_bandwidth.source}) {
      EXPECT_GT(source.size(), 4u) << name;
    }
    EXPECT_EQ(spec.scale_up.sub_planes.source.empty(), spec.kind == FabricKind::kMesh) << name;
    EXPECT_GT(spec.host_bandwidth.value, BytesPerSecond(0)) << name;
  }
}

TEST(SystemSpec, CloudMatrix384Sizes) {
  const SystemSpec spec = load_system("cloudmatrix-384");
  EXPECT_EQ(spec.chips_per_supernode(), 384);
  EXPECT_EQ(spec.devices_per_supernode(), 768);
  EXPECT_EQ(spec.devices_per_node(), 16);
  EXPECT_EQ(cluster_size(spec, 384).supernodes, 1);
  EXPECT_EQ(cluster_size(spec, 385).nodes, 49);
  EXPECT_EQ(cluster_size(spec, 385).supernodes, 2);
}

TEST(SystemSpec, OverrideOfScaleUpBandwidthScalesTheDieLinks) {
  const Overrides half = {{"fabric.scale_up.bandwidth", "196 GB/s"}};
  const Fabric built = build_fabric(load_system("cloudmatrix-384"), 16);
  const Fabric halved = build_fabric(load_system("cloudmatrix-384", half), 16);
  EXPECT_DOUBLE_EQ(built.port_bandwidth(device(0), Plane::kScaleUp).value(), 196e9);
  EXPECT_DOUBLE_EQ(halved.port_bandwidth(device(0), Plane::kScaleUp).value(), 98e9);
  EXPECT_EQ(built.census().links, halved.census().links);
  EXPECT_NE(built.fingerprint(), halved.fingerprint());
}

TEST(SystemSpec, RefusesKeysThatTheKindDoesNotRead) {
  Diagnostics diagnostics;
  read_system("hgx-h100", {{"fabric.scale_up.l1_uplink", "448 GB/s"}, {"fabric.scale_up.bandwith", "1 GB/s"}},
              diagnostics);
  EXPECT_EQ(diagnostics.error_count(), 2) << diagnostics.render();
  EXPECT_THAT(diagnostics.render(), testing::HasSubstr("did you mean 'bandwidth'"));
}

TEST(SystemSpec, RefusesAnHgxDomainOfSeveralNodes) {
  Diagnostics diagnostics;
  read_system("hgx-h100", {{"nodes_per_supernode", "2"}}, diagnostics);
  EXPECT_EQ(diagnostics.error_count(), 1) << diagnostics.render();
}

TEST(SystemSpec, RefusesAMeshAcrossNodesOrWithSubPlanes) {
  Diagnostics diagnostics;
  read_system(
      "atlas-800t-a2",
      {{"nodes_per_supernode", "2"}, {"fabric.scale_up.sub_planes", "{value: 7, source: none, confidence: assumed}"}},
      diagnostics);
  EXPECT_EQ(diagnostics.error_count(), 2) << diagnostics.render();
}

// Nodes of the A100 clusters differ in their NICs: 800 Gbps a node are 100 Gbps a GPU.
TEST(SystemSpec, OverrideOfTheNic) {
  for (const char* name : {"hgx-a100", "hgx-a100-40gb", "atlas-800t-a2", "gb300-nvl72"}) {
    const Fabric fabric = build_fabric(load_system(name, {{"fabric.scale_out.bandwidth", "100 Gbps"}}), 144);
    EXPECT_DOUBLE_EQ(fabric.port_bandwidth(device(9), Plane::kScaleOut).value(), 12.5e9) << name;
    const Route& across = fabric.route(device(0), device(143));
    for (const BundleId id : across.bundles) EXPECT_GE(fabric.bundle(id).bandwidth.value(), 12.5e9) << name;
    EXPECT_DOUBLE_EQ(fabric.bundle(across.bundles.front()).bandwidth.value(), 12.5e9) << name;
  }
}

TEST(SystemSpec, RefusesAMissingSecondTier) {
  Diagnostics diagnostics;
  read_system("hgx-h100", {{"kind", "cloudmatrix"}}, diagnostics);
  EXPECT_EQ(diagnostics.error_count(), 4) << diagnostics.render();  // latency, L2 chips, uplink, CPU bandwidth
}

TEST(SystemSpec, DocumentsEveryField) {
  std::vector<FieldDoc> docs;
  SpecReader reader("system", docs);
  SystemSpec spec;
  bind(spec, reader);
  std::vector<std::string> paths;
  for (const FieldDoc& doc : docs) paths.push_back(doc.path);
  EXPECT_THAT(paths,
              testing::IsSupersetOf({"system.kind", "system.fabric.scale_up.bandwidth",
                                     "system.fabric.scale_up.l1_uplink", "system.fabric.die_to_die.latency",
                                     "system.fabric.scale_out.oversubscription", "system.fabric.vpc.bandwidth"}));
}

TEST(BuildFabric, SaysWhyASpecCannotBeBuilt) {
  EXPECT_THROW(build_fabric(load_system("hgx-h100"), 0), std::invalid_argument);
  EXPECT_THROW(build_fabric(SystemSpec{}, 8), std::invalid_argument);
  // Three tiers of 64-port switches end at 64^3 / 4 = 65,536 NICs.
  EXPECT_THROW(build_fabric(load_system("hgx-h100"), 65544), std::invalid_argument);
}

}  // namespace
}  // namespace supernode
