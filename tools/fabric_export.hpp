#pragma once
// The graph of a fabric for other programs.

#include <string>

#include "topology/fabric.hpp"

namespace supernode {

// For Graphviz. Up to 200 vertices as they are; beyond, the devices, NICs, CPUs and switches of a node are one box each
// and parallel links one edge with their number. Boxes of a node stand in a cluster.
std::string fabric_dot(const Fabric& fabric, const std::string& title);

// Every vertex and link (GraphML 1.0: networkx, Gephi, yEd).
std::string fabric_graphml(const Fabric& fabric, const std::string& title);

// `text` as content or attribute of XML.
std::string xml_escaped(std::string_view text);

}  // namespace supernode
