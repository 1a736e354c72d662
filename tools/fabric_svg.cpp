#include "tools/fabric_svg.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <cmath>
#include <map>

#include "tools/fabric_layout.hpp"
#include "tools/fabric_report.hpp"
#include "tools/format.hpp"
#include "tools/svg_style.hpp"

namespace supernode {

namespace {

constexpr std::int64_t kMostColumns = 64, kMostSingleDevices = 16, kMostGridDevices = 64;
constexpr double kHeadHeight = 92;

std::string plane_name(Plane plane) {
  switch (plane) {
    case Plane::kScaleUp:
      return "scale-up";
    case Plane::kScaleOut:
      return "scale-out";
    case Plane::kVpc:
      return "VPC";
    case Plane::kLocal:
      break;
  }
  return "local";
}

class FabricPicture {
 public:
  FabricPicture(const GroupedFabric& grouped, const FabricLayout& layout, const FabricLoad& load)
      : groups_(grouped.groups), bonds_(grouped.bonds), layout_(layout), load_(load) {
    for (const GroupBond& bond : bonds_) {
      if (drawn(bond)) widest_ = std::max(widest_, bond.bandwidth);
    }
    assign_slots();
  }

  std::string render(const std::string& title) {
    for (std::size_t i = 0; i < bonds_.size(); ++i) {
      if (drawn(bonds_[i])) draw_bond(i);
    }
    for (std::size_t i = 0; i < groups_.size(); ++i) {
      if (layout_.boxes[i].shown) draw_group(i);
    }
    draw_rows();
    draw_head(title);
    const double width = std::max(layout_.width, 760.0);
    return svg_.document(width, layout_.height, title, description(), kFabricStyle);
  }

 private:
  bool drawn(const GroupBond& bond) const {
    return bond.low != bond.high && layout_.boxes[bond.low].shown && layout_.boxes[bond.high].shown;
  }

  // Every bond from a column's box to a band has a place of its own along the box, the nearest band first.
  void assign_slots() {
    std::map<int, std::vector<std::size_t>> of_box;
    for (std::size_t i = 0; i < bonds_.size(); ++i) {
      const GroupBond& bond = bonds_[i];
      if (!drawn(bond)) continue;
      const bool low_band = layout_.boxes[bond.low].band, high_band = layout_.boxes[bond.high].band;
      if (low_band != high_band) of_box[low_band ? bond.high : bond.low].push_back(i);
    }
    slots_.assign(bonds_.size(), 0);
    for (auto& [box, list] : of_box) {
      std::sort(list.begin(), list.end(), [&](std::size_t a, std::size_t b) { return band_y(a) < band_y(b); });
      for (std::size_t i = 0; i < list.size(); ++i) {
        const LayoutBox& own = layout_.boxes[box];
        slots_[list[i]] = own.left() + own.width * (static_cast<double>(i) + 0.5) / static_cast<double>(list.size());
        narrowest_slot_ = std::min(narrowest_slot_, own.width / static_cast<double>(list.size()));
      }
    }
  }
  double band_y(std::size_t bond) const {
    const LayoutBox &a = layout_.boxes[bonds_[bond].low], &b = layout_.boxes[bonds_[bond].high];
    return std::abs((a.band ? a : b).corner.y - layout_.device_top);
  }

  double line_width(const GroupBond& bond) const {
    const double most = std::clamp(0.6 * narrowest_slot_, 1.0, 7.0);
    return std::max(0.7, most * std::sqrt(bond.bandwidth / widest_));
  }

  std::string load_class(const GroupBond& bond) const {
    if (bond.left <= BytesPerSecond(0)) return "link dead";
    if (load_.bytes.empty() || load_.time <= Seconds(0)) return "link idle";
    const double load = bond.load(load_.time);
    if (load <= 0) return "link idle";
    return fmt::format("link l{}", std::clamp(static_cast<int>(load * 10), 0, 9));
  }

