// The YAML layout of composed layers.
#include "topology/layer_spec.hpp"

namespace supernode {

namespace {

constexpr Choice<LayerKind> kKinds[] = {{"full_mesh", LayerKind::kFullMesh},
                                        {"torus", LayerKind::kTorus},
                                        {"ocs", LayerKind::kOcs},
                                        {"switch", LayerKind::kSwitch},
                                        {"dragonfly", LayerKind::kDragonfly}};

constexpr Choice<Medium> kMedia[] = {
    {"on_package", Medium::kOnPackage}, {"copper", Medium::kCopper}, {"optical", Medium::kOptical}};

void bind_layer(LayerSpec& layer, SpecReader& r) {
  r.choice<LayerKind>({"kind", "how the layer joins its units", kRequired}, layer.kind, kKinds);
  r.integer({"size", "units of the layer below (devices, at first) that it joins", kRequired}, layer.size,
            {.min = 1, .max = 1 << 20});
  r.sourced({"bandwidth", "per direction: one link; of a switch layer, one unit into all parallel switches together",
             kRequired},
            layer.bandwidth);
  r.sourced({"latency", "of one link, the far switch included", kRequired}, layer.latency, true);
  if (r.documenting() || layer.kind == LayerKind::kSwitch) {
    r.integer({"switches", "parallel switch chips over one group of units (switch)"}, layer.switches,
              {.min = 1, .max = 4096});
  }
  r.choice<Medium>({"medium", "what its links are"}, layer.medium, kMedia);
}

}  // namespace

void bind(std::vector<LayerSpec>& layers, SpecReader& r, std::string_view key) {
  if (!r.documenting()) layers.clear();
  r.items({key, "from the devices upwards: what joins what (composed)", kRequired}, [&](SpecReader& inner) {
    LayerSpec layer;
    bind_layer(layer, inner);
    layers.push_back(layer);
  });
}

}  // namespace supernode
