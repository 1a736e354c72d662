#include "sim/collectives/disjoint_rings.hpp"

#include <algorithm>

namespace supernode {
namespace {

using Rings = std::vector<std::vector<std::int32_t>>;

// All 56 directed edges of 8 vertices in 7 rings; found by search for an exact cover.
const Rings kEight = {{0, 1, 2, 3, 4, 5, 6, 7}, {0, 6, 1, 7, 5, 4, 3, 2}, {0, 3, 7, 6, 4, 2, 5, 1},
                      {0, 2, 6, 3, 1, 5, 7, 4}, {0, 5, 2, 1, 4, 7, 3, 6}, {0, 4, 6, 2, 7, 1, 3, 5},
                      {0, 7, 2, 4, 1, 6, 5, 3}};

// 0, 1, -1, 2, -2, … over all residues of an even modulus, shifted: consecutive differences are 1, 2, …, modulus - 1.
std::vector<std::int32_t> zigzag(std::int32_t modulus, std::int32_t shift) {
  std::vector<std::int32_t> walk;
  for (std::int32_t i = 0; i < modulus; ++i) {
    const std::int32_t step = i % 2 == 1 ? (i + 1) / 2 : modulus - i / 2;
    walk.push_back((step + shift) % modulus);
  }
  return walk;
}

// Walecki: the zigzags shifted by 0 to modulus/2 - 1 take every edge of an even modulus once; the vertex modulus closes
// them to rings. With one vertex more, modulus + 1, that replaces the edge in the middle, what is left is a matching.
Rings zigzag_rings(std::int32_t n) {
  const std::int32_t modulus = n % 2 == 1 ? n - 1 : n - 2;
  Rings rings;
  for (std::int32_t shift = 0; shift < modulus / 2; ++shift) {
    std::vector<std::int32_t> ring = zigzag(modulus, shift);
    if (n % 2 == 0) ring.insert(ring.begin() + modulus / 2, modulus + 1);
    ring.push_back(modulus);
    rings.push_back(ring);
    std::ranges::reverse(ring);
    rings.push_back(ring);
  }
  return rings;
}

}  // namespace

Rings disjoint_rings(std::int32_t n) {
  if (n == 2) return {{0, 1}};
  return n == 8 ? kEight : zigzag_rings(n);
}

}  // namespace supernode
