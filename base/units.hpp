#pragma once
// Quantities as text: "392 GB/s", "400 Gbps", "128 GiB", "1.2 us". A unit is always required; GB is 10^9 bytes, GiB is
// 2^30 bytes, Gb and Gbps are bits.

#include <array>
#include <string>
#include <string_view>
#include <vector>

namespace supernode {

// Exponents of time, data and work, as in Quantity.
using Dimension = std::array<int, 3>;

struct ParsedQuantity {
  bool ok = false;
  double si = 0;      // value in s, B, FLOP and their quotients
  std::string error;  // when !ok: what is wrong and what would be right, for a message
};

// Parses "<number> <unit>" (the blank may be missing). Errors: no number, no unit, unknown unit (nearest named), unit
// of another dimension, not finite, negative, zero unless allowed, beyond anything physical.
ParsedQuantity parse_quantity(std::string_view text, Dimension dimension, bool allow_zero);

// "time (s, ms, us, ns)", "bandwidth (GB/s, Gbps, …)": for documentation and messages.
std::string dimension_name(Dimension dimension);

// An si value in the largest common unit that keeps it >= 1, four significant digits: "392 GB/s", "1.2 us".
std::string format_quantity(double si, Dimension dimension);

}  // namespace supernode
