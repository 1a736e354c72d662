// The reference engine: each flow is a SimGrid communication. No actors: what a flow's end sets off is started from
// SimGrid's own notice of it, without the switches of context, sleeps and semaphores that an actor a rank costs (2.6
// times the time).

#include <algorithm>
#include <cassert>
#include <memory>
#include <simgrid/kernel/Timer.hpp>
#include <span>

#include "sim/flow_engine.hpp"
#include "sim/flow_zone_simgrid.hpp"
#include "sim/simgrid_engine.hpp"

namespace supernode {
namespace {

namespace s4u = simgrid::s4u;

// What one rank does in one repetition of a round; left out where it does nothing.
struct RankStep {
  std::int64_t number = 0;                                 // of the repetition, over all rounds of the segment
  const std::vector<const PlannedFlow*>* sends = nullptr;  // those of the round
  std::int32_t expected = 0, arrived = 0;                  // receives
};

struct RankState {
  std::vector<RankStep> steps;
  std::size_t step = 0;
  std::int32_t sending = 0;  // sends of the step that are under way
  bool walking = false;
  Seconds finish{};

  bool through() const { return step == steps.size(); }
};

// One segment, from start to end.
class Segment {
 public:
  Segment(const FlowPlan& plan, const FlowSegment& segment, FlowZone& zone)
      : plan_(plan), zone_(zone), ranks_(static_cast<std::size_t>(plan.ranks)), begin_(s4u::Engine::get_clock()) {
    sends_.resize(segment.rounds.size(), std::vector<std::vector<const PlannedFlow*>>(ranks_.size()));
    std::int64_t number = 0;
    for (std::size_t r = 0; r < segment.rounds.size(); ++r) add(segment, r, number);
  }

  void start() {
    for (std::size_t rank = 0; rank < ranks_.size(); ++rank) {
      const Seconds at = plan_.start_of(static_cast<std::int32_t>(rank));
      if (ranks_[rank].through())
        pass(rank, at);
      else if (at.value() > 0)
        simgrid::kernel::timer::Timer::set(begin_ + at.value() * kTicksPerSecond, [this, rank] { enter(rank); });
      else
        enter(rank);
    }
  }

  void ended(const s4u::Activity& activity) {
    const auto found = flying_.find(&activity);
    if (found == flying_.end()) return;
    landed_ = std::move(found->second.comm);  // kept until the next one: SimGrid is not done with it
    const PlannedFlow& flow = *found->second.flow;
    const std::int64_t number = found->second.number;
    flying_.erase(found);
    --ranks_[static_cast<std::size_t>(flow.from)].sending;
    arrive(static_cast<std::size_t>(flow.to), number);
    walk(static_cast<std::size_t>(flow.from));
    walk(static_cast<std::size_t>(flow.to));
  }

  bool done() const { return through_ == ranks_.size(); }
  std::vector<Seconds> finish() const {
    std::vector<Seconds> finish;
    for (const RankState& rank : ranks_) finish.push_back(rank.finish);
    return finish;
  }

 private:
  struct Flying {
    s4u::CommPtr comm;
    const PlannedFlow* flow;
    std::int64_t number;
  };

  void add(const FlowSegment& segment, std::size_t r, std::int64_t& number) {
    const PlannedRound& round = segment.rounds[r];
    std::vector<std::int32_t> expected(ranks_.size());
    for (const PlannedFlow& flow : round.flows) {
      sends_[r][static_cast<std::size_t>(flow.from)].push_back(&flow);
      ++expected[static_cast<std::size_t>(flow.to)];
    }
    for (auto& sends : sends_[r]) std::ranges::stable_sort(sends, {}, [this](auto* flow) { return latency(flow); });
    for (std::int64_t i = 0; i < segment.repeat_of(round); ++i, ++number)
      for (std::size_t rank = 0; rank < ranks_.size(); ++rank)
        if (expected[rank] > 0 || !sends_[r][rank].empty())
          ranks_[rank].steps.push_back({number, &sends_[r][rank], expected[rank], 0});
  }

  void pass(std::size_t rank, Seconds at) {
    ranks_[rank].finish = at;
    ++through_;
  }

