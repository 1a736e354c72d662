#include "topology/inventory.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <cctype>
#include <cmath>

#include "topology/graph_count.hpp"

namespace supernode {

namespace {

using Known = std::optional<double>;

// "compute rack" -> "compute_rack"
std::string key_of(std::string_view name) {
  std::string key(name);
  for (char& c : key) {
    if (!std::isalnum(static_cast<unsigned char>(c))) c = '_';
  }
  return key;
}

std::string plane_text(Plane plane) {
  std::string text(to_string(plane));
  std::replace(text.begin(), text.end(), '_', '-');
  return text == "vpc" ? "VPC" : text;
}

template <class T>
InventorySource source_of(const Sourced<T>& figure) {
  return {figure.source, figure.confidence};
}

class InventoryTaker {
 public:
  InventoryTaker(const SystemSpec& spec, const Fabric& fabric)
      : spec_(spec), own_(spec.inventory), count_(count_graph(fabric)) {
    // How many full supernodes the nodes would fill.
    full_ = static_cast<double>(count_.nodes) / static_cast<double>(spec.nodes_per_supernode);
  }

  Inventory take() {
    inventory_.chips = count_.chips;
    take_parts();
    take_switches();
    take_racks(own_.racks, "racks_");
    take_racks(own_.boxes, "boxes_");
    take_links();
    take_optics();
    take_copper();
    take_power();
    take_weight();
    take_cost();
    return std::move(inventory_);
  }

 private:
  void add(InventoryGroup group, std::string key, std::string label, Known amount, std::string how = "",
           std::vector<InventorySource> sources = {}) {
    if (!amount) how.clear(), sources.clear();
    inventory_.lines.push_back({group, std::move(key), std::move(label), amount, std::move(how), std::move(sources)});
  }

  void take_parts() {
    const auto part = [&](std::string key, std::string label, std::int64_t amount) {
      add(InventoryGroup::kParts, std::move(key), std::move(label), static_cast<double>(amount));
    };
    part("supernodes", "supernodes", count_.supernodes);
    part("nodes", "nodes", count_.nodes);
    part("chips", "chips", count_.chips);
    if (count_.devices != count_.chips) part("devices", "devices (dies)", count_.devices);
    part("cpus", "CPUs", count_.cpus);
    for (const auto& [plane, amount] : count_.nics) {
      part("nics_" + std::string(to_string(plane)), plane_text(plane) + " NICs", amount);
    }
  }

  void take_switches() {
    for (const auto& [where, switches] : count_.switches) {
      const auto& [plane, tier] = where;
      const auto planes = static_cast<std::int64_t>(switches.sub_planes.size());
      std::string how;
      if (planes > 1 && switches.chips % planes == 0) {
        how = fmt::format("{} sub-planes x {}", planes, switches.chips / planes);
      }
      add(InventoryGroup::kParts, fmt::format("switch_chips_{}_{}", to_string(plane), key_of(tier)),
          fmt::format("{} switch chips, {}", plane_text(plane), tier), static_cast<double>(switches.chips), how);
    }
  }

  double count_of(const RackSpec& rack) const {
    if (is_known(rack.nodes)) return std::ceil(static_cast<double>(count_.nodes) / rack.nodes.value - 1e-9);
    return rack.per_supernode.value * static_cast<double>(count_.supernodes);
  }

  void take_racks(const std::vector<RackSpec>& racks, const std::string& prefix) {
    for (const RackSpec& rack : racks) {
      const bool by_nodes = is_known(rack.nodes);
      add(InventoryGroup::kParts, prefix + key_of(rack.name), rack.name, count_of(rack),
          by_nodes ? fmt::format("{:g} nodes each", rack.nodes.value)
                   : fmt::format("{:g} a supernode", rack.per_supernode.value),
          {source_of(by_nodes ? rack.nodes : rack.per_supernode)});
    }
  }

