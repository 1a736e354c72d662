#pragma once
// The parts of a fabric that faults name or draw: by name, by kind, by cable.

#include <string>
#include <string_view>
#include <unordered_map>
#include <vector>

#include "topology/fabric.hpp"

namespace supernode {

// Lookups throw FaultError with the nearest name.
class FaultNames {
 public:
  explicit FaultNames(const Fabric& fabric);

  const std::vector<LinkView>& links() const { return links_; }  // by LinkId
  // "A--B", either way round: all links between the two.
  std::vector<LinkId> links_named(const std::string& name) const;
  VertexId vertex_named(const std::string& name, VertexKind kind) const;
  std::vector<LinkId> links_of(VertexId vertex) const;

  // What draws choose from: links between switches, NICs and devices of the scale-up and scale-out planes; switches
  // and NICs that have such links.
  std::vector<LinkId> drawable_links() const;
  std::vector<VertexId> drawable(VertexKind kind) const;
  // Optical links of these planes by cable; `links_per_cable` scale-up links that leave one vertex side by side share
  // one. A cable has a module at each end.
  std::vector<std::vector<LinkId>> cables(std::int64_t links_per_cable) const;

 private:
  std::vector<std::string> names_of(VertexKind kind) const;
  VertexId end_named(const std::string& link, std::string_view name) const;
  std::vector<std::string> neighbours(VertexId vertex) const;

  const Fabric& fabric_;
  std::vector<LinkView> links_;
  std::vector<std::vector<LinkId>> at_;  // by vertex
  std::unordered_map<std::string_view, VertexId> vertices_;
};

}  // namespace supernode
