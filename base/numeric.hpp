#pragma once
// Conversions between the integers that count things and the doubles that quantities are made of.

#include <cstdint>

namespace supernode {

// A count as a factor of a quantity. Exact up to 2^53, far above any count of parameters or tokens here.
constexpr double real(std::int64_t count) { return static_cast<double>(count); }

}  // namespace supernode
