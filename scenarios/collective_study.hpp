#pragma once
// One collective on one system: how long, by which algorithm and its rivals, what the time is made of, which links it
// fills, and how far it is from what the ports allow.

#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "scenarios/collective_bound.hpp"
#include "scenarios/collective_request.hpp"
#include "scenarios/system_loader.hpp"
#include "sim/collective_cost.hpp"
#include "sim/flow.hpp"

namespace supernode {

// A system with the communication library that runs on it.
struct StudySystem {
  LoadedSystem system;
  CollectiveProtocol protocol;
  std::string protocol_name;        // in the catalogue, or "the scenario's"
  std::string protocol_assumption;  // when the fit was made for another system; else ""
};
std::optional<StudySystem> load_study_system(const std::string& argument, const std::vector<Override>& overrides,
                                             Diagnostics& diagnostics);

// The flows alone, without the software, each round of them simulated.
struct FlowStudy {
  FlowEngine engine = FlowEngine::kFolded;
};

struct AlgorithmTime {
  std::string algorithm;
  Seconds time{};
  bool in_library = true;
};

// The busiest of the links of one kind ("device3 > node0.L1": every device's into its L1 chips).
struct BusyLink {
  std::string name;
  std::int64_t alike = 1, kind = 1;  // so many of the kind are as busy, of so many that carry anything
  Bytes bytes{};
  BytesPerSecond bandwidth{};
  double utilisation = 0;  // over the collective's time
};

struct CollectiveAnswer {
  CollectiveRequest request{CollectiveOp::kAllReduce};
  std::int64_t chips = 0, ranks = 0;
  bool bare = false;  // flows alone
  std::string algorithm;
  Seconds time{}, software{}, hops{}, wire{};  // the last three sum to the first
  std::int64_t rounds = 0;                     // messages a rank posts one after another
  Plane plane = Plane::kScaleUp;               // the widest that it crosses
  double bus_factor = 0;
  BytesPerSecond algorithm_bandwidth{}, bus_bandwidth{};  // nccl-tests' two
  std::vector<AlgorithmTime> rivals;                      // all that may run, the fastest first
  std::vector<BusyLink> links;                            // the busiest
  CollectiveBound bound;
  std::string fit, fit_source;  // the protocol's entry that the time stands on
  std::string missing_fit;      // the entry of this operation and scope, where `fit` is another's for want of it
  Confidence fit_confidence = Confidence::kAssumed;
  std::int64_t flows = 0, variables = 0;  // bare: simulated, and rates solved for
  Seconds wall_clock{};                   // bare: of the simulation
  double expert_imbalance = 1;            // expert exchange: the most loaded rank over the mean
  std::vector<std::string> faults;        // what is broken, in words
  std::optional<Seconds> healthy;         // with faults: without them
};

// The busiest of each kind, fullest first, `most` of them.
std::vector<BusyLink> busiest_by_kind(std::vector<BusyLink> links, std::size_t most);

struct StudyOptions {
  bool rivals = true;
  std::optional<FlowStudy> flow;
  std::size_t links = 5;  // the busiest reported
};

// The fabric of one system and number of chips, asked again and again.
class CollectiveBench {
 public:
  // Throws std::invalid_argument when the system cannot be built with so many chips.
  CollectiveBench(const StudySystem& study, std::int64_t chips);
  ~CollectiveBench();
  // Throws std::invalid_argument, saying what would do, when the group or the algorithm cannot be.
  CollectiveAnswer ask(const CollectiveRequest& request, const StudyOptions& options = {});
  const Fabric& fabric() const;

 private:
  struct Impl;
  std::unique_ptr<Impl> impl_;
};

// How many chips the request's group stands on: as asked, else the system's own number or more whole nodes.
std::int64_t chips_for(const CollectiveRequest& request, const LoadedSystem& system);

// The request over the system as it is; with faults, over the healthy one as well.
CollectiveAnswer study_collective(const CollectiveRequest& request, const StudySystem& study,
                                  const StudyOptions& options = {});

}  // namespace supernode
