// The machine of a published run: a system of the catalogue, with the network the row states.

#include <fmt/format.h>

#include <algorithm>
#include <array>

#include "scenarios/catalogue.hpp"
#include "scenarios/import_parts.hpp"
#include "scenarios/import_text.hpp"

namespace supernode {

namespace {

struct SystemName {
  std::string_view chip;     // how the row's chip begins, lower case
  std::string_view text;     // what its system has in it, lower case; "" = anything
  std::string_view system;   // of the catalogue
  std::int64_t devices = 1;  // ranks a chip hosts
  std::int64_t node = 8;     // chips of a node
};

// The first that matches; the particular stand before the general.
constexpr std::array kSystems = {
    SystemName{"gb300", "", "gb300-nvl72", 1, 4},
    SystemName{"gb200", "", "gb200-nvl72", 1, 4},
    SystemName{"b300", "", "hgx-b300"},
    SystemName{"b200", "", "hgx-b200"},
    SystemName{"h200", "", "hgx-h200"},
    SystemName{"h100", "", "hgx-h100"},
    SystemName{"h800", "", "hgx-h800"},
    SystemName{"h20", "", "hgx-h20"},
    SystemName{"a100-40gb", "", "hgx-a100-40gb"},
    SystemName{"a100", "", "hgx-a100"},
    SystemName{"a800", "", "hgx-a800"},
    SystemName{"ascend 910c die", "800t a3", "atlas-800t-a3", 2},
    SystemName{"ascend 910c die", "ci host", "atlas-800t-a3", 2},
    SystemName{"ascend 910c die", "", "cloudmatrix-384", 2},
    SystemName{"ascend 910c card", "", "cloudmatrix-384", 1},
    SystemName{"ascend 910b", "", "atlas-800t-a2"},
};

// Servers with eight 910C are the nodes of the Atlas 900 A3 SuperPoD (Huawei's white paper of it): a job on several is
// taken to have their optical plane between them.
bool joined_by_supernode(const PublishedRun& run, const SystemName& system) {
  return system.system == "atlas-800t-a3" && run.ranks > system.node * system.devices;
}

const SystemName* find_system(const PublishedRun& run) {
  const std::string chip = lower_case(run.chip), text = lower_case(run.system);
  const auto found = std::find_if(kSystems.begin(), kSystems.end(), [&](const SystemName& each) {
    return chip.starts_with(each.chip) && contains(text, each.text) && !joined_by_supernode(run, each);
  });
  return found == kSystems.end() ? nullptr : &*found;
}

// Gbps of a node's network ports, all together, as the row's text states them: "800Gb/s per node", "1600Gbps RoCE",
// "8x200Gb/s", "8xHDR 200Gb/s per node"; one port's figure ("400Gb/s IB") counts once a chip. 0 = not stated.
double node_gbps(const std::string& text, std::int64_t chips_per_node) {
  for (std::string_view unit : {"Gb/s", "Gbps"}) {
    const auto rate = number_before(text, unit);
    if (!rate) continue;
    const std::string before = text.substr(0, text.find(unit));
    const auto ports = number_before(before, "x");
    const bool hdr = contains(before, "xHDR") || before.rfind('x') + 8 > before.size();
    if (ports && *ports >= 2 && *ports <= 16 && hdr) return *rate * *ports;
    const bool whole_node = contains(text, "per node") || contains(text, "node-node");
    return whole_node ? *rate : *rate * static_cast<double>(chips_per_node);
  }
  return 0;
}

// NVIDIA's advice for jobs of 128 GPUs and more on NVL72 racks: segments of 16 of a rack's 18 nodes, so that groups of
// a power of two stay in one rack ("Unlock exascale performance on NVIDIA GB200 NVL72 with Slurm topology-aware job
// scheduling", developer.nvidia.com).
constexpr std::int64_t kSegmentNodes = 16, kSegmentedJob = 128;

void set_segments(RunImport& import, const SystemName& system) {
  const std::int64_t chips = import.run.ranks / system.devices;
  const bool racks = system.system.ends_with("nvl72");
  if (!racks || chips < kSegmentedJob || chips % (kSegmentNodes * system.node) != 0) return;
  import.yaml.set("system.nodes_per_supernode", kSegmentNodes);
  import.assume(
      fmt::format("{} nodes of each rack: the segments that NVIDIA advises for jobs of many racks", kSegmentNodes));
}

}  // namespace

bool has_system(const PublishedRun& run) { return find_system(run) != nullptr; }

std::vector<std::string> importable_chips() {
  std::vector<std::string> names;
  for (const SystemName& each : kSystems)
    if (names.empty() || names.back() != each.chip) names.emplace_back(each.chip);
  return names;
}

void import_system(RunImport& import) {
  const PublishedRun& run = import.run;
  const SystemName* system = find_system(run);
  if (!system) {
    import.problem = fmt::format("no system of the catalogue has the chip '{}'", run.chip);
    return;
  }
  if (!find_in_catalogue(CatalogueKind::kSystem, system->system)) {
    import.problem = fmt::format("the catalogue has no system '{}'", system->system);
    return;
  }
  if (run.ranks <= 0 || run.ranks % system->devices != 0) {
    import.problem = fmt::format("{} ranks do not fill chips of {}", run.ranks, system->devices);
    return;
  }
  import.system = system->system;
  import.yaml.set_word("system.base", system->system);
  import.yaml.set("system.chips", run.ranks / system->devices);
  set_segments(import, *system);
  if (system->devices > 1) import.assume(fmt::format("{} ranks are dies, {} on a chip", run.ranks, system->devices));
  if (contains(lower_case(run.chip), "unconfirmed")) import.assume("the chip, which the source does not confirm");
  const double gbps = node_gbps(run.system, system->node);
  if (gbps > 0 && run.ranks > system->node * system->devices) {
    import.yaml.set_word("system.fabric.scale_out.bandwidth",
                         fmt::format("{} Gbps", gbps / static_cast<double>(system->node)));
  }
}

}  // namespace supernode
