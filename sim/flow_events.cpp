// The folded engine: an event loop over classes of flows (sim/flow_classes.hpp) that share links by max-min.

#include <algorithm>
#include <cassert>
#include <functional>
#include <queue>

#include "sim/flow_engine.hpp"
#include "sim/max_min.hpp"

namespace supernode {
namespace {

// Events closer than this happen at once: finer than anything simulated, coarser than the rounding of a double over the
// longest collective (1 s / 2^53 = 1e-16 s).
constexpr double kInstant = 1e-15;

std::size_t at(std::int32_t index) { return static_cast<std::size_t>(index); }

class FlowEvents {
 public:
  explicit FlowEvents(const FlowClasses& classes)
      : classes_(classes),
        sharing_(classes.capacity, classes.crossings),
        flows_(classes.flows.size()),
        ranks_(classes.ranks.size()) {}

  std::vector<Seconds> run() {
    for (std::int32_t rank = 0; rank < static_cast<std::int32_t>(ranks_.size()); ++rank)
      events_.push({classes_.ranks[at(rank)].start_s, Event::kRankStarts, rank, 0});
    while (!events_.empty()) {
      now_ = events_.top().time;
      while (!events_.empty() && events_.top().time <= now_ + kInstant) {
        const Event event = events_.top();
        events_.pop();
        happen(event);
      }
      share();
    }
    std::vector<Seconds> finish;
    for (std::size_t rank = 0; rank < ranks_.size(); ++rank) {
      assert(ranks_[rank].step == static_cast<std::int32_t>(classes_.ranks[rank].steps.size()));
      finish.push_back(Seconds(ranks_[rank].finish));
    }
    return finish;
  }

 private:
  struct Flow {
    double rate = 0, remaining = 0, since = 0;  // remaining at `since`
    std::int64_t done = 0;                      // times it has arrived
    std::uint32_t version = 0;                  // of its last announced end
  };
  struct Rank {
    std::int32_t step = -1;
    std::int64_t repetition = 0;  // of the step
    std::int32_t pending = 0;     // parts of the step that are not done
    double finish = 0;
  };
  struct Event {
    enum Kind : std::uint8_t { kRankStarts, kFlowStarts, kFlowEnds };
    double time;
    Kind kind;
    std::int32_t index;
    std::uint32_t version;
    bool operator>(const Event& other) const { return time > other.time; }
  };

  void happen(const Event& event) {
    switch (event.kind) {
      case Event::kRankStarts:
        advance(event.index);
        break;
      case Event::kFlowStarts:
        start(event.index);
        break;
      case Event::kFlowEnds:
        if (flows_[at(event.index)].version == event.version) end(event.index);
        break;
    }
  }

  // On to the next step that has something to wait for.
  void advance(std::int32_t index) {
    Rank& rank = ranks_[at(index)];
    const RankClass& program = classes_.ranks[at(index)];
    while (rank.pending == 0) {
      if (rank.step >= 0 && ++rank.repetition < program.steps[at(rank.step)].repeat) {
        enter(rank, program);
      } else if (++rank.step < static_cast<std::int32_t>(program.steps.size())) {
        rank.repetition = 0;
        enter(rank, program);
      } else {
        rank.finish = now_;
        return;
      }
    }
  }

  void enter(Rank& rank, const RankClass& program) {
    const RankClass::Step& step = program.steps[at(rank.step)];
    for (std::int32_t i = step.first; i < step.first + step.count; ++i) {
      const RankClass::Part& part = program.parts[at(i)];
      if (part.send) {
        ++rank.pending;
        const double latency = classes_.flows[at(part.flow)].latency_s;
        if (latency > 0)
          events_.push({now_ + latency, Event::kFlowStarts, part.flow, 0});
        else
          start(part.flow);
      } else if (flows_[at(part.flow)].done <= rank.repetition) {
        ++rank.pending;
      }
    }
  }

  void start(std::int32_t index) {
    Flow& flow = flows_[at(index)];
    flow.remaining = classes_.flows[at(index)].bytes;
    flow.rate = 0;
    flow.since = now_;
    sharing_.start(index);
  }

  void end(std::int32_t index) {
    Flow& flow = flows_[at(index)];
    sharing_.stop(index);
    ++flow.version;
    ++flow.done;
    const FlowClass& flow_class = classes_.flows[at(index)];
    part_done(flow_class.from);
    if (waits_for(flow_class.to, index)) part_done(flow_class.to);
  }

  void part_done(std::int32_t rank) {
    if (--ranks_[at(rank)].pending == 0) advance(rank);
  }
  // Is it the arrival of `index` that the receivers stand in the step of? They may be behind, and learn of it later.
  bool waits_for(std::int32_t rank, std::int32_t index) const {
    const Rank& receiver = ranks_[at(rank)];
    const RankClass& program = classes_.ranks[at(rank)];
    return receiver.step >= 0 && receiver.step < static_cast<std::int32_t>(program.steps.size()) &&
           program.steps[at(receiver.step)].round == classes_.flows[at(index)].round &&
           receiver.repetition == flows_[at(index)].done - 1;
  }

  // Announces when the flows end whose rates have changed.
  void share() {
    for (const std::int32_t index : sharing_.share()) {
      Flow& flow = flows_[at(index)];
      const double rate = sharing_.rate(index);
      if (rate == flow.rate) continue;
      flow.remaining = std::max(0.0, flow.remaining - flow.rate * (now_ - flow.since));
      flow.rate = rate;
      flow.since = now_;
      events_.push({now_ + flow.remaining / rate, Event::kFlowEnds, index, ++flow.version});
    }
  }

  const FlowClasses& classes_;
  MaxMin sharing_;
  std::vector<Flow> flows_;
  std::vector<Rank> ranks_;
  std::priority_queue<Event, std::vector<Event>, std::greater<Event>> events_;
  double now_ = 0;
};

}  // namespace

std::vector<Seconds> run_flow_classes(const FlowClasses& classes) { return FlowEvents(classes).run(); }

}  // namespace supernode