  void take_links() {
    for (const auto& [where, links] : count_.links) {
      const auto& [plane, medium] = where;
      std::string medium_text(to_string(medium));
      std::replace(medium_text.begin(), medium_text.end(), '_', '-');
      add(InventoryGroup::kLinks, fmt::format("links_{}_{}", to_string(plane), to_string(medium)),
          fmt::format("{} links, {}", plane_text(plane), medium_text), static_cast<double>(links.links));
    }
  }

  // Two modules a cable; several links of a scale-up plane may share one.
  double take_scale_up_modules() {
    const std::int64_t links = count_.links_of(Plane::kScaleUp, Medium::kOptical);
    const bool known = is_known(own_.links_per_cable);
    const double per_cable = known ? own_.links_per_cable.value : 1;
    const double cables = std::ceil(static_cast<double>(links) / per_cable);
    std::vector<InventorySource> sources;
    if (links > 0 && known) sources.push_back(source_of(own_.links_per_cable));
    if (links > 0 && !known) sources.push_back({"taken as one link a cable", Confidence::kAssumed});
    add(InventoryGroup::kOptics, "optical_cables_scale_up", "scale-up optical cables", cables,
        links > 0 ? fmt::format("{} links, {:g} a cable", links, per_cable) : "", sources);
    add(InventoryGroup::kOptics, "optical_modules_scale_up", "scale-up optical modules", 2 * cables,
        links > 0 ? "2 a cable" : "", sources);
    return 2 * cables;
  }

  // Each end of an optical link has a module of the NIC's rate; a link that oversubscription thins stands for a part of
  // one.
  double modules_of(Plane plane, std::string& how) const {
    double ends = 0;
    for (const auto& [where, links] : count_.optical) {
      if (where.first != plane) continue;
      const BytesPerSecond wire = plane == Plane::kVpc ? spec_.vpc_bandwidth.value : spec_.scale_out.bandwidth.value;
      const double cables = std::ceil(links.bandwidth / wire - 1e-6);
      how += fmt::format("{}{:.0f} {}", how.empty() ? "2 ends x (" : " + ", cables, where.second);
      ends += 2 * cables;
    }
    if (!how.empty()) how += ")";
    return ends;
  }

  void take_optics() {
    const double up = take_scale_up_modules();
    std::string how, vpc_how;
    const double out = modules_of(Plane::kScaleOut, how);
    add(InventoryGroup::kOptics, "optical_modules_scale_out", "scale-out optical modules", out, how);
    add(InventoryGroup::kOptics, "optical_modules", "optical modules, both planes", up + out,
        fmt::format("{:.4g} a chip", (up + out) / static_cast<double>(count_.chips)));
    if (const double vpc = modules_of(Plane::kVpc, vpc_how); vpc > 0) {
      add(InventoryGroup::kOptics, "optical_modules_vpc", "VPC optical modules, beside these", vpc, vpc_how);
    }
    modules_ = up + out;
  }

  void take_copper() {
    const std::int64_t links = count_.links_of(Plane::kScaleUp, Medium::kCopper);
    if (links == 0) return;
    const Sourced<double>& per_link = own_.copper_cables_per_link;
    Known cables;
    if (is_known(per_link)) cables = per_link.value * static_cast<double>(links);
    add(InventoryGroup::kOptics, "copper_cables_scale_up", "scale-up copper cables", cables,
        cables && *cables == 0 ? "traces on boards" : fmt::format("{} links x {:g}", links, per_link.value),
        {source_of(per_link)});
  }

  // A figure of a full supernode, by nodes.
  void of_supernode(InventoryGroup group, std::string key, std::string label, const Sourced<double>& figure) {
    Known amount;
    if (is_known(figure)) amount = figure.value * full_;
    add(group, std::move(key), std::move(label), amount, full_ == 1 ? "" : fmt::format("{:.4g} supernodes", full_),
        {source_of(figure)});
  }

