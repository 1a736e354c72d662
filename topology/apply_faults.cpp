#include "topology/apply_faults.hpp"

#include <fmt/format.h>
#include <fmt/ranges.h>

#include <algorithm>
#include <set>
#include <utility>

#include "base/random_draw.hpp"
#include "topology/fault_names.hpp"

namespace supernode {

namespace {

// Draws of different kinds with one seed have nothing to do with one another.
enum Stream : std::uint64_t { kLinks = 1, kOptics, kSwitches, kNics, kChips };

// 6912 -> "6,912"
std::string grouped(std::int64_t number) {
  std::string text = std::to_string(number);
  for (auto at = std::ssize(text) - 3; at > 0; at -= 3) text.insert(static_cast<std::size_t>(at), ",");
  return text;
}

std::string plural(std::int64_t count, std::string_view thing, std::string_view ending = "s") {
  return fmt::format("{} {}{}", grouped(count), thing, count == 1 ? "" : ending);
}

// All of a few names, else the first ones.
std::string listed(const std::vector<std::string>& names) {
  constexpr std::size_t kMost = 6;
  if (names.size() <= kMost) return fmt::format("{}", fmt::join(names, ", "));
  return fmt::format("{}, … ({} in all)", fmt::join(names.begin(), names.begin() + kMost, ", "),
                     grouped(std::ssize(names)));
}

class FaultApplier {
 public:
  FaultApplier(Fabric& fabric, const SystemSpec& spec)
      : fabric_(fabric), spec_(spec), faults_(spec.faults), names_(fabric) {}

  void run() {
    for (const auto& [plane, down] : faults_.planes) take_planes(plane, down);
    for (const LinkFault& fault : faults_.links) take_named(fault);
    take_named(faults_.switches, VertexKind::kSwitch, "switch chip");
    take_named(faults_.nics, VertexKind::kNic, "NIC");
    draw_links();
    draw_optics();
    draw_vertices(VertexKind::kSwitch, faults_.random.switches, kSwitches, "switch chips");
    draw_vertices(VertexKind::kNic, faults_.random.nics, kNics, "NICs");
    take_chips();
    note_slow_chips();
  }

 private:
  // A link keeps the least that any fault leaves of it.
  void limit(LinkId id, double share) {
    const double left = fabric_.link(id).share;
    if (share < left) fabric_.set_share(id, share);
    if (share <= 0 && left > 0) ++down_;
  }
  void take(const std::vector<LinkId>& links) {
    for (const LinkId id : links) limit(id, 0);
  }
  void take(VertexId vertex) { take(names_.links_of(vertex)); }

  // The links taken down since the last time it was asked.
  std::string links_down() {
    const std::int64_t count = std::exchange(down_, 0);
    return plural(count, "link") + " down";
  }

  void take_planes(Plane plane, const std::vector<std::int64_t>& down) {
    std::set<std::int64_t> known;
    for (const LinkView& link : names_.links())
      if (link.spec.plane == plane && link.spec.sub_plane >= 0) known.insert(link.spec.sub_plane);  // none on a grid
    for (const std::int64_t sub_plane : down) {
      if (!known.contains(sub_plane))
        throw FaultError(
            fmt::format("no sub-plane {} of {}: there are {}, from 0", sub_plane, to_string(plane), known.size()));
      for (std::size_t i = 0; i < names_.links().size(); ++i) {
        const LinkSpec& link = names_.links()[i].spec;
        if (link.plane == plane && link.sub_plane == sub_plane) limit(LinkId(static_cast<std::int64_t>(i)), 0);
      }
    }
    fabric_.note_fault(fmt::format("{} of {} {} sub-planes down ({}): {}", down.size(), known.size(), to_string(plane),
                                   fmt::join(down, ", "), links_down()));
  }

  void take_named(const LinkFault& fault) {
    const std::vector<LinkId> links = names_.links_named(fault.link);
    for (const LinkId id : links) limit(id, fault.share);
    down_ = 0;
    fabric_.note_fault(fault.share <= 0
                           ? fmt::format("link {} down", fault.link)
                           : fmt::format("link {} at {:g} % of its bandwidth", fault.link, fault.share * 100));
  }

  void take_named(const std::vector<std::string>& names, VertexKind kind, std::string_view what) {
    if (names.empty()) return;
    for (const std::string& name : names) take(names_.vertex_named(name, kind));
    fabric_.note_fault(fmt::format("{} down ({}): {}", plural(std::ssize(names), what), listed(names), links_down()));
  }

  std::vector<std::int64_t> chosen(std::int64_t count, std::int64_t all, Stream stream, std::string_view what) const {
    if (count > all) throw FaultError(fmt::format("{} {} are to fail, but there are {}", count, what, all));
    return draw(count, all, faults_.random.seed, stream);
  }

  void note_drawn(std::int64_t count, std::int64_t all, std::string_view what) {
    fabric_.note_fault(fmt::format("{} of {} {} failed (seed {}): {}", grouped(count), grouped(all), what,
                                   faults_.random.seed, links_down()));
  }

