#pragma once
// Simulated times on disk, by content: the key is the SHA-256 of all that the folded engine computes from (classes of
// flows, links and ranks) and of the engine's version, so that equal keys have equal answers, in whatever run.
//
// The folder is $SUPERNODE_CACHE_DIR ("off" or empty: no cache), else $XDG_CACHE_HOME/supernode, else
// ~/.cache/supernode. It holds at most 4,096 files of at most 64 KiB: the key picks one of 4,096 slots, and a new entry
// takes the place of the old one. Processes share it without locks: an entry is written beside its place and renamed
// into it, a reader checks the key and a checksum, and what it cannot read it computes. What cannot be written is not
// kept.

#include <filesystem>
#include <optional>
#include <string>
#include <vector>

#include "base/quantity.hpp"
#include "sim/flow_classes.hpp"

namespace supernode {

class FlowCache {
 public:
  // An empty folder: no cache.
  explicit FlowCache(std::filesystem::path folder) : folder_(std::move(folder)) {}
  static FlowCache from_environment();

  std::optional<std::vector<Seconds>> find(const std::string& key) const;
  void keep(const std::string& key, const std::vector<Seconds>& finish) const;
  bool off() const { return folder_.empty(); }
  const std::filesystem::path& folder() const { return folder_; }

 private:
  std::filesystem::path slot(const std::string& key) const;
  std::filesystem::path folder_;
};

std::string cache_key(const FlowClasses& classes);

// run_flow_classes, or what it has said before. Runs that take less than about a millisecond are not kept: finding them
// on disk would take as long.
std::vector<Seconds> run_flow_classes_cached(const FlowClasses& classes, const FlowCache& cache);

}  // namespace supernode
