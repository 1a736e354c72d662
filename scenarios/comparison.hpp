#pragma once
// Outcomes side by side: the first over each of the others, per die, per chip, per supernode and at equal chips, and
// which parts of the step the gap between them is made of.

#include <nlohmann/json.hpp>
#include <string>
#include <vector>

#include "scenarios/outcome.hpp"

namespace supernode {

struct ComparisonRow {
  std::string name;  // a JSON key with its unit: "tokens_per_s_chip"
  std::vector<double> values;
  // first / each: above 1 the first has more of it. ratios[0] = 1.
  std::vector<double> ratios;
};

// Chip-seconds that one token costs in one part of the step. The parts add up to the inverse of tokens/s per chip, so
// their differences add up to the gap per chip.
struct GapPart {
  std::string name;
  std::vector<double> chip_seconds_per_token;
};

struct Comparison {
  std::vector<std::string> names;
  // The smallest job's number of chips. Throughput at equal chips is per-chip throughput times this: it takes for
  // granted that the larger job keeps its rate per chip when it is scaled down by whole data-parallel replicas.
  std::int64_t equal_chips = 0;
  std::vector<ComparisonRow> rows;
  std::vector<GapPart> parts;
  std::vector<std::string> notes;  // what makes the comparison uneven, in words
};

// `outcomes`: two or more, all simulated.
Comparison compare(const std::vector<Outcome>& outcomes);

// The comparison and each outcome in full.
nlohmann::ordered_json comparison_json(const Comparison& comparison, const std::vector<Outcome>& outcomes);

}  // namespace supernode