  // The rank is at the start of a step, or through.
  void enter(std::size_t rank) {
    RankState& state = ranks_[rank];
    state.walking = true;
    if (state.through()) return pass(rank, Seconds((s4u::Engine::get_clock() - begin_) / kTicksPerSecond));
    const RankStep& step = state.steps[state.step];
    state.sending = static_cast<std::int32_t>(step.sends->size());
    for (std::size_t first = 0; first < step.sends->size();) first = send(*step.sends, first, step.number);
    walk(rank);
  }

  Seconds latency(const PlannedFlow* flow) const { return plan_.paths[static_cast<std::size_t>(flow->path)].latency; }

  // Sends the flows from `first` on that have the same latency, after it; returns the first that has another.
  std::size_t send(const std::vector<const PlannedFlow*>& sends, std::size_t first, std::int64_t number) {
    const Seconds wait = latency(sends[first]);
    std::size_t last = first;
    while (last < sends.size() && latency(sends[last]) == wait) ++last;
    const auto move = [this, group = std::span(sends).subspan(first, last - first), number] {
      for (const PlannedFlow* flow : group) {
        s4u::CommPtr comm = zone_.start(*flow);
        const s4u::Activity* key = comm.get();
        flying_.emplace(key, Flying{std::move(comm), flow, number});
      }
    };
    if (wait.value() > 0)
      simgrid::kernel::timer::Timer::set(s4u::Engine::get_clock() + wait.value() * kTicksPerSecond, move);
    else
      move();
    return last;
  }

  void walk(std::size_t rank) {
    RankState& state = ranks_[rank];
    if (!state.walking || state.through() || state.sending > 0) return;
    const RankStep& step = state.steps[state.step];
    if (step.arrived < step.expected) return;
    ++state.step;
    enter(rank);
  }

  void arrive(std::size_t rank, std::int64_t number) {
    std::vector<RankStep>& steps = ranks_[rank].steps;
    const auto step = std::ranges::lower_bound(steps, number, {}, &RankStep::number);
    assert(step != steps.end() && step->number == number);
    ++step->arrived;
  }

  const FlowPlan& plan_;
  FlowZone& zone_;
  std::vector<std::vector<std::vector<const PlannedFlow*>>> sends_;  // by round, by rank
  std::vector<RankState> ranks_;
  std::unordered_map<const s4u::Activity*, Flying> flying_;
  s4u::CommPtr landed_;
  std::size_t through_ = 0;
  double begin_ = 0;
};

// Segments one after another on the clock of the process's one engine.
class SegmentRunner {
 public:
  SegmentRunner(const FlowPlan& plan, const std::vector<FlowSegment>& segments)
      : engine_(make_simgrid_engine()), plan_(plan), segments_(segments), zone_(new FlowZone(plan)) {
    s4u::Activity::on_completion_cb([this](const s4u::Activity& activity) {
      current_->ended(activity);
      next();
    });
  }

  std::vector<std::vector<Seconds>> run() {
    next();
    engine_.run();
    assert(finish_.size() == segments_.size());
    return std::move(finish_);
  }

 private:
  void next() {
    while (started_ == finish_.size() || current_->done()) {
      if (started_ > finish_.size()) finish_.push_back(current_->finish());
      if (started_ == segments_.size()) return;
      past_ = std::move(current_);  // SimGrid may still be in the flow that ended it
      current_ = std::make_unique<Segment>(plan_, segments_[started_], *zone_);
      ++started_;
      current_->start();
    }
  }

  s4u::Engine& engine_;
  const FlowPlan& plan_;
  const std::vector<FlowSegment>& segments_;
  FlowZone* zone_;  // the engine owns it
  std::unique_ptr<Segment> current_, past_;
  std::size_t started_ = 0;
  std::vector<std::vector<Seconds>> finish_;
};

}  // namespace

std::vector<std::vector<Seconds>> run_flows_simgrid(const FlowPlan& plan, const std::vector<FlowSegment>& segments) {
  return SegmentRunner(plan, segments).run();
}

}  // namespace supernode
