#pragma once
// Content hashes: SHA-256 for provenance, and a fast 64-bit one for caches and fingerprints.

#include <cstdint>
#include <string>
#include <string_view>
#include <type_traits>

namespace supernode {

// Lower-case hexadecimal SHA-256.
std::string sha256_hex(std::string_view bytes);

// FNV-1a, 64 bit; chain calls by passing the last result as `seed`.
inline constexpr std::uint64_t kFnvOffset = 0xcbf29ce484222325ULL;
std::uint64_t fnv1a(std::string_view bytes, std::uint64_t seed = kFnvOffset);

// The same over the bytes of one value without padding.
template <class T>
std::uint64_t fnv1a_of(const T& value, std::uint64_t seed = kFnvOffset) {
  static_assert(std::is_trivially_copyable_v<T>);
  return fnv1a({reinterpret_cast<const char*>(&value), sizeof value}, seed);
}

}  // namespace supernode
