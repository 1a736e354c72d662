#pragma once
// Physical quantities as types: a product or quotient of quantities has the right type, a sum of
// unlike ones does not compile. Values are held in SI (seconds, bytes, floating-point operations)
// as one double; measured, the wrapper adds no instruction.
//
//   Seconds t = 64_MiB / 900_GBps;          // ok
//   Seconds u = 64_MiB + 1_s;               // does not compile: unlike dimensions

#include <cmath>
#include <compare>

namespace supernode {

// Exponents of time, data and work (floating-point operations).
template <int Time, int Data, int Work>
class Quantity {
 public:
  constexpr Quantity() = default;
  constexpr explicit Quantity(double si) : si_(si) {}

  // The value in SI base units (s, B, FLOP and their quotients).
  constexpr double value() const { return si_; }

  constexpr auto operator<=>(const Quantity&) const = default;
  constexpr Quantity operator-() const { return Quantity(-si_); }
  constexpr Quantity& operator+=(Quantity other) {
    si_ += other.si_;
    return *this;
  }
  constexpr Quantity& operator-=(Quantity other) {
    si_ -= other.si_;
    return *this;
  }
  constexpr Quantity& operator*=(double factor) {
    si_ *= factor;
    return *this;
  }
  constexpr Quantity& operator/=(double divisor) {
    si_ /= divisor;
    return *this;
  }

  friend constexpr Quantity operator+(Quantity a, Quantity b) { return Quantity(a.si_ + b.si_); }
  friend constexpr Quantity operator-(Quantity a, Quantity b) { return Quantity(a.si_ - b.si_); }
  friend constexpr Quantity operator*(Quantity a, double f) { return Quantity(a.si_ * f); }
  friend constexpr Quantity operator*(double f, Quantity a) { return Quantity(a.si_ * f); }
  friend constexpr Quantity operator/(Quantity a, double d) { return Quantity(a.si_ / d); }

 private:
  double si_ = 0;
};

namespace detail {
// A dimensionless result is a plain double.
template <int T, int D, int W>
constexpr auto make_quantity(double si) {
  if constexpr (T == 0 && D == 0 && W == 0)
    return si;
  else
    return Quantity<T, D, W>(si);
}
}  // namespace detail

template <int T1, int D1, int W1, int T2, int D2, int W2>
constexpr auto operator*(Quantity<T1, D1, W1> a, Quantity<T2, D2, W2> b) {
  return detail::make_quantity<T1 + T2, D1 + D2, W1 + W2>(a.value() * b.value());
}
template <int T1, int D1, int W1, int T2, int D2, int W2>
constexpr auto operator/(Quantity<T1, D1, W1> a, Quantity<T2, D2, W2> b) {
  return detail::make_quantity<T1 - T2, D1 - D2, W1 - W2>(a.value() / b.value());
}
template <int T, int D, int W>
constexpr auto operator/(double a, Quantity<T, D, W> b) {
  return detail::make_quantity<-T, -D, -W>(a / b.value());
}
template <int T, int D, int W>
constexpr Quantity<T, D, W> max(Quantity<T, D, W> a, Quantity<T, D, W> b) {
  return a < b ? b : a;
}
template <int T, int D, int W>
constexpr Quantity<T, D, W> min(Quantity<T, D, W> a, Quantity<T, D, W> b) {
  return b < a ? b : a;
}

using Seconds = Quantity<1, 0, 0>;
using Hertz = Quantity<-1, 0, 0>;
using Bytes = Quantity<0, 1, 0>;
using Flops = Quantity<0, 0, 1>;
using BytesPerSecond = Quantity<-1, 1, 0>;
using FlopsPerSecond = Quantity<-1, 0, 1>;

// GB is 10^9 bytes, GiB is 2^30 bytes; Gbps is 10^9 bits (not bytes) a second.
namespace literals {
// NOLINTBEGIN: one line a unit
constexpr Seconds operator""_s(long double v) { return Seconds(static_cast<double>(v)); }
constexpr Seconds operator""_s(unsigned long long v) { return Seconds(static_cast<double>(v)); }
constexpr Seconds operator""_ms(long double v) { return Seconds(static_cast<double>(v) * 1e-3); }
constexpr Seconds operator""_ms(unsigned long long v) { return Seconds(static_cast<double>(v) * 1e-3); }
constexpr Seconds operator""_us(long double v) { return Seconds(static_cast<double>(v) * 1e-6); }
constexpr Seconds operator""_us(unsigned long long v) { return Seconds(static_cast<double>(v) * 1e-6); }
constexpr Seconds operator""_ns(unsigned long long v) { return Seconds(static_cast<double>(v) * 1e-9); }
constexpr Bytes operator""_B(unsigned long long v) { return Bytes(static_cast<double>(v)); }
constexpr Bytes operator""_KiB(unsigned long long v) { return Bytes(static_cast<double>(v) * 1024.0); }
constexpr Bytes operator""_MiB(unsigned long long v) { return Bytes(static_cast<double>(v) * 1048576.0); }
constexpr Bytes operator""_GiB(unsigned long long v) { return Bytes(static_cast<double>(v) * 1073741824.0); }
constexpr Bytes operator""_MB(unsigned long long v) { return Bytes(static_cast<double>(v) * 1e6); }
constexpr Bytes operator""_GB(unsigned long long v) { return Bytes(static_cast<double>(v) * 1e9); }
constexpr BytesPerSecond operator""_GBps(long double v) { return BytesPerSecond(static_cast<double>(v) * 1e9); }
constexpr BytesPerSecond operator""_GBps(unsigned long long v) { return BytesPerSecond(static_cast<double>(v) * 1e9); }
constexpr BytesPerSecond operator""_TBps(long double v) { return BytesPerSecond(static_cast<double>(v) * 1e12); }
constexpr BytesPerSecond operator""_Gbps(unsigned long long v) {
  return BytesPerSecond(static_cast<double>(v) * 1e9 / 8);
}
constexpr FlopsPerSecond operator""_TFLOPS(long double v) { return FlopsPerSecond(static_cast<double>(v) * 1e12); }
constexpr FlopsPerSecond operator""_TFLOPS(unsigned long long v) {
  return FlopsPerSecond(static_cast<double>(v) * 1e12);
}
// NOLINTEND
}  // namespace literals

}  // namespace supernode
