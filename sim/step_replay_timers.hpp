#pragma once
// The next of a fixed set of timers: a winner tree. Setting one costs a comparison a level and nothing is ever
// allocated; of timers due at the same time the one with the lowest index comes first.

#include <bit>
#include <cstdint>
#include <limits>
#include <vector>

namespace supernode {

class ReplayTimers {
 public:
  static constexpr double kNever = std::numeric_limits<double>::infinity();

  // At least two.
  explicit ReplayTimers(std::size_t count)
      : leaves_(std::bit_ceil(count)), time_(leaves_, kNever), winner_(2 * leaves_) {
    for (std::size_t i = 0; i < leaves_; ++i) winner_[leaves_ + i] = static_cast<std::uint32_t>(i);
    for (std::size_t node = leaves_ - 1; node > 0; --node) winner_[node] = winner_[2 * node];
  }

  void set(std::uint32_t timer, double time) {
    time_[timer] = time;
    settle(timer);
  }
  // Stops the timer that is due and puts off telling the tree; until settle() does, next() may not be asked. Timers set
  // meanwhile do most of its work.
  void stop(std::uint32_t timer) { time_[timer] = kNever; }
  void settle(std::uint32_t timer) {
    for (std::size_t node = (leaves_ + timer) / 2; node > 0; node /= 2) {
      const std::uint32_t left = winner_[2 * node], right = winner_[2 * node + 1];
      const std::uint32_t first = time_[right] < time_[left] ? right : left;
      if (winner_[node] == first && first != timer) return;  // nothing above knows of this timer
      winner_[node] = first;
    }
  }

  std::uint32_t next() const { return winner_[1]; }
  double time(std::uint32_t timer) const { return time_[timer]; }

 private:
  std::size_t leaves_;
  std::vector<double> time_;
  std::vector<std::uint32_t> winner_;  // by node, the root 1; leaves behind
};

}  // namespace supernode
