#pragma once
// What the folded engine runs: ranks, flows and links in classes whose members do the same at all times.
//
// Colour refinement (Weisfeiler-Leman, one dimension) on the graph of ranks, flows and links, over all rounds at once:
// flows keep one colour while they belong to one round and have the same bytes, latency, and colours of sender,
// receiver and links along the path; ranks and links while they start alike, have the same capacity, and send, receive
// and carry the same number of flows of each colour. The stable colouring is an equitable partition. What happens next
// depends on a rank, flow or link through its neighbours' colours alone, and max-min rates are unique, so all members
// of a class start, run and end together: one variable each, and nothing is lost.

#include <cstdint>
#include <vector>

#include "sim/flow_plan.hpp"
#include "sim/max_min.hpp"

namespace supernode {

// Flows of one round. Each of the classes' links carries `Crossing::weight` of them.
struct FlowClass {
  std::int32_t round = 0;
  std::int32_t from = 0, to = 0;  // classes of ranks
  double latency_s = 0, bytes = 0;
};

// What a rank of a class does: its steps one after another, each `repeat` times. Rounds in which it neither sends nor
// receives are left out.
struct RankClass {
  struct Part {
    std::int32_t flow = 0;
    bool send = false;  // else receive
  };
  struct Step {
    std::int32_t round = 0;
    std::int32_t first = 0, count = 0;  // of parts
    std::int64_t repeat = 1;
  };
  double start_s = 0;
  std::vector<Part> parts;
  std::vector<Step> steps;
};

struct FlowClasses {
  std::vector<double> capacity;  // of a link of each class, bytes/s
  std::vector<FlowClass> flows;  // by round
  Crossings crossings;
  std::vector<RankClass> ranks;
  std::vector<std::int32_t> class_of_rank;
};

// kEach: every flow a class of its own.
enum class Folding { kSymmetric, kEach };
FlowClasses fold_flows(const FlowPlan& plan, const FlowSegment& segment, Folding folding = Folding::kSymmetric);

}  // namespace supernode
