#pragma once
// Content hashes: SHA-256 for provenance, and a fast 64-bit one for caches and fingerprints.

#include <cstdint>
#include <string>
#include <string_view>

namespace supernode {

// Lower-case hexadecimal SHA-256.
std::string sha256_hex(std::string_view bytes);

// FNV-1a, 64 bit; chain calls by passing the last result as `seed`.
std::uint64_t fnv1a(std::string_view bytes, std::uint64_t seed = 0xcbf29ce484222325ULL);

}  // namespace supernode
