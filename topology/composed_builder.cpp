#include "topology/composed_builder.hpp"

#include <fmt/format.h>

#include <cassert>

namespace supernode {

namespace {

using Units = std::vector<std::vector<VertexId>>;  // what a layer joins: blocks of devices, then groups of switches

// The layers of one supernode, built from the devices upwards.
class ComposedBuilder {
 public:
  ComposedBuilder(Fabric& fabric, const std::vector<LayerSpec>& layers, int supernode)
      : fabric_(fabric), layers_(layers), supernode_(supernode) {
    std::vector<std::int64_t> planes;  // of the switch layers
    for (const LayerSpec& layer : layers)
      if (layer.kind == LayerKind::kSwitch) planes.push_back(planes.empty() ? layer.switches : layer.planes);
    if (!planes.empty()) sub_planes_ = planes.size() > 1 ? planes[1] : planes[0];
  }

  void connect(const std::vector<VertexId>& devices) {
    units_ = blocks(devices);
    std::int64_t stride = 1;
    for (const LayerSpec& layer : layers_) {
      if (layer.on_grid()) {
        for (const auto& block : units_) connect_lines(block, layer, stride);
        stride *= layer.size;
      } else if (layer.kind == LayerKind::kSwitch) {
        add_switches(layer);
      } else {
        connect_groups(layer);
      }
    }
  }

 private:
  Units blocks(const std::vector<VertexId>& devices) const {
    const auto size = static_cast<std::size_t>(grid_of(layers_).size());
    Units out;
    for (std::size_t i = 0; i < devices.size(); ++i) {
      if (i % size == 0) out.emplace_back();
      out.back().push_back(devices[i]);
    }
    return out;
  }

  static LinkSpec link_of(const LayerSpec& layer, double parallel = 1) {
    return {layer.bandwidth.value / parallel, layer.latency.value, layer.medium, Plane::kScaleUp};
  }

  // A link of the grid, of no sub-plane: those are of switches.
  static LinkSpec grid_link(const LayerSpec& layer) {
    LinkSpec link = link_of(layer);
    link.sub_plane = -1;
    return link;
  }

  // Every line of a block along one dimension, as far as the block is filled.
  void connect_lines(const std::vector<VertexId>& block, const LayerSpec& layer, std::int64_t stride) {
    for (std::int64_t i = 0; i < std::ssize(block); ++i) {
      const std::int64_t x = i / stride % layer.size, origin = i - x * stride;
      const auto join = [&](std::int64_t y, const LinkSpec& link) {
        const std::int64_t j = origin + y * stride;
        if (j < std::ssize(block)) fabric_.connect(block[i], block[j], link);
      };
      if (layer.kind == LayerKind::kFullMesh) {
        for (std::int64_t y = x + 1; y < layer.size; ++y) join(y, grid_link(layer));
      } else if (layer.size > 2 || x + 1 < layer.size) {
        join((x + 1) % layer.size, ring_link(layer, x));
      }
    }
  }

  // From x to x + 1.
  static LinkSpec ring_link(const LayerSpec& layer, std::int64_t x) {
    LinkSpec link = grid_link(layer);
    if (layer.kind == LayerKind::kOcs) link.medium = (x + 1) % layer.block == 0 ? Medium::kOptical : Medium::kCopper;
    return link;
  }

  // One group of chips over each `size` units; the groups are the next layer's units.
  void add_switches(const LayerSpec& layer) {
    Units groups;
    const auto size = static_cast<std::size_t>(layer.size);
    const std::string name = layer.name.empty() ? fmt::format("switch{}", switch_layers_ + 1) : layer.name;
    for (std::size_t first = 0; first < units_.size(); first += size) {
      groups.push_back(add_group(layer, name, groups.size(), units_.size() > size));
      for (std::size_t i = first; i < std::min(first + size, units_.size()); ++i)
        attach(layer, units_[i], groups.back());
    }
    units_ = std::move(groups);
    ++switch_layers_;
  }

