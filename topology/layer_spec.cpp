// The YAML layout of composed layers.
#include "topology/layer_spec.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <cctype>

namespace supernode {

namespace {

constexpr Choice<LayerKind> kKinds[] = {{"full_mesh", LayerKind::kFullMesh},
                                        {"torus", LayerKind::kTorus},
                                        {"ocs", LayerKind::kOcs},
                                        {"switch", LayerKind::kSwitch},
                                        {"dragonfly", LayerKind::kDragonfly}};

constexpr Choice<Medium> kMedia[] = {
    {"on_package", Medium::kOnPackage}, {"copper", Medium::kCopper}, {"optical", Medium::kOptical}};

constexpr std::string_view kScaleOutTiers[] = {"leaf", "spine", "core", "vpc"};

// The dots of a tier's name tell its class.
bool plain_word(const std::string& name) {
  return std::ranges::all_of(name, [](unsigned char c) { return std::isalnum(c) != 0 || c == '_'; });
}

void bind_switch(LayerSpec& layer, SpecReader& r) {
  r.integer({"switches", "parallel switch chips over one group of units (switch)"}, layer.switches,
            {.min = 1, .max = 65536});
  r.integer({"planes", "sub-planes that never meet above the switch layer below: chip i is in i mod planes (switch)"},
            layer.planes, {.min = 1, .max = 65536});
  if (!r.text({"name", "what its chips are called in the census (switch)"}, layer.name)) return;
  if (!plain_word(layer.name)) r.error("name", "a layer's name is letters, digits and '_'");
  if (std::ranges::count(kScaleOutTiers, layer.name) > 0)
    r.error("name", fmt::format("'{}' is a tier of the scale-out plane; choose another name", layer.name));
}

void bind_layer(LayerSpec& layer, SpecReader& r) {
  r.choice<LayerKind>({"kind", "how the layer joins its units", kRequired}, layer.kind, kKinds);
  r.integer({"size", "units of the layer below (devices, at first) that it joins", kRequired}, layer.size,
            {.min = 1, .max = 1 << 20});
  r.sourced({"bandwidth", "per direction: one link; of a switch layer, one unit into all parallel switches together",
             kRequired},
            layer.bandwidth);
  r.sourced({"latency", "of one link, the far switch included", kRequired}, layer.latency, true);
  if (r.documenting() || layer.kind == LayerKind::kSwitch) bind_switch(layer, r);
  if (r.documenting() || layer.kind == LayerKind::kDragonfly) {
    r.integer({"links", "between two groups; 0: one for each switch of a group (dragonfly)"}, layer.links,
              {.min = 0, .max = 65536});
  }
  if (r.documenting() || layer.kind == LayerKind::kOcs) {
    r.integer({"block", "units whose links to one another are copper; those between blocks pass the switch (ocs)"},
              layer.block, {.min = 1, .max = 1 << 20});
  }
  if (layer.kind != LayerKind::kOcs) r.choice<Medium>({"medium", "what its links are"}, layer.medium, kMedia);
}

}  // namespace

void bind_layers(std::vector<LayerSpec>& layers, SpecReader& r, std::string_view key) {
  if (!r.documenting()) layers.clear();
  r.items({key, "from the devices upwards: what joins what (composed)", kRequired}, [&](SpecReader& inner) {
    LayerSpec layer;
    bind_layer(layer, inner);
    layers.push_back(layer);
  });
}

}  // namespace supernode
