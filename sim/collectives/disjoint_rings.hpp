#pragma once
// Directed rings through all of n vertices, no two of which use the same directed edge of the full mesh.

#include <cstdint>
#include <vector>

namespace supernode {

// n-1 of them, all there can be, for odd n (Walecki's zigzags, each both ways; Alspach, 2008) and for n = 8; n-2 for
// other even n, which is the most for 4 and 6 (Tillson, 1980: n-1 for all other n). 1 for n = 2.
std::vector<std::vector<std::int32_t>> disjoint_rings(std::int32_t n);

}  // namespace supernode
