#include "sim/step_replay_stage.hpp"

#include <algorithm>

namespace supernode {
namespace {

void count_events(const TimedPass& pass, std::size_t& events) {
  for (const TimedOp& op : pass) events = std::max(events, static_cast<std::size_t>(op.event + 1));
}

std::size_t events_of(const TimedStage& stage) {
  std::size_t events = 0;
  count_events(stage.prologue, events);
  count_events(stage.epilogue, events);
  for (const auto& passes : stage.chunks)
    for (PassKind kind : kAllPassKinds) {
      count_events(passes.inner(kind), events);
      count_events(passes.edge(kind), events);
    }
  return events;
}

}  // namespace

void ReplayPort::remove(int stream) {
  const auto end = flows.begin() + count;
  std::remove(flows.begin(), end, static_cast<std::uint8_t>(stream));
  --count;
}

void share_port(ReplayPort& port, std::array<ReplayStream, kCommClasses>& streams) {
  double left = port.bandwidth;
  int open = port.count;
  std::array<bool, kCommClasses> given{};
  // A flow whose cap is below an equal share of what is left keeps its cap; that raises the share of the others.
  for (bool found = true; found && open > 0;) {
    found = false;
    const double share = left / open;
    for (int i = 0; i < port.count; ++i) {
      const auto at = static_cast<std::size_t>(i);
      ReplayStream& stream = streams[port.flows[at]];
      if (given[at] || stream.cap > share) continue;
      stream.rate = stream.cap;
      left -= stream.cap;
      --open;
      given[at] = found = true;
    }
  }
  for (int i = 0; i < port.count; ++i)
    if (!given[static_cast<std::size_t>(i)]) streams[port.flows[static_cast<std::size_t>(i)]].rate = left / open;
}

std::vector<ReplayStage> make_replay_stages(const TimedProgram& program, const StepOptions& options) {
  const auto compiled = [&](const TimedPass& pass) { return compile_pass(pass, options.straggler_factor); };
  std::vector<ReplayStage> stages(program.stages.size());
  for (std::size_t s = 0; s < stages.size(); ++s) {
    ReplayStage& stage = stages[s];
    stage.timed = &program.stages[s];
    for (const auto& passes : stage.timed->chunks) stage.chunks.push_back(map_passes(passes, compiled));
    stage.prologue = compiled(stage.timed->prologue);
    stage.epilogue = compiled(stage.timed->epilogue);
    stage.up.bandwidth = stage.timed->scale_up_port.value();
    stage.out.bandwidth = stage.timed->scale_out_port.value();
    stage.events.resize(events_of(*stage.timed));
  }
  return stages;
}

}  // namespace supernode
