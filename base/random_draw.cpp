#include "base/random_draw.hpp"

#include <cassert>
#include <cmath>
#include <numbers>
#include <numeric>
#include <utility>

namespace supernode {

double normal(SplitMix64& random) {
  const auto uniform = [&] { return (static_cast<double>(random() >> 11) + 0.5) * 0x1p-53; };  // in (0, 1)
  const double radius = std::sqrt(-2 * std::log(uniform()));
  return radius * std::cos(2 * std::numbers::pi * uniform());
}

std::vector<std::int64_t> draw(std::int64_t count, std::int64_t size, std::int64_t seed, std::uint64_t stream) {
  assert(count >= 0 && count <= size);
  SplitMix64 random(static_cast<std::uint64_t>(seed) * 0x100000001b3ULL + stream);
  std::vector<std::int64_t> deck(static_cast<std::size_t>(size));
  std::iota(deck.begin(), deck.end(), 0);
  for (std::int64_t i = 0; i < count; ++i) {
    const auto left = static_cast<std::uint64_t>(size - i);
    const auto pick = i + static_cast<std::int64_t>(random() % left);
    std::swap(deck[static_cast<std::size_t>(i)], deck[static_cast<std::size_t>(pick)]);
  }
  deck.resize(static_cast<std::size_t>(count));
  return deck;
}

}  // namespace supernode
