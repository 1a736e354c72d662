#include "sim/flow_engine.hpp"

#include "base/child_process.hpp"
#include "base/serialize.hpp"
#include "sim/flow_cache.hpp"

namespace supernode {
namespace {

std::int64_t flows_of(const FlowSegment& segment) {
  std::int64_t flows = 0;
  for (const PlannedRound& round : segment.rounds)
    flows += static_cast<std::int64_t>(round.flows.size()) * segment.repeat_of(round);
  return flows;
}

std::vector<Seconds> by_rank(const FlowClasses& classes, const std::vector<Seconds>& by_class) {
  std::vector<Seconds> finish;
  finish.reserve(classes.class_of_rank.size());
  for (const std::int32_t c : classes.class_of_rank) finish.push_back(by_class[static_cast<std::size_t>(c)]);
  return finish;
}

void run_in_classes(const FlowPlan& plan, const FlowSegment& segment, Folding folding, FlowRun& run) {
  const FlowClasses classes = fold_flows(plan, segment, folding);
  const std::vector<Seconds> by_class = run_flow_classes_cached(classes, FlowCache::from_environment());
  run.finish.push_back(by_rank(classes, by_class));
  run.variables += classes.crossings.flows();
}

void run_in_simgrid(const FlowPlan& plan, const std::vector<FlowSegment>& segments, FlowRun& run) {
  const std::string bytes = run_in_child([&] {
    ByteWriter writer;
    for (const std::vector<Seconds>& finish : run_flows_simgrid(plan, segments)) writer.put(finish);
    return writer.take();
  });
  ByteReader reader(bytes);
  for (std::size_t i = 0; i < segments.size(); ++i) run.finish.push_back(reader.get_vector<Seconds>());
  run.variables = run.flows;
}

}  // namespace

FlowRun run_flows(const FlowPlan& plan, const std::vector<FlowSegment>& segments, FlowEngine engine) {
  FlowRun run;
  for (const FlowSegment& segment : segments) run.flows += flows_of(segment);
  if (segments.empty()) return run;
  if (engine == FlowEngine::kSimGrid) {
    run_in_simgrid(plan, segments, run);
    return run;
  }
  const Folding folding = engine == FlowEngine::kFolded ? Folding::kSymmetric : Folding::kEach;
  for (const FlowSegment& segment : segments) run_in_classes(plan, segment, folding, run);
  return run;
}

}  // namespace supernode
