#pragma once
// A sweep as typed: keys with their values, all combinations of which are asked.
//
//   bytes=1KiB..1GiB,ranks=8,16,32         a..b doubles from a and ends with b; a list is taken as it stands
//   bytes=1KiB..1GiB:x4                    by another factor
//   ranks=8..64:+8                         by a step
//   fabric.scale_up.bandwidth=196GB/s..784GB/s

#include <string>
#include <vector>

#include "base/diagnostics.hpp"
#include "scenarios/scenario_loader.hpp"

namespace supernode {

struct SweepAxis {
  std::string key;
  std::vector<std::string> values;  // as one would type them: "2 KiB", "384", "ring"
};

// Reports bad input at its place in the text: no key, no value, a range whose ends have no common unit or run
// backwards, a factor that does not grow, a key given twice, more than kMostSweepPoints combinations.
std::vector<SweepAxis> parse_sweep(const std::vector<std::string>& texts, Diagnostics& diagnostics);

inline constexpr std::size_t kMostSweepPoints = 100'000;

// Every combination, the last axis fastest. One empty point when there are no axes.
std::vector<std::vector<Override>> sweep_points(const std::vector<SweepAxis>& axes);

}  // namespace supernode
