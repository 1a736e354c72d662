#pragma once
// Catalogue systems for the tests of this folder, optionally with overrides as a scenario would set them.

#include <gtest/gtest.h>

#include <stdexcept>
#include <string>
#include <utility>
#include <vector>

#include "base/spec_reader.hpp"
#include "base/yaml.hpp"
#include "topology/fabric.hpp"
#include "topology/system_spec.hpp"

namespace supernode {

using Overrides = std::vector<std::pair<std::string, std::string>>;  // dotted path, YAML text

inline SystemSpec read_system(const std::string& name, const Overrides& overrides, Diagnostics& diagnostics) {
  YamlNode root =
      load_yaml(std::string(SUPERNODE_SOURCE_DIR) + "/topology/catalog/systems/" + name + ".yaml", diagnostics);
  for (const auto& [path, text] : overrides) set_yaml_path(root, path, text, diagnostics);
  SystemSpec spec;
  SpecReader reader(root, "system", diagnostics);
  bind(spec, reader);
  reader.finish();
  return spec;
}

inline SystemSpec load_system(const std::string& name, const Overrides& overrides = {}) {
  Diagnostics diagnostics;
  SystemSpec spec = read_system(name, overrides, diagnostics);
  EXPECT_FALSE(diagnostics.has_errors()) << diagnostics.render();
  return spec;
}

inline const std::vector<std::string>& all_systems() {
  static const std::vector<std::string> names = {
      "atlas-800t-a2", "atlas-800t-a3", "atlas-950", "cloudmatrix-384", "gb200-nvl72", "gb300-nvl72",
      "hgx-a100",      "hgx-a100-40gb", "hgx-a800",  "hgx-b200",        "hgx-b300",    "hgx-h100",
      "hgx-h20",       "hgx-h200",      "hgx-h800",  "tpu-v5p",         "vr-nvl72"};
  return names;
}

// The fewest chips, `chips` at least, that leave no ring of the system's grid open.
inline std::int64_t fitting(const SystemSpec& spec, std::int64_t chips) {
  for (;; ++chips) {
    try {
      check_buildable(spec, chips);
      return chips;
    } catch (const std::invalid_argument&) {
    }
  }
}

inline DeviceId device(std::int64_t index) { return DeviceId(index); }

}  // namespace supernode
