// Every algorithm over one non-blocking switch takes its closed form, and what leaves and enters each device over the
// links is what the algorithm sends. Grids: grid_closed_form_test.cpp; several nodes: hierarchy_closed_form_test.cpp.
//
// n ranks, ports of B bytes/s each way, a route of two links with L seconds in all, S bytes in the buffer.

#include <gtest/gtest.h>

#include <algorithm>
#include <bit>
#include <cmath>
#include <functional>

#include "base/numeric.hpp"
#include "sim/collectives/builtin.hpp"
#include "sim/flow.hpp"
#include "tests/sim/collective_fixture.hpp"
#include "tests/sim/collective_shapes.hpp"

namespace supernode {
namespace {

using namespace test;
using enum CollectiveOp;

constexpr double kB = 196e9, kL = 1e-6, kTolerance = 1e-3;
constexpr int kGroups[] = {2, 3, 4, 5, 6, 7, 8, 12, 16, 17, 24, 32};

struct Case {
  CollectiveOp op;
  int n;
  double bytes;
  double wire() const { return bytes / kB; }
  double phases() const { return op == kAllReduce ? 2 : 1; }
  double log2n() const { return std::bit_width(static_cast<unsigned>(n - 1)); }
};

// A ring: as many rounds as there are others, a block in each.
double ring(const Case& c) { return c.phases() * (c.n - 1) * (c.wire() / c.n + kL); }

// Share of the buffer that one rank sends another: 1/n, or the chance that none of 8 different experts of 256 is
// among the 256/n of that rank: the product of (256 - 256/n - i) / (256 - i).
double share(const Case& c) {
  if (c.op == kAllToAll) return 1.0 / c.n;
  double missed = 1;
  for (int i = 0; i < 8; ++i) missed *= std::max(0.0, 256 - 256.0 / c.n - i) / (256 - i);
  return 1 - missed;
}

// All at once through one port.
double direct(const Case& c) {
  if (is_exchange(c.op)) return (c.n - 1) * share(c) * c.wire() + kL;
  return c.phases() * ((c.n - 1) * c.wire() / c.n + kL);
}

double halving_doubling(const Case& c) { return c.phases() * ((c.n - 1) * c.wire() / c.n + c.log2n() * kL); }

// n = p + r, p a power of two: r ranks hand over S and get S back (all-reduce), or one block and all others, which is S
// together; p of them halve and double.
double folded(const Case& c) {
  const double p = std::bit_floor(static_cast<unsigned>(c.n)), k = std::log2(p);
  if (static_cast<int>(p) == c.n) return halving_doubling(c);
  return c.phases() * (1 + (p - 1) / p) * c.wire() + (2 + c.phases() * k) * kL;
}

// All-gather: a ring's bytes in log2 n rounds. All-to-all: distance d of 1 to n-1 travels once for each bit set in it.
double bruck(const Case& c) {
  double blocks = c.n - 1;
  if (c.op == kAllToAll) {
    blocks = 0;
    for (unsigned d = 1; d < static_cast<unsigned>(c.n); ++d) blocks += std::popcount(d);
  }
  return blocks / c.n * c.wire() + c.log2n() * kL;
}

// Half the buffer over each edge of two trees, up and down. The busiest rank has four edges: up and two down in one
// tree, one up in the other; three ranks make two chains, whose middle ranks have three.
double tree(const Case& c) { return (c.n == 3 ? 3 : 4) * c.wire() / 2 + 2 * c.log2n() * kL; }

// Nodes of 8 in one supernode: 7/8 of the buffer inside, (m-1)/m of an eighth between m nodes, in every phase, in as
// many rounds as one chunk takes: 7 round a ring, or 1 to all at once, and m-1.
double by_node(const Case& c, int inner_rounds) {
  const double m = c.n / 8.0;
  return c.phases() * ((7.0 / 8 + (m - 1) / m / 8) * c.wire() + (inner_rounds + m - 1) * kL);
}

// Pieces of 512 KiB, 64 at most, over n-1 hops.
double chain(const Case& c) {
  const double pieces = std::min(64.0, std::ceil(c.bytes / (512 * 1024)));
  return (c.n - 2 + pieces) * (c.wire() / pieces + kL);
}

using Formula = std::function<double(const Case&)>;
const std::map<std::string, Formula> kFormulas = {
    {"send_recv", [](const Case& c) { return c.wire() + kL; }},
    {"chain", chain},
    {"ring", ring},
    {"bidirectional_ring", ring},  // half the data either way through the same port
    {"multi_ring", ring},          // each ring its share of the data, through the same port
    {"direct", direct},
    {"one_shot", [](const Case& c) { return (c.n - 1) * c.wire() + kL; }},
    {"pairwise", [](const Case& c) { return (c.n - 1) * (share(c) * c.wire() + kL); }},
    {"windowed", [](const Case& c) { return (c.n - 1) * share(c) * c.wire() + std::ceil((c.n - 1) / 8.0) * kL; }},
    {"halving_doubling", halving_doubling},
    {"halving_doubling_folded", folded},
    {"bruck", bruck},
    {"tree", tree},
    {"nvls", [](const Case& c) { return (1 + 1.0 / c.n) * c.wire() + 2 * kL; }},
    {"hierarchical", [](const Case& c) { return by_node(c, 7); }},
    {"hierarchical_mesh", [](const Case& c) { return by_node(c, 1); }},
};

// Algorithms for several supernodes or grids, which one switch has not.
const std::vector<std::string> kElsewhere = {"hierarchical_supernode", "sharp", "grid", "grid_split"};

TEST(CollectiveClosedForm, EveryAlgorithmOverOneSwitch) {
  CollectiveRegistry registry;
  register_builtin_collectives(registry);
  for (const auto& algorithm : registry.all()) {
    int seen = 0;
    for (const int n : kGroups) {
      const Fabric fabric = star(n, BytesPerSecond(kB), Seconds(kL / 2));
      const GroupShape group = group_shape(fabric, devices(n));
      for (const CollectiveOp op : kAllOps)
        for (const double bytes : {64.0 * 1024, 64.0 * 1024 * 1024}) {
          const CollectiveCall call{op, Bytes(bytes), {8, 256, 0}};
          if (!algorithm->supports(call, group)) continue;
          ++seen;
          const auto formula = kFormulas.find(algorithm->name());
          ASSERT_NE(formula, kFormulas.end()) << algorithm->name() << " has no closed form here";
          const double expected = formula->second({op, n, bytes});
          const double found = simulate_flows(fabric, devices(n), algorithm->rounds(call, group)).time.value();
          EXPECT_NEAR(found, expected, kTolerance * expected)
              << algorithm->name() << ' ' << to_string(op) << " of " << n << ", " << bytes << " bytes";
        }
    }
    const bool elsewhere = std::ranges::find(kElsewhere, algorithm->name()) != kElsewhere.end();
    EXPECT_EQ(seen == 0, elsewhere) << algorithm->name();
  }
}

// Over every link run the bytes that the algorithm sends: out of and into each device, and a switch keeps none.
TEST(CollectiveClosedForm, BytesAreConserved) {
  CollectiveRegistry registry;
  register_builtin_collectives(registry);
  const Fabric fabric = two_tier(3, 4, 100_GBps, 200_GBps, 1_us);
  const GroupShape group = group_shape(fabric, devices(12));
  for (const auto& algorithm : registry.all())
    for (const CollectiveOp op : kAllOps) {
      const CollectiveCall call{op, 1_MB, {8, 256, 0}};
      if (!algorithm->supports(call, group)) continue;
      const auto rounds = algorithm->rounds(call, group);
      const FlowResult result = simulate_flows(fabric, devices(12), rounds);
      std::vector<double> out(static_cast<std::size_t>(fabric.vertex_count())), in = out;
      for (std::int64_t l = 0; l < fabric.link_count(); ++l) {
        const LinkView link = fabric.link(LinkId(l));
        const auto a = static_cast<std::size_t>(link.a.index), b = static_cast<std::size_t>(link.b.index);
        const auto carried = [&](BundleId id) { return result.bytes.contains(id) ? result.bytes.at(id).value() : 0; };
        out[a] += carried(link.forward), in[b] += carried(link.forward);
        out[b] += carried(link.backward), in[a] += carried(link.backward);
      }
      const Traffic sent = traffic(rounds, 12);
      for (int i = 0; i < 12; ++i) {
        const auto v = static_cast<std::size_t>(fabric.vertex(DeviceId(i)).index), r = static_cast<std::size_t>(i);
        EXPECT_NEAR(out[v], sent.out[r], 1e-3) << algorithm->name() << ' ' << to_string(op);
        EXPECT_NEAR(in[v], sent.in[r], 1e-3) << algorithm->name() << ' ' << to_string(op);
        out[v] = in[v] = 0;
      }
      for (std::size_t v = 0; v < out.size(); ++v) EXPECT_NEAR(out[v], in[v], 1e-3) << algorithm->name();
    }
}

// 383/384 of 64 MiB over 196 GB/s are 341.5 us. 48 windows of up to 8 messages pay a route of 1 us each: 389.5 us.
TEST(CollectiveClosedForm, WindowedExchangeOf384) {
  const Fabric fabric = star(384, 196_GBps, 0.5_us);
  const auto rounds = rounds_of(fabric, devices(384), "windowed", {kAllToAll, 64_MiB, {}});
  EXPECT_EQ(rounds.size(), 48u);
  const double time = simulate_flows(fabric, devices(384), rounds).time.value() * 1e6;
  const double bound = 383.0 / 384 * 64 * 1024 * 1024 / 196e9 * 1e6;
  EXPECT_NEAR(time, bound + 48, 1e-3 * time);
  EXPECT_LT(time, 1.15 * bound);
}

}  // namespace
}  // namespace supernode
