#pragma once
// Collectives that run at the same time over one fabric and share its links: what each loses to the others. Bare flows,
// no software. Each runs in all sibling groups that fill the cluster, as the groups of a training job do.

#include <string>
#include <vector>

#include "scenarios/collective_study.hpp"

namespace supernode {

struct ConcurrentPart {
  CollectiveRequest request{CollectiveOp::kAllReduce};
  std::string algorithm;
  std::int64_t ranks = 0, groups = 0;
  Seconds alone{}, together{};  // until the last of its groups is done
  double slowdown() const { return together / alone; }
};

struct ConcurrentAnswer {
  std::int64_t chips = 0;
  std::vector<ConcurrentPart> parts;
  std::vector<BusyLink> links;  // the busiest, of all traffic, over the whole time
};

// "all-gather:16MiB:stride=8": an operation, its bytes, then settings of collective_settings(). Bad input is reported.
CollectiveRequest parse_concurrent(const std::string& text, Diagnostics& diagnostics);

// All start at once. Throws as CollectiveBench::ask does.
ConcurrentAnswer study_concurrent(const std::vector<CollectiveRequest>& requests, const StudySystem& study);

}  // namespace supernode