  std::string bond_tooltip(const GroupBond& bond) const {
    std::string text = fmt::format("{} - {}: {} {} link{} of {}", group_name(bond.low), group_name(bond.high),
                                   bond.links, to_string(bond.medium), bond.links == 1 ? "" : "s",
                                   bandwidth_text(bond.bandwidth / static_cast<double>(bond.links)));
    if (bond.dead > 0) text += fmt::format(", {} dead", bond.dead);
    if (bond.slow > 0) text += fmt::format(", {} slow", bond.slow);
    if (!load_.bytes.empty() && load_.time > Seconds(0)) {
      text += fmt::format("; load {}", percent_text(bond.load(load_.time)));
    }
    return text;
  }

  std::string group_name(int index) const {
    const VertexGroup& group = groups_[index];
    std::string name = group.size == 1 ? group.name : fmt::format("{} x {} of ", group.size, group.tier);
    if (group.size > 1) {
      name += group.first_node == group.last_node ? fmt::format("node {}", group.first_node)
                                                  : fmt::format("nodes {} to {}", group.first_node, group.last_node);
    }
    if (group.sub_plane >= 0 && group.plane == Plane::kScaleUp && group.kind == VertexKind::kSwitch) {
      name += fmt::format(", sub-plane {}", group.sub_plane);
    }
    return name;
  }

  void draw_bond(std::size_t index) {
    const GroupBond& bond = bonds_[index];
    const LayoutBox &low = layout_.boxes[bond.low], &high = layout_.boxes[bond.high];
    if (low.band && high.band) {
      draw_gutter(bond, low, high);
    } else if (low.band != high.band) {
      const LayoutBox &box = low.band ? high : low, &band = low.band ? low : high;
      const bool up = band.corner.y < box.corner.y;
      draw_line(bond, {slots_[index], up ? box.top() : box.bottom()}, {slots_[index], up ? band.bottom() : band.top()});
    } else if (std::abs(low.corner.y - high.corner.y) < 1) {
      draw_arc(bond, low, high);
    } else {
      draw_stem(bond, low, high);
    }
  }

  void draw_line(const GroupBond& bond, Point from, Point to) {
    svg_.line(from, to, line_width(bond), load_class(bond), bond_tooltip(bond));
    if (bond.dead > 0 && bond.left > BytesPerSecond(0)) svg_.line(from, to, 1.2, "link dead");
  }

  // Between two boxes of a row.
  void draw_arc(const GroupBond& bond, const LayoutBox& low, const LayoutBox& high) {
    const bool below = groups_[bond.low].plane >= Plane::kScaleOut;
    const double y = below ? low.bottom() : low.top();
    const bool swap = low.middle() > high.middle();
    const Point from{(swap ? high : low).middle(), y}, to{(swap ? low : high).middle(), y};
    const double span = (to.x - from.x) / (layout_.right - layout_.left);
    const double height = (below ? -1 : 1) * (8 + 92 * std::sqrt(span));
    const double width = std::max(0.8, std::min(2.5, 3 * std::sqrt(bond.bandwidth / widest_)));
    svg_.arc(from, to, height, width, load_class(bond), bond_tooltip(bond));
    if (bond.dead > 0 && bond.left > BytesPerSecond(0)) svg_.arc(from, to, height, 1.2, "link dead");
  }

  // Between two rows of one column, from the wider box straight to the narrower one where they overlap.
  void draw_stem(const GroupBond& bond, const LayoutBox& a, const LayoutBox& b) {
    const LayoutBox &upper = a.corner.y < b.corner.y ? a : b, &lower = a.corner.y < b.corner.y ? b : a;
    const bool wide = upper.width > lower.width;
    const double x = (wide ? lower : upper).middle();
    const LayoutBox& other = wide ? upper : lower;
    const double far = x >= other.left() && x <= other.right() ? x : other.middle();
    draw_line(bond, {wide ? far : x, upper.bottom()}, {wide ? x : far, lower.top()});
  }