  std::vector<VertexId> add_group(const LayerSpec& layer, const std::string& name, std::size_t index, bool several) {
    const std::string tier = several ? fmt::format("supernode{}.{}.{}", supernode_, index, name)
                                     : fmt::format("supernode{}.{}", supernode_, name);
    std::vector<VertexId> chips;
    for (std::int64_t i = 0; i < layer.switches; ++i)
      chips.push_back(fabric_.add_vertex(VertexKind::kSwitch, fmt::format("{}.{}", tier, i), tier));
    return chips;
  }

  // Devices to every chip, switches to every chip of their sub-plane.
  void attach(const LayerSpec& layer, const std::vector<VertexId>& below, const std::vector<VertexId>& chips) {
    const bool devices = switch_layers_ == 0;
    const std::int64_t planes = devices ? 1 : layer.planes;
    LinkSpec link = link_of(layer, static_cast<double>(layer.switches / planes));
    for (std::int64_t i = 0; i < std::ssize(below); ++i) {
      for (std::int64_t chip = devices ? 0 : i % planes; chip < layer.switches; chip += planes) {
        link.sub_plane = static_cast<int>((devices ? chip : i) % sub_planes_);
        fabric_.connect(below[i], chips[chip], link);
      }
    }
  }

  void connect_groups(const LayerSpec& layer) {
    LinkSpec link = link_of(layer);
    for (std::size_t a = 0; a < units_.size(); ++a) {
      const auto chips = std::ssize(units_[a]);
      const std::int64_t links = layer.links > 0 ? layer.links : chips;
      for (std::size_t b = a + 1; b < units_.size(); ++b) {
        for (std::int64_t i = 0; i < links; ++i) {
          link.sub_plane = static_cast<int>(i % chips % sub_planes_);
          fabric_.connect(units_[a][i % chips], units_[b][i % chips], link);
        }
      }
    }
  }

  Fabric& fabric_;
  const std::vector<LayerSpec>& layers_;
  int supernode_;
  std::int64_t sub_planes_ = 1;
  int switch_layers_ = 0;
  Units units_;
};

}  // namespace

Grid grid_of(const std::vector<LayerSpec>& layers) {
  Grid grid;
  for (const LayerSpec& layer : layers)
    if (layer.on_grid()) grid.dimensions.push_back({layer.size, layer.kind != LayerKind::kFullMesh});
  return grid;
}

void derive_scale_up(SystemSpec& spec) {
  ScaleUpSpec& up = spec.scale_up;
  const LayerSpec* least_certain = nullptr;
  const LayerSpec* switches = nullptr;
  up.bandwidth.value = {};
  for (const LayerSpec& layer : up.layers) {
    const bool first_switch = layer.kind == LayerKind::kSwitch && !switches;
    if (!layer.on_grid() && !first_switch) continue;  // what a chip itself is linked to
    const auto lines = static_cast<double>(layer.kind == LayerKind::kFullMesh ? layer.size - 1
                                           : layer.on_grid() ? std::min<std::int64_t>(layer.size - 1, 2)
                                                             : 1);
    up.bandwidth.value += layer.bandwidth.value * lines * static_cast<double>(spec.devices_per_chip);
    if (first_switch) switches = &layer;
    if (!least_certain || layer.bandwidth.confidence > least_certain->bandwidth.confidence) least_certain = &layer;
  }
  if (!least_certain) return;
  up.bandwidth.source = least_certain->bandwidth.source;
  up.bandwidth.confidence = least_certain->bandwidth.confidence;
  up.hop_latency = switches ? switches->latency : up.layers.front().latency;
  up.sub_planes = {switches ? switches->switches : 1, up.bandwidth.source, up.bandwidth.confidence};
}

void connect_composed(Fabric& fabric, const SystemSpec& spec, const std::vector<BuiltNode>& nodes) {
  fabric.set_grid(grid_of(spec.scale_up.layers));
  std::vector<VertexId> devices;
  for (std::size_t i = 0; i < nodes.size(); ++i) {
    devices.insert(devices.end(), nodes[i].devices.begin(), nodes[i].devices.end());
    if (i + 1 < nodes.size() && nodes[i + 1].supernode == nodes[i].supernode) continue;
    ComposedBuilder(fabric, spec.scale_up.layers, nodes[i].supernode).connect(devices);
    devices.clear();
  }
}

}  // namespace supernode
