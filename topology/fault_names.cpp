#include "topology/fault_names.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <map>

#include "base/diagnostics.hpp"
#include "topology/fault_spec.hpp"

namespace supernode {

namespace {

bool carries_training(Plane plane) { return plane == Plane::kScaleUp || plane == Plane::kScaleOut; }

}  // namespace

FaultNames::FaultNames(const Fabric& fabric) : fabric_(fabric), at_(static_cast<std::size_t>(fabric.vertex_count())) {
  for (std::int64_t i = 0; i < fabric.link_count(); ++i) {
    links_.push_back(fabric.link(LinkId(i)));
    for (const VertexId end : {links_.back().a, links_.back().b})
      at_[static_cast<std::size_t>(end.index)].push_back(LinkId(i));
  }
  for (std::int64_t i = 0; i < fabric.vertex_count(); ++i)
    vertices_.emplace(fabric.vertex_view(VertexId(i)).name, VertexId(i));
}

std::vector<LinkId> FaultNames::links_of(VertexId vertex) const { return at_[static_cast<std::size_t>(vertex.index)]; }

std::vector<std::string> FaultNames::names_of(VertexKind kind) const {
  std::vector<std::string> names;
  for (std::int64_t i = 0; i < fabric_.vertex_count(); ++i) {
    const VertexView view = fabric_.vertex_view(VertexId(i));
    if (view.kind == kind) names.emplace_back(view.name);
  }
  return names;
}

VertexId FaultNames::vertex_named(const std::string& name, VertexKind kind) const {
  const auto found = vertices_.find(name);
  if (found != vertices_.end() && fabric_.vertex_view(found->second).kind == kind) return found->second;
  throw FaultError(fmt::format("no {} '{}'{}", to_string(kind), name, suggestion(name, names_of(kind))));
}

VertexId FaultNames::end_named(const std::string& link, std::string_view name) const {
  const auto found = vertices_.find(name);
  if (found != vertices_.end()) return found->second;
  std::vector<std::string> all;
  for (const auto& [known, vertex] : vertices_) all.emplace_back(known);
  const auto near = nearest_candidate(name, all);
  throw FaultError(fmt::format("no link '{}': nothing is called '{}'{}", link, name,
                               near ? fmt::format("; did you mean '{}'?", *near) : ""));
}

// The links of a vertex, each by the name of its other end.
std::vector<std::string> FaultNames::neighbours(VertexId vertex) const {
  std::vector<std::string> names;
  for (const LinkId id : links_of(vertex)) {
    const LinkView& link = links_[static_cast<std::size_t>(id.index)];
    names.emplace_back(fabric_.vertex_view(link.a == vertex ? link.b : link.a).name);
  }
  return names;
}

std::vector<LinkId> FaultNames::links_named(const std::string& name) const {
  const std::size_t dash = name.find("--");
  if (dash == std::string::npos)
    throw FaultError(fmt::format("no link '{}': a link is named by its two ends joined by --", name));
  const std::string far = name.substr(dash + 2);
  const VertexId a = end_named(name, name.substr(0, dash)), b = end_named(name, far);
  std::vector<LinkId> found;
  for (const LinkId id : links_of(a)) {
    const LinkView& link = links_[static_cast<std::size_t>(id.index)];
    if (link.a == b || link.b == b) found.push_back(id);
  }
  if (!found.empty()) return found;
  throw FaultError(fmt::format("no link '{}': '{}' is not linked to '{}'{}", name, name.substr(0, dash), far,
                               suggestion(far, neighbours(a))));
}

std::vector<LinkId> FaultNames::drawable_links() const {
  std::vector<LinkId> found;
  for (std::size_t i = 0; i < links_.size(); ++i) {
    const bool to_cpu = fabric_.vertex_view(links_[i].a).kind == VertexKind::kCpu ||
                        fabric_.vertex_view(links_[i].b).kind == VertexKind::kCpu;
    if (carries_training(links_[i].spec.plane) && !to_cpu) found.emplace_back(static_cast<std::int64_t>(i));
  }
  return found;
}

std::vector<VertexId> FaultNames::drawable(VertexKind kind) const {
  std::vector<VertexId> found;
  for (std::int64_t i = 0; i < fabric_.vertex_count(); ++i) {
    const auto in_plane = [&](LinkId id) {
      return carries_training(links_[static_cast<std::size_t>(id.index)].spec.plane);
    };
    if (fabric_.vertex_view(VertexId(i)).kind == kind && std::ranges::any_of(links_of(VertexId(i)), in_plane))
      found.emplace_back(i);
  }
  return found;
}

// Links are added from the lower end: those of one vertex and plane stand one behind the other.
std::vector<std::vector<LinkId>> FaultNames::cables(std::int64_t links_per_cable) const {
  std::vector<std::vector<LinkId>> all;
  std::map<VertexId, std::size_t> open;  // by lower end, a cable with room
  for (std::size_t i = 0; i < links_.size(); ++i) {
    const LinkSpec& spec = links_[i].spec;
    if (spec.medium != Medium::kOptical || !carries_training(spec.plane)) continue;
    const LinkId id(static_cast<std::int64_t>(i));
    const bool shared = spec.plane == Plane::kScaleUp && links_per_cable > 1;
    const auto found = shared ? open.find(links_[i].a) : open.end();
    if (found == open.end()) {
      if (shared) open[links_[i].a] = all.size();
      all.push_back({id});
    } else {
      std::vector<LinkId>& cable = all[found->second];
      cable.push_back(id);
      if (std::ssize(cable) == links_per_cable) open.erase(found);
    }
  }
  return all;
}

}  // namespace supernode