  // Between two bands: around them on the right, each bond on a line of its own; from a band among others of its row
  // straight on, behind the rows between.
  void draw_gutter(const GroupBond& bond, const LayoutBox& low, const LayoutBox& high) {
    if (low.width < 0.9 * (layout_.right - layout_.left)) {
      const double row = std::abs(low.corner.y - layout_.device_top) / 23;
      const double x = std::max(low.left() + 1, low.right() - 2 - 2.5 * std::fmod(row, 24));
      const bool up = high.corner.y < low.corner.y;
      draw_line(bond, {x, up ? low.top() : low.bottom()}, {x, up ? high.bottom() : high.top()});
      return;
    }
    const double x = layout_.right + 8 + std::fmod(7.0 * gutters_++, 78);
    const double y1 = low.corner.y + low.height / 2, y2 = high.corner.y + high.height / 2;
    svg_.line({low.right(), y1}, {x, y1}, 0.8, load_class(bond));
    svg_.line({high.right(), y2}, {x, y2}, 0.8, load_class(bond));
    draw_line(bond, {x, y1}, {x, y2});
  }

  void draw_group(std::size_t index) {
    const VertexGroup& group = groups_[index];
    const LayoutBox& box = layout_.boxes[index];
    std::string classes = "box device";
    if (group.kind == VertexKind::kNic) classes = "box nic";
    if (group.kind == VertexKind::kSwitch) {
      classes = group.plane == Plane::kScaleUp ? fmt::format("box s{}", std::max(0, group.sub_plane) % 8) : "box out";
    }
    svg_.rectangle(box.corner, box.width, box.height, classes, group_name(static_cast<int>(index)));
    if (group.kind == VertexKind::kDevice) draw_devices(group, box);
    if (box.band) draw_chips(group, box);
  }

  // One dot a device, as square a field as the box allows.
  void draw_devices(const VertexGroup& group, const LayoutBox& box) {
    const int fit = static_cast<int>(std::ceil(std::sqrt(group.size * box.width / box.height)));
    const int most = std::clamp(fit, 1, group.size);
    const int rows = (group.size + most - 1) / most;
    const int columns = (group.size + rows - 1) / rows;
    const double pitch = std::min(box.width / columns, box.height / rows);
    if (pitch < 2.5) return;
    const double x0 = box.middle() - pitch * (columns - 1) / 2,
                 y0 = box.corner.y + box.height / 2 - pitch * (rows - 1) / 2;
    for (int i = 0; i < group.size; ++i) {
      svg_.circle({x0 + pitch * (i % columns), y0 + pitch * (i / columns)}, std::min(7.0, 0.34 * pitch), "dot");
    }
  }

  // The chips of a band as ticks along it; what it is on the left, where there is room.
  void draw_chips(const VertexGroup& group, const LayoutBox& box) {
    if (group.size > 1 && group.size <= box.width / 6) {
      for (int i = 0; i < group.size; ++i) {
        const double x = box.left() + box.width * (i + 0.5) / group.size;
        svg_.rectangle({x - 2, box.top() + 3}, 4, box.height - 6, "chip");
      }
    }
    const bool first = box.left() < layout_.left + 2;
    if (!first) return;
    std::string label = group.tier;
    if (group.plane == Plane::kScaleUp && group.sub_plane >= 0)
      label = fmt::format("sub-plane {}, {}", group.sub_plane, label);
    if (group.plane != Plane::kScaleUp && group.size == 1) label = group.name;
    if (group.size > 1) label += fmt::format(" x {}", group.size);
    svg_.text({layout_.left - 8, box.bottom() - 3}, "label end", label);
  }

  // What a row of boxes in columns is, written once on its left; numbers of the nodes under the devices.
  void draw_rows() {
    std::map<int, std::string> rows;
    for (std::size_t i = 0; i < groups_.size(); ++i) {
      const LayoutBox& box = layout_.boxes[i];
      if (!box.shown || box.band) continue;
      const VertexGroup& group = groups_[i];
      const std::string plane = group.kind == VertexKind::kDevice ? "" : plane_name(group.plane) + " ";
      std::string what = group.kind == VertexKind::kNic ? "NICs" : group.tier;
      if (group.kind == VertexKind::kDevice) what = "devices";
      if (group.kind == VertexKind::kSwitch) what += group.size > 1 ? fmt::format(" chips x {}", group.size) : " chips";
      rows.try_emplace(static_cast<int>(box.corner.y + box.height / 2), plane + what);
    }
    for (const auto& [y, text] : rows) svg_.text({layout_.left - 8, y + 4.0}, "label end", text);
    draw_numbers();
  }

