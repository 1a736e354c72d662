#pragma once
// A folder of its own for a test, gone when the test is, and scenarios written into it.

#include <fmt/format.h>
#include <unistd.h>

#include <atomic>
#include <filesystem>
#include <fstream>
#include <optional>
#include <string>

#include "scenarios/scenario_loader.hpp"

namespace supernode::testing {

class TempFolder {
 public:
  TempFolder() {
    static std::atomic<int> count{0};
    path_ = std::filesystem::temp_directory_path() / fmt::format("supernode-test-{}-{}", ::getpid(), count++);
    std::filesystem::create_directories(path_);
  }
  ~TempFolder() {
    std::error_code ignored;
    std::filesystem::remove_all(path_, ignored);
  }
  TempFolder(const TempFolder&) = delete;
  TempFolder& operator=(const TempFolder&) = delete;

  std::string path(const std::string& name) const { return (path_ / name).string(); }
  std::string write(const std::string& name, const std::string& text) const {
    std::ofstream(path_ / name, std::ios::binary) << text;
    return path(name);
  }
  bool empty() const { return std::filesystem::is_empty(path_); }

 private:
  std::filesystem::path path_;
};

// A dense model small enough to simulate in a blink: 16 H100, TP4 PP2 DP2.
inline const std::string kSmallScenario = R"(name: small
system:
  base: hgx-h100
  chips: 16
model: llama-3.1-8b
plan:
  tensor_parallel: 4
  pipeline_parallel: 2
  data_parallel: 2
  global_batch: 16
  sequence_length: 4096
)";

struct Loaded {
  std::optional<Scenario> scenario;
  Diagnostics diagnostics;
  std::string messages() const { return diagnostics.render(); }
};

inline Loaded load_file(const std::string& path, const std::vector<Override>& overrides = {}) {
  Loaded loaded;
  loaded.scenario = load_scenario(path, overrides, loaded.diagnostics);
  return loaded;
}

inline Loaded load_text(const std::string& text, const std::vector<Override>& overrides = {}) {
  const TempFolder folder;
  return load_file(folder.write("scenario.yaml", text), overrides);
}

// `text` with the first `from` replaced; the test fails to build its input when there is none.
inline std::string replaced(std::string text, const std::string& from, const std::string& to) {
  const auto at = text.find(from);
  if (at == std::string::npos) throw std::logic_error("nothing to replace: " + from);
  return text.replace(at, from.size(), to);
}

}  // namespace supernode::testing
