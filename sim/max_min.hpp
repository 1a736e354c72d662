#pragma once
// Max-min fair sharing of links among flows that come and go. Knows nothing of networks or of time.
//
// Each flow loads each link it crosses with `weight` times its rate. Rates are max-min fair: no flow's rate can be
// raised without lowering one that is not higher (Bertsekas & Gallager, Data Networks, 2nd ed., section 6.5.2). They
// are found by progressive filling, and only for the flows that share links, directly or through others, with those
// that have come or gone since the last time.

#include <cstdint>
#include <span>
#include <vector>

namespace supernode {

struct Crossing {
  std::int32_t link = 0;
  double weight = 1;
};

// Which links each flow crosses; a flow crosses a link at most once.
struct Crossings {
  std::vector<std::int32_t> first{0};  // by flow, one more at the end
  std::vector<Crossing> all;

  void add_flow(std::span<const Crossing> crossings);
  std::int32_t flows() const { return static_cast<std::int32_t>(first.size()) - 1; }
  std::span<const Crossing> of(std::int32_t flow) const;
};

class MaxMin {
 public:
  // Both outlive the object. Capacities are positive.
  MaxMin(const std::vector<double>& capacity, const Crossings& crossings);

  void start(std::int32_t flow);  // asserts that it is not running
  void stop(std::int32_t flow);   // asserts that it is
  // Solves again where flows have come or gone and returns the running flows whose rates may have changed. The span is
  // valid until the next call.
  std::span<const std::int32_t> share();
  double rate(std::int32_t flow) const { return rate_[static_cast<std::size_t>(flow)]; }

 private:
  struct Level {
    double level;
    std::int32_t link;
    bool operator>(const Level& other) const { return level > other.level; }
  };
  struct User {  // of a link: a running flow and which of its crossings this is
    std::int32_t flow, crossing;
  };
  struct Link {
    std::vector<User> users;
    double left = 0, load = 0;  // while filling: capacity not given away; weights of flows without a rate yet
    std::int32_t open = 0;      // while filling: flows without a rate yet
    std::uint32_t seen = 0;     // the round of share() that has met it
    bool touched = false;
  };

  void touch(std::int32_t link);
  void collect();
  void meet(std::int32_t link);
  void fill();
  void fix_users(std::int32_t link, double level);

  const std::vector<double>& capacity_;
  const Crossings& crossings_;
  std::vector<Link> links_;
  std::vector<std::int32_t> place_;        // by crossing: where its flow stands among the link's users
  std::vector<double> rate_;               // by flow
  std::vector<std::uint32_t> seen_, set_;  // by flow: the round of share() that has met it, and that has set its rate
  std::vector<std::int32_t> touched_, met_links_, met_flows_;
  std::vector<Level> levels_;
  std::uint32_t round_ = 0;
};

}  // namespace supernode
