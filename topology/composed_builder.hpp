#pragma once
// A scale-up plane composed of layers that the user lists (topology/layer_spec.hpp). Equations: docs/models/fabric.md.
//
// Grid layers join the devices of a block directly. The first switch layer attaches every device of its `size` blocks
// to each of its chips; the next one every switch of its `size` groups to each of its chips of the same sub-plane. A
// dragonfly joins `size` groups pairwise: chip i of one to chip i of the other.

#include <vector>

#include "topology/fabric.hpp"
#include "topology/node_builder.hpp"
#include "topology/system_spec.hpp"

namespace supernode {

// Throws std::invalid_argument when the layers do not span a supernode (grid layers below switch layers, the product of
// all sizes the supernode's devices, a dragonfly last and above a switch layer, sub-planes that divide the chips), or
// when a cluster of so many chips would break a grid: its last block may be filled by whole lines of a mesh, a ring is
// whole or not there.
void check_layers(const SystemSpec& spec, std::int64_t chips);

// The grid that the layers span; empty when they are switches only.
Grid grid_of(const std::vector<LayerSpec>& layers);

// What the layers come to in the terms of the other kinds: one chip's bandwidth into the plane, the switches that a
// device spreads over, the latency of its first link. Sources are those of the least certain layer.
void derive_scale_up(SystemSpec& spec);

// Joins the nodes of each supernode.
void connect_composed(Fabric& fabric, const SystemSpec& spec, const std::vector<BuiltNode>& nodes);

}  // namespace supernode