  // Of the nodes, or of the devices where each has a box; as many as there is room for.
  void draw_numbers() {
    double room = 0;  // from here on
    for (std::size_t i = 0; i < groups_.size(); ++i) {
      const VertexGroup& group = groups_[i];
      const LayoutBox& box = layout_.boxes[i];
      if (group.kind != VertexKind::kDevice || !box.shown || box.left() < room) continue;
      const std::string number = group.size == 1 ? group.name.substr(group.name.find_first_of("0123456789"))
                                                 : std::to_string(group.first_node);
      svg_.text({box.left(), layout_.device_bottom + 10}, "small", number);
      room = box.left() + 5.8 * static_cast<double>(number.size()) + 3;
    }
  }

  void draw_head(const std::string& title) {
    svg_.text({16, 28}, "title", title);
    svg_.text({16, 48}, "label", description());
    const double y = 62;
    double x = 16;
    if (!load_.bytes.empty()) {
      svg_.text({x, y + 10}, "label", "load: 0");
      x += 46;
      for (int i = 0; i < 10; ++i, x += 16) svg_.line({x, y + 6}, {x + 16, y + 6}, 9, fmt::format("link l{}", i));
      svg_.text({x + 6, y + 10}, "label", "100 % of the time of the fullest link");
      x += 230;
    }
    svg_.line({x, y + 6}, {x + 26, y + 6}, 1.6, "link idle");
    svg_.text({x + 32, y + 10}, "label", "no load");
    svg_.line({x + 86, y + 6}, {x + 112, y + 6}, 1.6, "link dead");
    svg_.text({x + 118, y + 10}, "label", "dead");
    svg_.text({x + 160, y + 10}, "label", fmt::format("width: bandwidth, thickest {}", bandwidth_text(widest_)));
  }

  std::string description() const {
    if (load_.bytes.empty()) return "no load";
    return fmt::format("coloured by {}: the fullest link needs {}", load_.text, time_text(load_.time));
  }

  const std::vector<VertexGroup>& groups_;
  const std::vector<GroupBond>& bonds_;
  const FabricLayout& layout_;
  const FabricLoad& load_;
  BytesPerSecond widest_{};
  double narrowest_slot_ = 12;
  int gutters_ = 0;
  std::vector<double> slots_;  // by bond
  SvgWriter svg_;
};

bool has_device_links(const Fabric& fabric) {
  for (std::int64_t i = 0; i < fabric.link_count(); ++i) {
    const LinkView link = fabric.link(LinkId(i));
    const auto device = [&](VertexId v) { return fabric.vertex_view(v).kind == VertexKind::kDevice; };
    if (link.spec.plane == Plane::kScaleUp && device(link.a) && device(link.b)) return true;
  }
  return false;
}

}  // namespace

int pictured_supernode(const Fabric& fabric) {
  const DevicePlace& last = fabric.place(DeviceId(fabric.device_count() - 1));
  const int nodes = last.node + 1, supernodes = last.supernode + 1;
  return nodes > kMostColumns && supernodes > 1 && nodes / supernodes >= 8 ? 0 : -1;
}

std::string fabric_svg(const Fabric& fabric, const std::string& title, const FabricLoad& load) {
  GroupOptions options;
  options.by_sub_plane = true;
  options.supernode = pictured_supernode(fabric);
  const bool whole = options.supernode < 0;
  const std::int64_t devices = fabric.device_count();
  options.each_device =
      whole && (devices <= kMostSingleDevices || (devices <= kMostGridDevices && has_device_links(fabric)));
  GroupedFabric grouped = group_fabric(fabric, options, load.bytes);
  options.nodes_a_column = (grouped.nodes + kMostColumns - 1) / kMostColumns;
  if (options.nodes_a_column > 1) grouped = group_fabric(fabric, options, load.bytes);
  const bool arcs = std::any_of(grouped.bonds.begin(), grouped.bonds.end(), [&](const GroupBond& bond) {
    return bond.low != bond.high && grouped.groups[bond.low].kind == VertexKind::kDevice &&
           grouped.groups[bond.high].kind == VertexKind::kDevice;
  });
  const FabricLayout layout = layout_fabric(grouped, options.nodes_a_column, kHeadHeight + (arcs ? 100 : 0));
  return FabricPicture(grouped, layout, load).render(title);
}

}  // namespace supernode