  void draw_links() {
    const std::int64_t count = faults_.random.links;
    if (count == 0) return;
    const std::vector<LinkId> links = names_.drawable_links();
    for (const std::int64_t i : chosen(count, std::ssize(links), kLinks, "links"))
      limit(links[static_cast<std::size_t>(i)], 0);
    note_drawn(count, std::ssize(links), "links");
  }

  // Modules 2i and 2i + 1 are the two ends of cable i.
  void draw_optics() {
    const std::int64_t count = faults_.random.optics;
    if (count == 0) return;
    const auto cables = names_.cables(static_cast<std::int64_t>(spec_.inventory.links_per_cable.value));
    const std::int64_t modules = 2 * std::ssize(cables);
    for (const std::int64_t i : chosen(count, modules, kOptics, "optical modules"))
      take(cables[static_cast<std::size_t>(i / 2)]);
    note_drawn(count, modules, "optical modules");
  }

  void draw_vertices(VertexKind kind, std::int64_t count, Stream stream, std::string_view what) {
    if (count == 0) return;
    const std::vector<VertexId> all = names_.drawable(kind);
    for (const std::int64_t i : chosen(count, std::ssize(all), stream, what)) take(all[static_cast<std::size_t>(i)]);
    note_drawn(count, std::ssize(all), what);
  }

  // A dead chip takes its devices' links and its NIC down.
  void take_chips() {
    const std::int64_t per_chip = spec_.devices_per_chip;
    const std::int64_t chips = fabric_.device_count() / per_chip;
    const std::vector<std::int64_t> dead = dead_chips(faults_, chips);
    if (dead.empty()) return;
    for (const std::int64_t chip : dead) {
      for (std::int64_t i = 0; i < per_chip; ++i) take(fabric_.vertex(DeviceId(chip * per_chip + i)));
      take(names_.vertex_named(fmt::format("nic{}", chip), VertexKind::kNic));
    }
    const std::vector<std::int64_t> drained = drained_nodes(spec_, chips / spec_.chips_per_node);
    fabric_.note_fault(fmt::format("{} of {} dead ({}): {}; {} drained, {} built", grouped(std::ssize(dead)),
                                   plural(chips, "chip"), fmt::join(dead, ", "), links_down(),
                                   plural(std::ssize(drained), "node"), plural(spec_.spare_nodes, "spare node")));
  }

  void note_slow_chips() {
    const std::int64_t chips = fabric_.device_count() / spec_.devices_per_chip;
    for (const SlowChip& slow : faults_.slow_chips) {
      if (slow.chip >= chips)
        throw FaultError(fmt::format("no chip {}: the cluster has {}, from 0", slow.chip, plural(chips, "chip")));
      fabric_.note_fault(fmt::format("chip {} computes at {:g} % of its speed", slow.chip, slow.speed * 100));
    }
  }

  Fabric& fabric_;
  const SystemSpec& spec_;
  const FaultSpec& faults_;
  FaultNames names_;
  std::int64_t down_ = 0;
};

}  // namespace

void apply_faults(Fabric& fabric, const SystemSpec& spec) {
  if (spec.faults.any()) FaultApplier(fabric, spec).run();
}

std::vector<std::int64_t> dead_chips(const FaultSpec& faults, std::int64_t chips) {
  std::vector<std::int64_t> dead = faults.chips;
  for (const std::int64_t chip : dead) {
    if (chip >= chips)
      throw FaultError(fmt::format("no chip {}: the cluster has {}, from 0", chip, plural(chips, "chip")));
  }
  if (faults.random.chips > chips)
    throw FaultError(fmt::format("{} chips are to fail, but there are {}", faults.random.chips, chips));
  for (const std::int64_t chip : draw(faults.random.chips, chips, faults.random.seed, kChips)) dead.push_back(chip);
  std::ranges::sort(dead);
  dead.erase(std::unique(dead.begin(), dead.end()), dead.end());
  return dead;
}

std::vector<std::int64_t> drained_nodes(const SystemSpec& spec, std::int64_t nodes) {
  std::vector<std::int64_t> drained;
  for (const std::int64_t chip : dead_chips(spec.faults, nodes * spec.chips_per_node)) {
    const std::int64_t node = chip / spec.chips_per_node;
    if (drained.empty() || drained.back() != node) drained.push_back(node);
  }
  return drained;
}

std::vector<std::int64_t> healthy_nodes(const SystemSpec& spec, std::int64_t chips) {
  const std::int64_t needed = cluster_size(spec, chips).nodes, built = needed + spec.spare_nodes;
  const std::vector<std::int64_t> drained = drained_nodes(spec, built);
  std::vector<std::int64_t> healthy;
  for (std::int64_t node = 0; node < built && std::ssize(healthy) < needed; ++node)
    if (!std::ranges::binary_search(drained, node)) healthy.push_back(node);
  if (std::ssize(healthy) < needed) {
    std::vector<std::string> names;
    for (const std::int64_t node : drained) names.push_back(std::to_string(node));
    throw FaultError(
        fmt::format("dead chips drain {} ({}), which leaves {} of the {} that the job needs; set "
                    "spare_nodes: {}",
                    plural(std::ssize(drained), "node"), listed(names), std::ssize(healthy), needed,
                    spec.spare_nodes + needed - std::ssize(healthy)));
  }
  return healthy;
}

}  // namespace supernode
