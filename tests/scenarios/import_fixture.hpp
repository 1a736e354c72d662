#pragma once
// Rows of published-runs tables for tests: the tables shipped in calibration/published, and rows written in a test.

#include <fmt/format.h>
#include <gtest/gtest.h>

#include <filesystem>
#include <fstream>
#include <iterator>
#include <map>
#include <string>

#include "scenarios/import_run.hpp"
#include "tests/scenarios/scenario_files.hpp"

namespace supernode::testing {

inline std::vector<PublishedRun> shipped_runs(const std::string& table) {
  Diagnostics diagnostics;
  const auto runs =
      load_published_runs(fmt::format("{}/calibration/published/{}", SUPERNODE_SOURCE_DIR, table), diagnostics);
  EXPECT_TRUE(runs) << diagnostics.render();
  EXPECT_FALSE(diagnostics.has_errors()) << diagnostics.render();
  return runs.value_or(std::vector<PublishedRun>{});
}

// A dense Llama-like run of 32 layers on 16 H100 with everything stated; tests change a field.
inline PublishedRun plain_run() {
  PublishedRun run;
  run.id = "plain";
  run.source = "Megatron-LM run";
  run.system = "DGX-H100";
  run.chip = "H100";
  run.model = "LLaMA-7B";
  run.attention = "MHA";
  run.precision = "BF16";
  run.sharding = "distributed optimizer (ZeRO-1)";
  run.recompute = "none";
  run.notes = "spec:A";
  run.grade = "A";
  run.ranks = 16;
  run.layers = 32;
  run.hidden = 4096;
  run.ffn = 11008;
  run.heads = run.kv_heads = 32;
  run.head_dim = 128;
  run.vocab = 32000;
  run.sequence = 4096;
  run.global_batch = 64;
  run.micro_batch = 1;
  run.tensor = 2;
  run.pipeline = 2;
  run.context = 1;
  run.data = 4;
  return run;
}

// The scenario a row becomes; fails the test when it does not.
inline Scenario scenario_of(const PublishedRun& run) {
  Diagnostics diagnostics;
  auto scenario = load_published_run(run, diagnostics);
  if (!scenario) {
    ADD_FAILURE() << diagnostics.render();
    return {};
  }
  return std::move(*scenario);
}

inline bool says(const std::vector<std::string>& lines, const std::string& part) {
  for (const std::string& line : lines) {
    if (line.find(part) != std::string::npos) return true;
  }
  return false;
}

}  // namespace supernode::testing
