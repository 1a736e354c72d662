#pragma once
// Whether rounds of transfers can bring the data where an operation wants them, judged by what they carry alone.
//
// Ranks in time are a network: (rank, round) hands on what it has to (rank, round + 1) without limit, and a transfer
// of b bytes is an edge of capacity b to the receiver one round later. By max-flow min-cut no schedule brings more from
// some ranks to another than the largest flow. For one receiver of everything (all-gather) that flow is also enough,
// whatever the number of receivers (Ahlswede, Cai, Li & Yeung, 2000: network information flow); reduce-scatter is the
// same backwards in time. For sums at all ranks and for exchanges it is necessary.

#include <vector>

#include "sim/collective_algorithm.hpp"

namespace supernode::test {

class InformationFlow {
 public:
  // `causal`: data leave a rank only after the round in which they came; else rounds are one (pipelines in steady
  // state).
  InformationFlow(const std::vector<Round>& rounds, int ranks, bool causal);
  // The largest flow, in bytes, from ranks that have `offered` bytes each at first to ranks that take up to `wanted`
  // bytes each in the end.
  double between(const std::vector<double>& offered, const std::vector<double>& wanted) const;

 private:
  struct Edge {
    int from, to;
    double capacity;
  };
  int ranks_, layers_;
  std::vector<Edge> edges_;
};

}  // namespace supernode::test