  // Per chip or module.
  void times(InventoryGroup group, std::string key, std::string label, const Sourced<double>& figure, double amount,
             std::string_view what) {
    if (!is_known(figure)) {
      add(group, std::move(key), std::move(label), std::nullopt);
      return;
    }
    add(group, std::move(key), std::move(label), figure.value * amount,
        fmt::format("{:.0f} {} x {:g}", amount, what, figure.value), {source_of(figure)});
  }

  // Sum over the racks; unknown where it is of one of them.
  void of_racks(InventoryGroup group, std::string key, std::string label, Sourced<double> RackSpec::*figure) {
    Known sum;
    std::string how;
    std::vector<InventorySource> sources;
    bool known = !own_.racks.empty();
    for (const RackSpec& rack : own_.racks) {
      const Sourced<double>& of_one = rack.*figure;
      known = known && is_known(of_one);
      sum = sum.value_or(0) + count_of(rack) * of_one.value;
      how += fmt::format("{}{:g} x {:g}", how.empty() ? "" : " + ", count_of(rack), of_one.value);
      sources.push_back(source_of(of_one));
    }
    if (!known) sum.reset();
    add(group, std::move(key), std::move(label), sum, known ? how : "", sources);
  }

  void take_power() {
    const InventoryGroup group = InventoryGroup::kPower;
    of_supernode(group, "power_published_w", "published or typical", own_.supernode_power_w);
    if (is_known(own_.supernode_power_high_w)) {
      of_supernode(group, "power_published_high_w", "highest published", own_.supernode_power_high_w);
    }
    of_racks(group, "power_limit_w", "limit of the racks", &RackSpec::power_w);
    times(group, "optics_power_w", "of it optical modules", own_.module_power_w, modules_, "modules");
    times(group, "interconnect_power_w", "of it interconnect", own_.interconnect_power_w,
          static_cast<double>(count_.chips), "chips");
  }

  void take_weight() {
    if (is_known(own_.supernode_weight_kg)) {
      of_supernode(InventoryGroup::kWeight, "weight_kg", "weight", own_.supernode_weight_kg);
    } else {
      of_racks(InventoryGroup::kWeight, "weight_kg", "weight", &RackSpec::weight_kg);
    }
  }

  void take_cost() {
    const InventoryGroup group = InventoryGroup::kCost;
    const auto chips = static_cast<double>(count_.chips);
    of_supernode(group, "cost_usd", "price", own_.supernode_cost_usd);
    times(group, "chips_cost_usd", "chips alone", own_.chip_cost_usd, chips, "chips");
    times(group, "interconnect_cost_usd", "interconnect", own_.interconnect_cost_usd, chips, "chips");
    const Known whole = inventory_.amount("cost_usd"), network = inventory_.amount("interconnect_cost_usd");
    if (whole && network) {
      add(group, "interconnect_cost_share", "interconnect over price", *network / *whole, "",
          {source_of(own_.interconnect_cost_usd), source_of(own_.supernode_cost_usd)});
    }
    times(group, "optics_cost_usd", "optical modules", own_.module_cost_usd, modules_, "modules");
  }

  const SystemSpec& spec_;
  const InventorySpec& own_;
  const GraphCount count_;
  double full_ = 1, modules_ = 0;
  Inventory inventory_;
};

}  // namespace

const InventoryLine* Inventory::find(std::string_view key) const {
  const auto line =
      std::find_if(lines.begin(), lines.end(), [&](const InventoryLine& each) { return each.key == key; });
  return line == lines.end() ? nullptr : &*line;
}

std::optional<double> Inventory::amount(std::string_view key) const {
  const InventoryLine* line = find(key);
  return line ? line->amount : std::nullopt;
}

Inventory take_inventory(const SystemSpec& spec, const Fabric& fabric) { return InventoryTaker(spec, fabric).take(); }

}  // namespace supernode
