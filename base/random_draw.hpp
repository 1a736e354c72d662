#pragma once
// Random draws that are the same on every platform and nested: the first k of n drawn are those drawn when k are.

#include <cstdint>
#include <vector>

namespace supernode {

// SplitMix64 (Steele, Lea, Flood: Fast splittable pseudorandom number generators, OOPSLA 2014).
class SplitMix64 {
 public:
  explicit SplitMix64(std::uint64_t seed) : state_(seed) {}
  std::uint64_t operator()() {
    std::uint64_t z = state_ += 0x9e3779b97f4a7c15ULL;
    z = (z ^ (z >> 30)) * 0xbf58476d1ce4e5b9ULL;
    z = (z ^ (z >> 27)) * 0x94d049bb133111ebULL;
    return z ^ (z >> 31);
  }

 private:
  std::uint64_t state_;
};

// A standard normal deviation (Box and Muller, A note on the generation of random normal deviates, 1958).
double normal(SplitMix64& random);

// `count` of the numbers 0 … size-1 without replacement, in the order drawn: the head of a shuffle. Numbers are taken
// modulo what is left, whose bias is below size / 2^64. `stream` keeps draws with one seed apart.
std::vector<std::int64_t> draw(std::int64_t count, std::int64_t size, std::int64_t seed, std::uint64_t stream);

}  // namespace supernode
