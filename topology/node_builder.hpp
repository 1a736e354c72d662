#pragma once
// One server: its devices, NICs, CPUs and VPC card, joined by what is local to it. Other builders connect it to the
// scale-up and scale-out planes.

#include <vector>

#include "topology/fabric.hpp"
#include "topology/system_spec.hpp"

namespace supernode {

struct BuiltNode {
  int index = 0;  // over the whole cluster
  int supernode = 0;
  std::vector<VertexId> devices;  // chip by chip
  std::vector<VertexId> nics;     // one a chip; each of the chip's devices reaches it over a kLocal link
  std::vector<VertexId> cpus;
};

// Adds nodes in order. Sibling devices of a chip are joined pairwise by die_to_die; the VPC card, where there is one,
// joins the CPUs to the cluster's one VPC switch, which is not modelled further: it carries no training traffic.
class NodeBuilder {
 public:
  NodeBuilder(Fabric& fabric, const SystemSpec& spec);
  BuiltNode add();

 private:
  void add_chip(BuiltNode& node);
  void add_vpc_card(const BuiltNode& node);

  Fabric& fabric_;
  const SystemSpec& spec_;
  bool has_vpc_;
  VertexId vpc_switch_;  // when has_vpc_
  int nodes_ = 0;
  int chips_ = 0;
};

}  // namespace supernode
