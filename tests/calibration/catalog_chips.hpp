#pragma once
// Chips of the catalogue, and small ones for hand algebra.

#include <gtest/gtest.h>

#include <memory>
#include <string>

#include "calibration/catalog.hpp"
#include "calibration/chip_spec.hpp"

namespace supernode::test {

inline ChipSpec parse_chip(const std::string& name, const std::string& text, Diagnostics& diagnostics) {
  const YamlNode node = parse_yaml(std::make_shared<const SourceFile>(SourceFile{name, text}), diagnostics);
  ChipSpec chip;
  SpecReader reader(node, "", diagnostics);
  bind(chip, reader);
  reader.finish();
  return chip;
}

inline ChipSpec catalog_chip(const std::string& name) {
  for (const EmbeddedFile& file : chip_catalog()) {
    if (file.name != name) continue;
    Diagnostics diagnostics;
    ChipSpec chip = parse_chip(file.path, file.text, diagnostics);
    EXPECT_FALSE(diagnostics.has_errors()) << diagnostics.render();
    return chip;
  }
  ADD_FAILURE() << "no chip " << name;
  return {};
}

// One core, 1 TFLOP/s in every format, 1 TB/s, 1 us launch; a fit without losses, with whole waves and no split of k.
inline ChipSpec plain_chip(std::int64_t cores = 1) {
  ChipSpec chip;
  chip.name = "plain";
  for (Precision p : kAllPrecisions) chip.peak[p].value = FlopsPerSecond(1e12);
  chip.vector_peak.value = FlopsPerSecond(1e12);
  chip.hbm_capacity.value = Bytes(1e9);
  chip.hbm_bandwidth.value = BytesPerSecond(1e12);
  chip.l2_capacity.value = Bytes(1e9);
  chip.cores.value = cores;
  chip.clock.value = Hertz(1e9);
  chip.tile_m.value = 128;
  chip.tile_n.value = 128;
  chip.overlap_slowdown.value = 1;
  chip.fit.launch.value = Seconds(1e-6);
  const auto set = [&](const std::string& name, double value) { chip.fit.parameters[name].value = value; };
  set("gemm.bf16.efficiency", 1);
  set("gemm.bf16.k_ramp", 0);
  set("gemm.bf16.tile_penalty", 100);  // small tiles never pay
  set("gemm.bf16.wave", 1);
  set("gemm.bf16.memory", 1);
  set("gemm.bf16.serial", 0);
  set("gemm.bf16.max_split", 1);
  set("gemm.bf16.deviation", 0.1);
  set("vector.memory", 1);
  return chip;
}

}  // namespace supernode::test
