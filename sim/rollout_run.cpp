#include "sim/rollout_run.hpp"

#include <algorithm>
#include <cassert>
#include <cmath>
#include <deque>
#include <limits>

#include "base/numeric.hpp"

namespace supernode {

namespace {

constexpr double kNever = std::numeric_limits<double>::infinity();
constexpr double kLongestSegment = 256;  // steps between two looks at the context

struct Running {
  Sample sample;
  double begun = 0;   // step
  double finish = 0;  // step
};

// One replica. Its context at step s is base + count·rate·s tokens.
class Replica {
 public:
  Replica(const RolloutInput& input) : input_(input) {}

  void queue(const Sample& sample) { waiting_.push_back(sample); }
  bool idle() const { return running_.empty() && waiting_.empty(); }
  double count() const { return static_cast<double>(running_.size()); }
  double context(double step) const { return base_ + count() * input_.tokens_per_step * step; }

  // Begins what fits; returns the tokens to prefill in units of the prompt.
  double admit(double step) {
    double tokens = 0;
    while (!waiting_.empty() && count() < real(input_.max_batch)) {
      const Sample& next = waiting_.front();
      const double own = next.prompt + next.done;
      if (count() > 0 && context(step) + own > kWatermark * input_.cache_tokens) break;
      const double left = std::max(1.0, std::ceil((next.response - next.done) / input_.tokens_per_step));
      running_.push_back({next, step, step + left});
      base_ += own - input_.tokens_per_step * step;
      tokens += own;
      waiting_.pop_front();
    }
    return tokens;
  }

  double next_finish() const {
    double first = kNever;
    for (const Running& each : running_) first = std::min(first, each.finish);
    return first;
  }

  // The step at which the cache is full; never while one sequence is left.
  double next_overflow() const {
    if (running_.size() < 2) return kNever;
    return std::floor((input_.cache_tokens - base_) / (count() * input_.tokens_per_step));
  }

  double finish(double step) {
    const auto done = [&](const Running& each) { return each.finish <= step; };
    double finished = 0;
    for (const Running& each : running_) {
      if (!done(each)) continue;
      base_ -= each.sample.prompt + each.sample.done - input_.tokens_per_step * each.begun;
      ++finished;
    }
    std::erase_if(running_, done);
    return finished;
  }

  // The last begun makes room; it keeps its tokens and computes their keys and values again.
  double preempt(double step) {
    double thrown_out = 0;
    for (; running_.size() > 1 && context(step + 1) > input_.cache_tokens; ++thrown_out) {
      const Running last = running_.back();
      running_.pop_back();
      base_ -= last.sample.prompt + last.sample.done - input_.tokens_per_step * last.begun;
      waiting_.push_front(stopped(last, step));
    }
    return thrown_out;
  }

  void collect_unfinished(double step, std::vector<Sample>& out) const {
    for (const Running& each : running_) out.push_back(stopped(each, step));
    out.insert(out.end(), waiting_.begin(), waiting_.end());
  }

 private:
  static constexpr double kWatermark = 0.99;  // of the cache; vLLM's default watermark is 0.01

  Sample stopped(const Running& each, double step) const {
    Sample sample = each.sample;
    sample.done = std::min(sample.response, sample.done + (step - each.begun) * input_.tokens_per_step);
    return sample;
  }

  const RolloutInput& input_;
  std::vector<Running> running_;
  std::deque<Sample> waiting_;
  double base_ = 0;
};

class Rollout {
 public:
  explicit Rollout(const RolloutInput& input) : input_(input) {
    for (std::int64_t i = 0; i < input.replicas; ++i) replicas_.emplace_back(input_);
    for (std::size_t i = 0; i < input.samples.size(); ++i) replicas_[i % replicas_.size()].queue(input.samples[i]);
  }

  RolloutResult run() {
    const double wanted = input_.stop_share * static_cast<double>(input_.samples.size());
    admit();
    while (result_.finished < wanted - 1e-9) {
      const double next = next_event();
      decode_until(next);
      bool freed = false;
      for (Replica& replica : replicas_) {
        const double finished = replica.finish(step_);
        result_.finished += finished;
        freed |= finished > 0;
        result_.preempted += replica.preempt(step_);
      }
      if (freed) admit();
    }
    for (const Replica& replica : replicas_) replica.collect_unfinished(step_, result_.unfinished);
    return summary();
  }

 private:
  struct Segment {
    Seconds time{};
    double batch = 0;  // mean over replicas
  };

  void admit() {
    double most = 0;
    for (Replica& replica : replicas_) most = std::max(most, replica.admit(step_));
    if (most <= 0) return;
    const Seconds time = input_.prefill(most / input_.samples.front().prompt);
    result_.prefill += time;
    result_.time += time;
  }

  double next_event() const {
    double next = step_ + kLongestSegment;
    for (const Replica& replica : replicas_)
      next = std::min({next, replica.next_finish(), std::max(step_ + 1, replica.next_overflow())});
    return std::max(next, step_ + 1);
  }

  // All replicas wait for the one with the most sequences and the one with the longest context in all.
  void decode_until(double next) {
    const double middle = (step_ + next) / 2;
    double most = 0, context = 0, sum = 0;
    for (const Replica& replica : replicas_) {
      most = std::max(most, replica.count());
      context = std::max(context, replica.context(middle));
      sum += replica.count();
    }
    const Seconds time = (next - step_) * input_.step(most, context / most);
    segments_.push_back({time, sum / real(input_.replicas)});
    result_.time += time;
    result_.steps += next - step_;
    step_ = next;
  }

  RolloutResult summary() {
    double most = 0;
    Seconds decoding{};
    for (const Segment& s : segments_) most = std::max(most, s.batch);
    for (const Segment& s : segments_) {
      decoding += s.time;
      result_.mean_batch += s.batch * s.time.value();
      if (s.batch < most / 2) result_.tail += s.time;
    }
    if (decoding.value() > 0) result_.mean_batch /= decoding.value();
    for (const Sample& s : input_.samples) result_.tokens += s.response - s.done;
    for (const Sample& s : result_.unfinished) result_.tokens -= s.response - s.done;
    return std::move(result_);
  }

  const RolloutInput& input_;
  std::vector<Replica> replicas_;
  std::vector<Segment> segments_;
  RolloutResult result_;
  double step_ = 0;
};

}  // namespace

RolloutResult run_rollout(const RolloutInput& input) {
  for (const Sample& sample : input.samples) assert(sample.prompt + sample.response <= input.cache_tokens);
  if (input.samples.empty()) return {};
  return Rollout(input).run();
}

}  // namespace supernode
