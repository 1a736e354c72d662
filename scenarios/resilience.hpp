#pragma once
// How many parts of one kind may fail before the work loses more than so much of its rate. Parts fail in a random order
// that a seed fixes (FaultSpec::random), so that losses only grow along one draw: doubling finds a number that is too
// many, halving the last that is not (exactly below 128, then within 1/64).

#include <functional>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "scenarios/collective_study.hpp"

namespace supernode {

enum class FaultElement { kOptics, kLinks, kSwitches, kNics, kChips };
std::string_view to_string(FaultElement element);  // "optics", …
std::optional<FaultElement> parse_fault_element(std::string_view name);
std::vector<std::string> fault_element_names();

// Of the cluster, as draws count them; chips include those of spare nodes.
std::int64_t element_count(const SystemSpec& system, std::int64_t chips, FaultElement element);
// So many more fail, by this seed.
void add_failures(FaultSpec& faults, FaultElement element, std::int64_t failed, std::int64_t seed);

struct ResilienceQuestion {
  FaultElement element = FaultElement::kOptics;
  double loss = 0.05;  // of the rate: 1 - healthy time / time
  std::int64_t draws = 3, seed = 0;
  std::int64_t most = 0;  // look no further; 0: all there are
  int workers = 1;
};

// What so many failures do.
struct FaultTrial {
  double slowdown = 0;             // time over healthy time; 0 when there is a problem
  double collective_slowdown = 0;  // of the collective that loses most; 0 = not known
  std::string collective;          // which
  std::string problem;             // why there is no time: cut off, no spare node
  double loss() const { return 1 - 1 / slowdown; }
};
using RunTrial = std::function<FaultTrial(std::int64_t failed, std::int64_t seed)>;

// One draw's way from whole to too slow.
struct ResilienceDraw {
  std::int64_t seed = 0;
  std::int64_t survives = 0;         // so many may fail
  std::optional<std::int64_t> ends;  // the least tried that is too many; nothing: none of those tried
  std::string limit;                 // what is then: "loses 6.1 %", or the problem
};

struct ResiliencePoint {
  std::int64_t failed = 0;
  std::vector<std::optional<FaultTrial>> draws;  // nothing where a draw was not tried
};

struct ResilienceAnswer {
  ResilienceQuestion question;
  std::string subject;     // "step of NAME", "all_to_all over 384 ranks"
  std::int64_t parts = 0;  // of the element in all
  Seconds healthy{};
  std::vector<ResiliencePoint> points;  // by number failed
  std::vector<ResilienceDraw> draws;
  std::int64_t median() const;  // of what the draws survive, the lower of the middle two
};

// `run` is called in child processes and may throw std::invalid_argument, which becomes the trial's problem.
ResilienceAnswer find_resilience(const ResilienceQuestion& question, std::int64_t parts, const RunTrial& run);

// Of a training step, or of one collective. Throw std::invalid_argument when the work cannot run without failures.
ResilienceAnswer step_resilience(const ResilienceQuestion& question, const ScenarioSpec& scenario);
ResilienceAnswer collective_resilience(const ResilienceQuestion& question, const CollectiveRequest& request,
                                       const StudySystem& study);

}  // namespace supernode
