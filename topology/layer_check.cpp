// What can be built of composed layers, and why not.
#include <fmt/format.h>

#include <algorithm>
#include <stdexcept>

#include "topology/composed_builder.hpp"

namespace supernode {

namespace {

constexpr std::int64_t kMostLinks = 100'000'000;  // of one supernode: 15 GB of memory

class LayerCheck {
 public:
  explicit LayerCheck(const SystemSpec& spec) : spec_(spec), layers_(spec.scale_up.layers) {}

  void run() {
    require(!layers_.empty(), "needs at least one layer");
    for (index_ = 0; index_ < layers_.size(); ++index_) check(layers_[index_]);
    const std::int64_t devices = spec_.devices_per_supernode();
    require(units_ == devices,
            fmt::format("the sizes multiply to {}, but a supernode has {} devices ({} chips a node x {} nodes x {} "
                        "devices a chip)",
                        units_, devices, spec_.chips_per_node, spec_.nodes_per_supernode, spec_.devices_per_chip));
  }

 private:
  void require(bool condition, std::string_view what) const {
    if (condition) return;
    throw std::invalid_argument(fmt::format("system '{}': fabric.scale_up.layers: {}", spec_.name, what));
  }
  void require_here(bool condition, std::string_view what) const {
    if (!condition) require(false, fmt::format("layer {}: {}", index_ + 1, what));
  }

  void check(const LayerSpec& layer) {
    require_here(layer.size >= 1 && layer.bandwidth.value > BytesPerSecond(0), "size and bandwidth must be positive");
    require_here(!dragonfly_, "nothing goes above a dragonfly");
    units_ *= layer.size;
    require_here(units_ <= spec_.devices_per_supernode(),
                 fmt::format("the sizes so far multiply to {}, more than the {} devices of a supernode", units_,
                             spec_.devices_per_supernode()));
    if (layer.on_grid()) check_grid(layer);
    if (layer.kind == LayerKind::kSwitch) check_switch(layer);
    if (layer.kind == LayerKind::kDragonfly) check_dragonfly(layer);
    require_here(links_ <= kMostLinks, fmt::format("a supernode of more than {} links is too large", kMostLinks));
  }

  void check_grid(const LayerSpec& layer) {
    require_here(!below_, "mesh, torus and ocs layers go below switch layers");
    require_here(layer.size % layer.block == 0,
                 fmt::format("blocks of {} do not divide a ring of {}", layer.block, layer.size));
    const std::int64_t peers = layer.kind == LayerKind::kFullMesh ? layer.size - 1 : 2;
    links_ += spec_.devices_per_supernode() * peers / 2;
  }

  void check_switch(const LayerSpec& layer) {
    if (below_) {
      const std::int64_t finest = below_ == first_ ? below_->switches : below_->planes;
      require_here(layer.switches % layer.planes == 0,
                   fmt::format("{} switches do not divide into {} planes", layer.switches, layer.planes));
      require_here(below_->switches % layer.planes == 0 && finest % layer.planes == 0,
                   fmt::format("{} planes do not divide the {} of the layer below", layer.planes, finest));
      links_ += spec_.devices_per_supernode() / below_units_ * below_->switches * (layer.switches / layer.planes);
    } else {
      require_here(layer.planes == 1, "planes are above a layer of switches; here each chip is its own");
      links_ += spec_.devices_per_supernode() * layer.switches;
      first_ = &layer;
    }
    below_ = &layer;
    below_units_ = units_;
  }

  void check_dragonfly(const LayerSpec& layer) {
    require_here(below_ != nullptr, "a dragonfly joins the groups of a switch layer below it");
    const std::int64_t links = layer.links > 0 ? layer.links : below_->switches;
    require_here(links % below_->switches == 0,
                 fmt::format("{} links between two groups do not spread over the {} switches of a group", links,
                             below_->switches));
    links_ += layer.size * (layer.size - 1) / 2 * links;
    dragonfly_ = true;
  }

  const SystemSpec& spec_;
  const std::vector<LayerSpec>& layers_;
  std::size_t index_ = 0;
  std::int64_t units_ = 1, below_units_ = 1, links_ = 0;
  const LayerSpec* first_ = nullptr;  // switch layer
  const LayerSpec* below_ = nullptr;  // the last switch layer so far
  bool dragonfly_ = false;
};

// Do the first `devices` of a block make a smaller grid: full lines of its lower dimensions, some of one mesh
// dimension, one of each above?
bool fills(const Grid& grid, std::int64_t devices) {
  std::int64_t stride = 1;
  for (const GridDimension& dimension : grid.dimensions) {
    if (devices % stride != 0) return false;
    const std::int64_t extent = devices / stride;
    if (extent <= dimension.size) return !dimension.ring || extent == dimension.size || extent == 1;
    stride *= dimension.size;
  }
  return false;
}

bool fits(const SystemSpec& spec, const Grid& grid, std::int64_t nodes) {
  const std::int64_t rest = nodes * spec.devices_per_node() % grid.size();
  return rest == 0 || fills(grid, rest);
}

}  // namespace

void check_layers(const SystemSpec& spec, std::int64_t chips) {
  LayerCheck(spec).run();
  const Grid grid = grid_of(spec.scale_up.layers);
  const std::int64_t nodes = cluster_size(spec, chips).nodes;
  if (fits(spec, grid, nodes)) return;
  std::int64_t more = nodes + 1;
  while (!fits(spec, grid, more)) ++more;
  throw std::invalid_argument(
      fmt::format("system '{}': {} chips leave a line of the grid of {} devices partly filled; {} chips fill it{}",
                  spec.name, chips, grid.size(), more * spec.chips_per_node,
                  spec.chips_per_node * spec.devices_per_chip < grid.size() ? ", or give the layers other sizes" : ""));
}

}  // namespace supernode
