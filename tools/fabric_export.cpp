#include "tools/fabric_export.hpp"

#include <fmt/format.h>

#include <iterator>
#include <map>

#include "tools/fabric_groups.hpp"
#include "tools/fabric_report.hpp"
#include "tools/format.hpp"
#include "topology/graph_count.hpp"

namespace supernode {

namespace {

constexpr std::int64_t kMostSingleVertices = 200;

std::string dot_escaped(std::string_view text) {
  std::string out;
  for (const char c : text) {
    if (c == '"' || c == '\\') out += '\\';
    out += c;
  }
  return out;
}

std::string_view dot_shape(VertexKind kind) {
  switch (kind) {
    case VertexKind::kDevice:
      return "box";
    case VertexKind::kCpu:
      return "component";
    case VertexKind::kNic:
      return "house";
    case VertexKind::kSwitch:
      return "ellipse";
  }
  return "box";
}

// What is in one node stands in its cluster, what joins the nodes of one supernode in the supernode's.
struct DotOwner {
  int supernode = -1, node = -1;
  auto operator<=>(const DotOwner&) const = default;
};

DotOwner owner_of(const VertexGroup& group) {
  if (group.first_node >= 0 && group.first_node == group.last_node) return {group.supernode, group.first_node};
  return {group.plane == Plane::kScaleUp ? group.supernode : -1, -1};
}

std::string dot_vertex(const VertexGroup& group, std::size_t index, bool folded) {
  const std::string label =
      !folded ? group.name
              : fmt::format("{} {}{}", group.size, group.tier, group.kind == VertexKind::kDevice ? "s" : "");
  return fmt::format("g{} [label=\"{}\", tooltip=\"{}\", shape={}];\n", index, dot_escaped(label),
                     dot_escaped(group.name), dot_shape(group.kind));
}

std::string dot_edge(const GroupBond& bond) {
  const std::string count = bond.links > 1 ? fmt::format("{} x ", bond.links) : "";
  std::string label = count + bandwidth_text(bond.bandwidth / static_cast<double>(bond.links));
  if (bond.dead > 0) label += fmt::format(", {} dead", bond.dead);
  if (bond.slow > 0) label += fmt::format(", {} slow", bond.slow);
  return fmt::format("  g{} -- g{} [label=\"{}\", style={}{}];\n", bond.low, bond.high, label,
                     bond.dead == bond.links           ? "dashed"
                     : bond.medium == Medium::kOptical ? "bold"
                                                       : "solid",
                     bond.dead > 0 ? ", color=red" : "");
}

std::string dot_clusters(const GroupedFabric& grouped, bool folded) {
  std::map<DotOwner, std::string> inside;
  for (std::size_t i = 0; i < grouped.groups.size(); ++i) {
    inside[owner_of(grouped.groups[i])] += "    " + dot_vertex(grouped.groups[i], i, folded);
  }
  std::string out;
  int open = -1;
  for (const auto& [owner, boxes] : inside) {
    if (owner.supernode != open) {
      if (open >= 0) out += "  }\n";
      open = owner.supernode;
      if (open >= 0) out += fmt::format("  subgraph cluster_supernode{0} {{\n  label=\"supernode {0}\";\n", open);
    }
    if (owner.node < 0) {
      out += boxes;
    } else {
      out += fmt::format("  subgraph cluster_node{0} {{\n    label=\"node {0}\";\n{1}  }}\n", owner.node, boxes);
    }
  }
  return open >= 0 ? out + "  }\n" : out;
}

struct Attribute {
  const char* id;
  const char* owner;
  const char* name;
  const char* type;
};
constexpr Attribute kAttributes[] = {
    {"name", "node", "name", "string"},
    {"kind", "node", "kind", "string"},
    {"tier", "node", "tier", "string"},
    {"plane", "edge", "plane", "string"},
    {"sub_plane", "edge", "sub_plane", "int"},
    {"medium", "edge", "medium", "string"},
    {"bandwidth", "edge", "bandwidth_bytes_per_s", "double"},
    {"latency", "edge", "latency_s", "double"},
    {"share", "edge", "share", "double"},
};

}  // namespace

std::string xml_escaped(std::string_view text) {
  std::string out;
  for (const char c : text) {
    switch (c) {
      case '&':
        out += "&amp;";
        break;
      case '<':
        out += "&lt;";
        break;
      case '>':
        out += "&gt;";
        break;
      case '"':
        out += "&quot;";
        break;
      case '\'':
        out += "&apos;";
        break;
      default:  // control characters have no place in XML 1.0
        out += static_cast<unsigned char>(c) < 0x20 && c != '\n' && c != '\t' ? '?' : c;
    }
  }
  return out;
}

std::string fabric_dot(const Fabric& fabric, const std::string& title) {
  GroupOptions options;
  options.each_vertex = fabric.vertex_count() <= kMostSingleVertices;
  const GroupedFabric grouped = group_fabric(fabric, options);
  std::string out =
      fmt::format("graph fabric {{\n  label=\"{}\";\n  rankdir=BT;\n  node [fontsize=10];\n  edge [fontsize=8];\n",
                  dot_escaped(title));
  out += dot_clusters(grouped, !options.each_vertex);
  for (const GroupBond& bond : grouped.bonds) out += dot_edge(bond);
  return out + "}\n";
}

std::string fabric_graphml(const Fabric& fabric, const std::string& title) {
  std::string out =
      "<?xml version=\"1.0\" encoding=\"UTF-8\"?>\n<graphml xmlns=\"http://graphml.graphdrawing.org/xmlns\">\n";
  for (const Attribute& a : kAttributes) {
    out +=
        fmt::format("  <key id=\"{}\" for=\"{}\" attr.name=\"{}\" attr.type=\"{}\"/>\n", a.id, a.owner, a.name, a.type);
  }
  out += fmt::format("  <graph id=\"{}\" edgedefault=\"undirected\">\n", xml_escaped(title));
  auto end = std::back_inserter(out);
  for (std::int64_t i = 0; i < fabric.vertex_count(); ++i) {
    const VertexView vertex = fabric.vertex_view(VertexId(i));
    fmt::format_to(end,
                   "    <node id=\"v{}\"><data key=\"name\">{}</data><data key=\"kind\">{}</data>"
                   "<data key=\"tier\">{}</data></node>\n",
                   i, xml_escaped(vertex.name), to_string(vertex.kind), xml_escaped(vertex_class(vertex)));
  }
  for (std::int64_t i = 0; i < fabric.link_count(); ++i) {
    const LinkView link = fabric.link(LinkId(i));
    fmt::format_to(end,
                   "    <edge id=\"e{}\" source=\"v{}\" target=\"v{}\"><data key=\"plane\">{}</data>"
                   "<data key=\"sub_plane\">{}</data><data key=\"medium\">{}</data><data key=\"bandwidth\">{}</data>"
                   "<data key=\"latency\">{}</data><data key=\"share\">{}</data></edge>\n",
                   i, link.a.index, link.b.index, to_string(link.spec.plane), link.spec.sub_plane,
                   to_string(link.spec.medium), link.spec.bandwidth.value(), link.spec.latency.value(), link.share);
  }
  return out + "  </graph>\n</graphml>\n";
}

}  // namespace supernode
