#pragma once
// Walks a step program as it runs: prologue, passes in order, epilogue.

#include <gtest/gtest.h>

#include <algorithm>
#include <array>
#include <map>
#include <string>
#include <vector>

#include "workloads/step_program.hpp"

namespace supernode {

// All operations of a stage in the order of a step.
inline std::vector<const Op*> executed(const StageProgram& stage, std::int64_t chain_microbatches) {
  std::vector<const Op*> all;
  const auto run = [&](const std::vector<Op>& ops) {
    for (const Op& op : ops) all.push_back(&op);
  };
  run(stage.prologue);
  for (const Slot& slot : stage.order) {
    run(stage.chunks[static_cast<std::size_t>(slot.chunk)].of(slot.kind, slot.microbatch, chain_microbatches - 1).ops);
  }
  run(stage.epilogue);
  return all;
}

// Bytes of the launches, blocking or not, of operations of one name over a step.
inline double step_bytes(const StepProgram& program, const std::string& name, std::size_t stage = 0) {
  double total = 0;
  for (const Op* op : executed(program.stages[stage], program.microbatches)) {
    const bool launches = op->kind == Op::Kind::kComm || op->kind == Op::Kind::kCommAsync;
    if (launches && op->name == name) total += op->call.bytes.value();
  }
  return total;
}

// Over a step, each wait finds one launch of its event that nobody has waited for, and each launch is waited for once.
// Only gradient reductions of earlier micro-batches are waited for as their class's streams run: by the wait for a
// later operation of the class.
inline void expect_matched_events(const StageProgram& stage, std::int64_t chain_microbatches) {
  struct Launch {
    std::size_t place;
    const Op* op;
  };
  std::map<int, Launch> open;
  std::vector<Launch> unawaited;
  std::array<std::size_t, kCommClasses> last_awaited{};
  const std::vector<const Op*> ops = executed(stage, chain_microbatches);
  for (std::size_t place = 0; place < ops.size(); ++place) {
    const Op& op = *ops[place];
    if (op.kind == Op::Kind::kCommAsync) {
      if (const auto found = open.find(op.event); found != open.end()) unawaited.push_back(found->second);
      open[op.event] = {place, &op};
    }
    if (op.kind != Op::Kind::kWait) continue;
    const auto found = open.find(op.event);
    ASSERT_NE(found, open.end()) << "nothing to wait for: " << op.name;
    auto& last = last_awaited[static_cast<std::size_t>(op.comm_class)];
    last = std::max(last, found->second.place);
    open.erase(found);
  }
  for (const auto& [event, launch] : open) unawaited.push_back(launch);
  for (const Launch& launch : unawaited) {
    EXPECT_TRUE(launch.op->name.starts_with("grad.reduce")) << launch.op->name;
    EXPECT_GT(last_awaited[static_cast<std::size_t>(launch.op->comm_class)], launch.place) << launch.op->name;
  }
}

}  // namespace supernode
