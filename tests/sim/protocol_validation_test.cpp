// Errors over calls that a fit has not seen, and the deviation that follows.

#include "sim/protocol_validation.hpp"

#include <gtest/gtest.h>

#include <algorithm>
#include <cmath>

namespace supernode {
namespace {

using namespace literals;

// 10 us and 100 GB/s over a port of 100 GB/s, times `factor`.
MeasuredCall call(Bytes bytes, std::int64_t ranks, const std::string& source, double factor = 1) {
  MeasuredCall made;
  made.sample.op = CollectiveOp::kAllGather;
  made.sample.call = {made.sample.op, bytes, {}};
  made.sample.source = source;
  made.row.options = {{"ring", 1, {}, bytes / 100_GBps}};
  made.row.ranks = ranks;
  made.row.measured = (10_us + bytes / 100_GBps) * factor;
  return made;
}

// The law that made the rows, whatever it has seen.
std::optional<ProtocolFit> truth(const MeasuredCalls&) {
  ProtocolRegime regime;
  regime.launch.value = 10_us;
  regime.efficiency.value = 1;
  return ProtocolFit{.regimes = {regime}};
}

MeasuredCalls sizes(std::int64_t ranks, const std::string& source, double factor = 1) {
  MeasuredCalls calls;
  for (double bytes = 1e4; bytes < 2e9; bytes *= 10) calls.push_back(call(Bytes(bytes), ranks, source, factor));
  return calls;
}

std::int64_t count(const std::vector<UnseenCall>& unseen, LeftOut what) {
  return std::ranges::count(unseen, what, &UnseenCall::left_out);
}

TEST(UnseenCalls, AreEachLeftOutOnceAWay) {
  MeasuredCalls calls = sizes(2, "a");
  const auto alone = unseen_calls(calls, truth);
  EXPECT_EQ(count(alone, LeftOut::kSizes), 6);
  EXPECT_EQ(count(alone, LeftOut::kSource), 0);  // one source, one group: nothing would be left
  EXPECT_EQ(count(alone, LeftOut::kRanks), 0);
  for (const MeasuredCall& more : sizes(8, "b")) calls.push_back(more);
  const auto both = unseen_calls(calls, truth);
  EXPECT_EQ(count(both, LeftOut::kSizes), 12);
  EXPECT_EQ(count(both, LeftOut::kSource), 12);
  EXPECT_EQ(count(both, LeftOut::kRanks), 12);
  for (const UnseenCall& u : both) EXPECT_NEAR(u.log_error, 0, 1e-12);
  // Source b is all of the group of 8: without it, as without the group, 8 are two doublings beyond what was seen.
  for (const UnseenCall& u : both) EXPECT_EQ(u.doublings, u.left_out == LeftOut::kSizes ? 0 : 2);
}

TEST(UnseenCalls, TheFitDoesNotSeeThem) {
  const MeasuredCalls calls = sizes(2, "a");
  std::size_t most = 0;
  unseen_calls(calls, [&](const MeasuredCalls& seen) {
    most = std::max(most, seen.size());
    return truth(seen);
  });
  EXPECT_EQ(most, calls.size() - 1);
}

// All 1.2 times as long as foreseen: nine tenths of |ln(1/1.2)| over 1.645. Exact rows: no less than 3 %.
TEST(DeviationOf, HoldsNineTenths) {
  const MeasuredCalls off = sizes(2, "a", 1.2);
  auto unseen = unseen_calls(off, truth);
  const ProtocolDeviation d = deviation_of(off, unseen);
  EXPECT_NEAR(d.latency.value, std::log(1.2) / 1.645, 1e-9);
  EXPECT_NEAR(d.bandwidth.value, std::log(1.2) / 1.645, 1e-9);
  EXPECT_EQ(d.per_doubling.value, DeviationRule::kPerDoubling);
  EXPECT_EQ(d.most_ranks, 2);
  EXPECT_EQ(unseen.front().deviation, d.relative(unseen.front().share, 2));
  const MeasuredCalls exact = sizes(2, "a");
  auto none = unseen_calls(exact, truth);
  EXPECT_EQ(deviation_of(exact, none).latency.value, DeviationRule::kLeast);
}

TEST(DeviationOf, FewCallsTellNothing) {
  const MeasuredCalls one = {call(1_MB, 4, "a")};
  std::vector<UnseenCall> none;
  EXPECT_EQ(deviation_of(one, none).latency.value, ProtocolDeviation::kUnknown);
}

}  // namespace
}  // namespace supernode
