#pragma once
// A question about one collective as settings by name ("bytes" = "64 MiB", "ranks" = "384"): what the command line's
// options and the keys of a sweep have in common.

#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "base/collective.hpp"
#include "base/diagnostics.hpp"
#include "base/precision.hpp"
#include "scenarios/rank_group.hpp"
#include "scenarios/scenario_loader.hpp"

namespace supernode {

// What an expert-parallel exchange carries: one rank's tokens before they are copied to their experts.
struct ExpertTokens {
  std::int64_t tokens = 128, hidden = 7168;  // the shape that DeepEP and CANN publish
  Precision precision = Precision::kBf16;    // theirs: fp8 to the experts, bf16 back
  Bytes bytes() const;
};

struct CollectiveRequest {
  explicit CollectiveRequest(CollectiveOp op);  // an expert exchange: DeepSeek-V3's, top 8 of 256
  CollectiveCall call;
  bool bytes_given = false;  // else an expert exchange carries `tokens`
  ExpertTokens tokens;
  std::shared_ptr<const ExpertHistogram> histogram;  // what call.routing refers to
  RankGroup group;
  std::int64_t chips = 0;  // 0: as the system says, or as many as hold the ranks
  std::string algorithm;   // "" = what the library would choose
};

// "all-reduce" or "all_reduce"; an unknown name is reported with the nearest one.
std::optional<CollectiveOp> read_collective_op(const std::string& name, Diagnostics& diagnostics);

// One setting, with what its value means; read_setting knows them all.
struct SettingDoc {
  std::string_view key, doc, example;
};
const std::vector<SettingDoc>& collective_settings();
bool is_collective_setting(std::string_view key);

// Lays a setting over the request; a bad value is reported as "--KEY VALUE". Keys may have '-' or '_'.
void read_setting(CollectiveRequest& request, const Override& setting, Diagnostics& diagnostics);

// What spans several settings: the bytes of an expert exchange, two ranks for send/recv.
void finish_request(CollectiveRequest& request);

// The path of a system's key over a scenario or a system: "links" is system.faults.random.links, "fabric.…" is
// system.fabric.…; sections of a scenario keep their own.
std::string system_path(const std::string& key);

}  // namespace supernode
