// Which algorithms the catalogue's libraries use, and that the vocabulary is that of the built-in algorithms.

#include "calibration/library_algorithms.hpp"

#include <gtest/gtest.h>

#include <algorithm>
#include <memory>

#include "sim/collective_cost.hpp"
#include "tests/sim/collective_fixture.hpp"
#include "tests/topology/system_fixture.hpp"

namespace supernode {
namespace {

using namespace test;
using enum CollectiveOp;

constexpr CollectiveOp kOps[] = {kAllReduce, kAllGather, kReduceScatter, kAllToAll, kEpDispatch, kEpCombine, kSendRecv};

GroupShape shape(int nodes, int per_node) {
  GroupShape shape;
  for (int i = 0; i < nodes * per_node; ++i) {
    shape.node.push_back(i / per_node);
    shape.supernode.push_back(i / per_node);
  }
  return shape;
}

// All of a grid of full meshes, four by four.
GroupShape grid_shape() {
  GroupShape grid = shape(4, 4);
  grid.grid.dimensions = {{4, false}, {4, false}};
  for (std::int32_t i = 0; i < 16; ++i) grid.cell.push_back(i);
  return grid;
}

std::vector<GroupShape> shapes(CollectiveOp op) {
  if (op == kSendRecv) return {shape(1, 2), shape(2, 1)};
  return {shape(1, 2), shape(1, 3), shape(1, 8), shape(2, 1), shape(7, 1), shape(2, 2), shape(4, 8), grid_shape()};
}

bool accepted(CollectiveOp op, const std::string& algorithm) {
  Diagnostics diagnostics;
  const std::string text = "a: {" + std::string(to_string(op)) + ": [" + algorithm + "]}\n";
  const YamlNode node = parse_yaml(std::make_shared<const SourceFile>(SourceFile{"a.yaml", text}), diagnostics);
  SpecReader reader(node, "", diagnostics);
  LibraryAlgorithms library;
  bind_algorithms(library, "a", reader);
  return !diagnostics.has_errors();
}

// An operation's known algorithms are the built-in ones that can run it over some group; alone in a list stand those
// that can run it over any.
TEST(LibraryAlgorithms, NamesAreThoseOfTheBuiltInAlgorithms) {
  CollectiveRegistry registry;
  register_builtin_collectives(registry);
  for (const CollectiveOp op : kOps) {
    const std::vector<std::string> known = known_algorithms(op);
    for (const std::string& name : known) EXPECT_NE(registry.find(name), nullptr) << name;
    for (const auto& algorithm : registry.all()) {
      const std::vector<GroupShape> all = shapes(op);
      const auto supported = std::ranges::count_if(all, [&](const GroupShape& group) {
        return algorithm->supports({op, 1_MB, {8, 256, 0}}, group);
      });
      const std::string where = algorithm->name() + " " + std::string(to_string(op));
      EXPECT_EQ(std::ranges::count(known, algorithm->name()) == 1, supported > 0) << where;
      EXPECT_EQ(accepted(op, algorithm->name()), supported == static_cast<std::ptrdiff_t>(all.size())) << where;
    }
  }
}

CollectiveProtocol catalogue_protocol(const std::string& name) {
  Diagnostics diagnostics;
  const YamlNode root =
      load_yaml(std::string(SUPERNODE_SOURCE_DIR) + "/calibration/catalog/protocols/" + name + ".yaml", diagnostics);
  CollectiveProtocol protocol;
  SpecReader reader(root, "protocol", diagnostics);
  bind(protocol, reader);
  reader.finish();
  EXPECT_FALSE(diagnostics.has_errors()) << diagnostics.render();
  return protocol;
}

const std::vector<std::string> kNccl = {"gb200-nvl72", "gb300-nvl72", "hgx-a100", "hgx-a800",
                                        "hgx-b200",    "hgx-h100",    "hgx-h800"};

TEST(LibraryAlgorithms, NcclGathersAndScattersByRings) {
  for (const std::string& name : kNccl) {
    const SystemSpec system = load_system(name);
    const CollectiveProtocol protocol = catalogue_protocol("nccl-" + name);
    const auto per_supernode = static_cast<int>(system.devices_per_supernode());
    const Fabric fabric = build_fabric(system, 2 * system.chips_per_supernode());
    CollectiveCostModel model(fabric, protocol);
    for (const auto& members : {devices(2), devices(4), devices(2, 0, per_supernode), devices(2 * per_supernode)})
      for (const CollectiveOp op : {kAllGather, kReduceScatter})
        for (const Bytes bytes : {64_KiB, 16_MiB, 1_GiB})
          EXPECT_EQ(model.cost({op, bytes, {}}, members).algorithm, "ring") << name << ' ' << members.size();
    for (const Bytes bytes : {64_KiB, 16_MiB, 1_GiB}) {
      const std::string chosen = model.cost({kAllReduce, bytes, {}}, devices(2 * per_supernode)).algorithm;
      EXPECT_TRUE(chosen == "ring" || chosen == "tree") << name << ' ' << chosen;
      EXPECT_EQ(model.cost({kAllToAll, bytes, {}}, devices(2 * per_supernode)).algorithm, "direct") << name;
    }
  }
}

TEST(LibraryAlgorithms, HcclHasAHierarchyAndNoTree) {
  for (const char* system : {"cloudmatrix-384", "atlas-800t-a2", "atlas-800t-a3"}) {
    const LibraryAlgorithms library = catalogue_protocol(std::string("hccl-") + system).algorithms;
    for (const CollectiveOp op : {kAllReduce, kAllGather, kReduceScatter}) {
      for (const char* name : {"ring", "direct", "halving_doubling", "hierarchical"})
        EXPECT_TRUE(allows(library, op, name)) << name;
      for (const char* name : {"tree", "nvls"}) EXPECT_FALSE(allows(library, op, name)) << name;
    }
  }
}

// The one raw measurement of an A2 node (cannmirror/asc-devkit, MC2 tuning case): 64 MiB over 8 NPUs in 1071 us; the
// line that Huawei fitted to its own samples says 931.
TEST(LibraryAlgorithms, AllReduceOnAnA2Node) {
  const CollectiveProtocol protocol = catalogue_protocol("hccl-atlas-800t-a2");
  const Fabric fabric = build_fabric(load_system("atlas-800t-a2"), 8);
  const CollectiveCost cost = CollectiveCostModel(fabric, protocol).cost({kAllReduce, 64_MiB, {}}, devices(8));
  EXPECT_EQ(cost.algorithm, "direct");
  EXPECT_GT(cost.time, 900_us);
  EXPECT_LT(cost.time, 1100_us);
}

// One transfer in a node is held to one link of the seven, whatever the library reaches of it.
TEST(LibraryAlgorithms, OneTransferOnAnA2NodeHasOneLink) {
  const CollectiveProtocol protocol = catalogue_protocol("hccl-atlas-800t-a2");
  const Fabric fabric = build_fabric(load_system("atlas-800t-a2"), 8);
  const CollectiveCost cost = CollectiveCostModel(fabric, protocol).cost({kSendRecv, 64_MiB, {}}, devices(2));
  EXPECT_GT(cost.time, 64_MiB / 28_GBps);
  EXPECT_LT(cost.time, 64_MiB / 14_GBps);
}

// A data-parallel group with one rank a node: 127/128 of 1.5 GiB over one 400 Gbps NIC. With 4 nodes of 8, rings reach
// 81 % of the NICs (323.5 GB/s of bus bandwidth over 8 NICs).
TEST(LibraryAlgorithms, DataParallelReduceScatterOnOneNicANode) {
  const SystemSpec system = load_system("hgx-h100");
  const CollectiveProtocol protocol = catalogue_protocol("nccl-hgx-h100");
  const Fabric fabric = build_fabric(system, 1024);
  CollectiveCostModel model(fabric, protocol);
  const CollectiveCost cost = model.cost({kReduceScatter, 1536_MiB, {}}, devices(128, 0, 8));
  EXPECT_EQ(cost.algorithm, "ring");
  EXPECT_EQ(cost.rounds, 127);
  const double share = 1536_MiB * 127.0 / 128.0 / cost.time / 50_GBps;
  EXPECT_GT(share, 0.75);
  EXPECT_LT(share, 0.90);
}

}  // namespace
}  // namespace supernode
