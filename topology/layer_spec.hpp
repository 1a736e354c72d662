#pragma once
// The building blocks of a scale-up plane that a user composes in YAML (kind: composed), from the devices upwards:
//
//   layers:
//     - {kind: full_mesh, size: 8, bandwidth: 56 GB/s, latency: 0.3 us}      # a dimension of a grid of devices
//     - {kind: ocs, size: 16, block: 4, bandwidth: 100 GB/s, latency: 1 us}
//     - {kind: switch, size: 16, switches: 4, bandwidth: 224 GB/s, latency: 0.3 us}
//     - {kind: dragonfly, size: 9, bandwidth: 50 GB/s, latency: 1 us, medium: optical}
//
// A layer joins `size` units of the layer below it (devices, at first). Mesh and torus layers come first: they span a
// grid (topology/grid.hpp). The first switch layer attaches to every device below, the next one to the switches of the
// layer before it: a folded Clos, in `planes` sub-planes that never meet. A dragonfly comes last.

#include <cstdint>
#include <string>
#include <vector>

#include "base/quantity.hpp"
#include "base/spec_reader.hpp"
#include "topology/link_spec.hpp"

namespace supernode {

enum class LayerKind {
  kFullMesh,   // all units of a line pairwise
  kTorus,      // a ring of units (two of them: one link)
  kOcs,        // a ring whose links between blocks pass an optical circuit switch: optics at both ends, no packets
  kSwitch,     // `switches` parallel switch chips over all devices (or switches) below
  kDragonfly,  // groups of the switch layer below joined all to all by links of their switches
};

struct LayerSpec {
  LayerKind kind = LayerKind::kFullMesh;
  std::int64_t size = 1;  // units it joins
  // Mesh, torus, ocs, dragonfly: one link, per direction. Switch: one device, or one switch of the layer below, into
  // the layer, all parallel switches together.
  Sourced<BytesPerSecond> bandwidth;
  Sourced<Seconds> latency;         // of one link, the far switch's forwarding included
  Medium medium = Medium::kCopper;  // an ocs is optical, but for the links inside a block
  std::string name;                 // switch: what its chips are called in the census; else switch1, switch2, …
  std::int64_t switches = 1;        // switch: parallel chips over one group of units
  std::int64_t planes = 1;          // switch above a switch: chip i of both layers is in sub-plane i % planes
  std::int64_t links = 0;           // dragonfly: between two groups; 0: one for each switch of a group
  std::int64_t block = 1;           // ocs: neighbours within a block of so many units are joined by copper

  bool on_grid() const { return kind <= LayerKind::kOcs; }
};

void bind_layers(std::vector<LayerSpec>& layers, SpecReader& reader, std::string_view key);

}  // namespace supernode
