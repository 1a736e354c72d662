// Rings over all links of a full mesh: each visits every vertex once, and no directed edge is used twice.

#include "sim/collectives/disjoint_rings.hpp"

#include <gtest/gtest.h>

#include <set>

namespace supernode {
namespace {

TEST(DisjointRings, VisitAllAndShareNoEdge) {
  for (std::int32_t n = 2; n <= 33; ++n) {
    std::set<std::pair<std::int32_t, std::int32_t>> edges;
    for (const auto& ring : disjoint_rings(n)) {
      EXPECT_EQ(std::set<std::int32_t>(ring.begin(), ring.end()).size(), static_cast<std::size_t>(n));
      ASSERT_EQ(ring.size(), static_cast<std::size_t>(n));
      for (std::size_t i = 0; i < ring.size(); ++i)
        EXPECT_TRUE(edges.insert({ring[i], ring[(i + 1) % ring.size()]}).second) << n;
    }
  }
}

// n-1 directed rings take all n(n-1) edges; for 4 and 6 there are no n-1 (Tillson, 1980).
TEST(DisjointRings, AreAsManyAsTheySay) {
  const auto count = [](std::int32_t n) { return disjoint_rings(n).size(); };
  for (const std::int32_t n : {3, 5, 7, 8, 9, 13, 15, 25}) EXPECT_EQ(count(n), static_cast<std::size_t>(n) - 1) << n;
  for (const std::int32_t n : {4, 6, 10, 12, 16, 32}) EXPECT_EQ(count(n), static_cast<std::size_t>(n) - 2) << n;
  EXPECT_EQ(count(2), 1u);
}

}  // namespace
}  // namespace supernode
