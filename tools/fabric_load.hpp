#pragma once
// What one collective puts on every bundle of a fabric, for the picture.

#include <map>
#include <optional>
#include <string>

#include "base/collective.hpp"
#include "topology/fabric.hpp"

namespace supernode {

struct FabricLoad {
  std::string text;                 // "all-to-all of 64 MiB on each of 768 devices (pairwise)"
  Seconds time{};                   // that the fullest link needs for its bytes; no latency, no waiting
  std::map<BundleId, Bytes> bytes;  // empty: no load
};

// Over all devices of the supernode, or of the cluster when -1; at most the first kMostLoadDevices of them.
inline constexpr std::int64_t kMostLoadDevices = 1024;
FabricLoad fabric_load(const Fabric& fabric, CollectiveOp op, Bytes bytes, int supernode);

}  // namespace supernode
