// The census of the catalogue's systems: what the graph counts, what the inventories add, what stays unknown.
#include "topology/inventory.hpp"

#include <gtest/gtest.h>

#include "tests/topology/system_fixture.hpp"

namespace supernode {
namespace {

Inventory inventory_of(const std::string& system, std::int64_t chips = 0, const Overrides& overrides = {}) {
  const SystemSpec spec = load_system(system, overrides);
  return take_inventory(spec, build_fabric(spec, chips > 0 ? chips : spec.chips_per_supernode()));
}

void expect_amounts(const Inventory& inventory, const std::vector<std::pair<std::string, double>>& expected) {
  for (const auto& [key, amount] : expected) {
    const auto found = inventory.amount(key);
    ASSERT_TRUE(found.has_value()) << key;
    EXPECT_DOUBLE_EQ(*found, amount) << key;
  }
}

// arXiv 2506.12708v2, the Atlas 900 A3 white paper and SemiAnalysis: 48 nodes of 8 NPUs and 4 CPUs, 7 sub-planes of 48
// L1 and 16 L2 chips, 336 · 16 links of which two share a cable, four scale-out modules an NPU.
TEST(Inventory, CloudMatrix) {
  const Inventory inventory = inventory_of("cloudmatrix-384");
  expect_amounts(inventory, {{"nodes", 48},
                             {"chips", 384},
                             {"devices", 768},
                             {"cpus", 192},
                             {"nics_scale_out", 384},
                             {"switch_chips_scale_up_L1", 336},
                             {"switch_chips_scale_up_L2", 112},
                             {"links_scale_up_optical", 5376},
                             {"optical_cables_scale_up", 2688},
                             {"optical_modules_scale_up", 5376},
                             {"optical_modules_scale_out", 1536},
                             {"optical_modules", 6912},
                             {"copper_cables_scale_up", 0},
                             {"racks_compute_rack", 12},
                             {"racks_bus_rack", 4},
                             {"boxes_L2_switch_box", 56},
                             {"power_published_w", 559400},
                             {"power_limit_w", 12 * 54000 + 4 * 17800},  // 719.2 kW
                             {"weight_kg", 12 * 1285 + 4 * 720},         // 18.3 t
                             {"cost_usd", 8.2e6},
                             {"interconnect_cost_usd", 384 * 4672},
                             {"interconnect_power_w", 384 * 159}});
  EXPECT_EQ(inventory.find("switch_chips_scale_up_L1")->how, "7 sub-planes x 48");
  EXPECT_NEAR(*inventory.amount("optics_power_w"), 6912 * 10.4, 1e-6);
}

// 18 trays of 4 GPUs and 2 CPUs, 9 switch trays of 2 chips, a GPU linked once to each chip: 1,296 NVLinks of 4 cables.
TEST(Inventory, Nvl72) {
  expect_amounts(inventory_of("gb200-nvl72"), {{"nodes", 18},
                                               {"cpus", 36},
                                               {"switch_chips_scale_up_nvswitch", 18},
                                               {"boxes_compute_tray", 18},
                                               {"boxes_NVLink_switch_tray", 9},
                                               {"links_scale_up_copper", 72 * 18},
                                               {"copper_cables_scale_up", 5184},
                                               {"optical_modules_scale_up", 0},
                                               {"power_published_w", 120000},
                                               {"power_published_high_w", 145000},
                                               {"weight_kg", 1360},
                                               {"cost_usd", 3e6}});
  expect_amounts(inventory_of("vr-nvl72"), {{"power_published_w", 190000}, {"power_published_high_w", 230000}});
}

TEST(Inventory, Nodes) {
  expect_amounts(inventory_of("hgx-h100"), {{"switch_chips_scale_up_nvswitch", 4}, {"power_limit_w", 10200}});
  expect_amounts(inventory_of("hgx-b200"), {{"power_limit_w", 14300}, {"weight_kg", 142.4}});
  expect_amounts(
      inventory_of("atlas-800t-a2"),
      {{"links_scale_up_copper", 28}, {"power_limit_w", 5800}, {"weight_kg", 70}, {"optical_modules_scale_up", 0}});
}

TEST(Inventory, Atlas950HasItsCabinets) {
  const SystemSpec spec = load_system("atlas-950");
  const Inventory inventory = take_inventory(spec, build_fabric(spec, spec.chips_per_supernode()));
  expect_amounts(inventory, {{"chips", 8192}, {"racks_compute_cabinet", 128}, {"racks_communication_cabinet", 32}});
}

// What nobody published is unknown, never zero.
TEST(Inventory, UnknownStaysUnknown) {
  const Inventory inventory = inventory_of("hgx-h20");
  for (const char* key : {"power_published_w", "power_limit_w", "weight_kg", "cost_usd", "optics_power_w"}) {
    ASSERT_NE(inventory.find(key), nullptr) << key;
    EXPECT_FALSE(inventory.find(key)->amount.has_value()) << key;
  }
}

// Two supernodes: 16 leaves of 64 ports' half would hold 96 nodes a rail in two leaves; every figure of a supernode
// doubles, and so do the modules as long as the plane has two tiers (NIC to leaf, leaf to spine: four a chip).
TEST(Inventory, ScalesWithTheCluster) {
  const Inventory inventory = inventory_of("cloudmatrix-384", 768);
  expect_amounts(inventory, {{"supernodes", 2},
                             {"nodes", 96},
                             {"switch_chips_scale_up_L2", 224},
                             {"optical_modules", 2 * 6912},
                             {"power_limit_w", 2 * 719200},
                             {"cost_usd", 2 * 8.2e6}});
}

// 24 of 48 nodes: half the compute racks and half of what is published, all bus racks, all L2 chips.
TEST(Inventory, PartlyFilledSupernode) {
  expect_amounts(inventory_of("cloudmatrix-384", 192), {{"switch_chips_scale_up_L1", 168},
                                                        {"switch_chips_scale_up_L2", 112},
                                                        {"racks_compute_rack", 6},
                                                        {"racks_bus_rack", 4},
                                                        {"power_published_w", 559400 / 2.0},
                                                        {"power_limit_w", 6 * 54000 + 4 * 17800}});
}

// An oversubscribed leaf has thinner uplinks: half the modules on that side, 2 · (384 + 192).
TEST(Inventory, OversubscriptionSavesModules) {
  const Inventory inventory = inventory_of("cloudmatrix-384", 0, {{"fabric.scale_out.oversubscription", "2"}});
  expect_amounts(inventory, {{"optical_modules_scale_out", 2 * (384 + 192)}});
}

TEST(Inventory, UsersFiguresCount) {
  const Inventory inventory = inventory_of("hgx-h20", 0, {{"inventory.supernode_cost_usd", "100000"}});
  expect_amounts(inventory, {{"cost_usd", 100000}});
  EXPECT_EQ(inventory.find("cost_usd")->sources.front().confidence, Confidence::kUser);
}

TEST(Inventory, EveryLineSaysWhereItComesFrom) {
  for (const std::string& system : all_systems()) {
    const SystemSpec spec = load_system(system);
    const Inventory inventory = take_inventory(spec, build_fabric(spec, spec.chips_per_node * 2));
    for (const InventoryLine& line : inventory.lines) {
      const bool counted = line.group == InventoryGroup::kParts || line.group == InventoryGroup::kLinks ||
                           line.group == InventoryGroup::kOptics;
      EXPECT_TRUE(counted || !line.amount || !line.sources.empty()) << system << " " << line.key;
      for (const InventorySource& source : line.sources) EXPECT_FALSE(source.text.empty()) << system << " " << line.key;
    }
  }
}

}  // namespace
}  // namespace supernode
