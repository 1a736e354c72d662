#include "calibration/gemm_cost.hpp"

#include <algorithm>
#include <array>
#include <cmath>
#include <limits>

namespace supernode {
namespace {

double ceil_div(double a, double b) { return std::ceil(a / b); }

struct TileChoice {
  double m, n;   // output tile
  double split;  // parts into which k is cut
};

// A GEMM with its dimensions as doubles and the bytes of an element.
struct Shape {
  double m, n, k, groups;
  double operand_bytes;
  double result_bytes;  // of one element of C, read and write
};

Shape shape_of(const GemmKernel& gemm) {
  const double result =
      gemm.accumulate ? 2 * bytes_per_element(Precision::kFp32).value() : bytes_per_element(Precision::kBf16).value();
  return {static_cast<double>(gemm.m),
          static_cast<double>(gemm.n),
          static_cast<double>(gemm.k),
          static_cast<double>(gemm.groups),
          bytes_per_element(gemm.precision).value(),
          result};
}

Seconds compute_time(const Shape& s, const TileChoice& t, const DeviceRates& device, const GemmParameters& p) {
  const double units = s.groups * ceil_div(s.m, t.m) * ceil_div(s.n, t.n) * t.split;
  const double fill = units / static_cast<double>(device.cores);
  const double waves = std::max(1.0, (1 - p.wave) * fill + p.wave * std::ceil(fill));
  // Operand bytes a tile loads per FLOP go with 1/m + 1/n: relative to the largest tile.
  const double largest = 1.0 / static_cast<double>(device.tile_m) + 1.0 / static_cast<double>(device.tile_n);
  const double intensity = std::max(0.0, (1 / t.m + 1 / t.n) / largest - 1);
  const double steps = ceil_div(s.k, t.split) + p.k_ramp;
  const Flops unit = Flops(2 * t.m * t.n * steps * (1 + p.tile_penalty * intensity));
  const FlopsPerSecond core = device.peak * (p.efficiency / static_cast<double>(device.cores));
  return waves * unit / core;
}

// Cores work on a near-square patch of tiles at a time, patches row by row. An operand panel that fits in half of the
// L2 stays there; otherwise it is read again for each patch.
double operand_bytes(const Shape& s, double tile_m, double tile_n, const DeviceRates& device) {
  const double cores = static_cast<double>(device.cores);
  const double patch_rows = std::clamp(std::round(std::sqrt(cores * tile_n / tile_m)), 1.0, ceil_div(s.m, tile_m));
  const double patch_cols = std::max(1.0, std::floor(cores / patch_rows));
  const double rows = std::min(s.m, patch_rows * tile_m);
  const double cols = std::min(s.n, patch_cols * tile_n);
  const double half_l2 = device.l2.value() / 2;
  const double a_reads = rows * s.k * s.operand_bytes <= half_l2 ? 1 : ceil_div(s.n, cols);
  const double b_reads = s.n * s.k * s.operand_bytes <= half_l2 ? 1 : ceil_div(s.m, rows);
  return (s.m * a_reads + s.n * b_reads) * s.k * s.operand_bytes;
}

// A cut k writes and reads fp32 partial sums.
Bytes memory_bytes(const Shape& s, const TileChoice& t, double operands) {
  const double partial = t.split > 1 ? 2 * t.split * s.m * s.n * 4 : 0;
  return Bytes(s.groups * (operands + s.m * s.n * s.result_bytes + partial));
}

GemmTime time_of(const Shape& s, const TileChoice& t, double operands, const DeviceRates& device,
                 const GemmParameters& p) {
  GemmTime time;
  time.compute = compute_time(s, t, device, p);
  time.memory = memory_bytes(s, t, operands) / (device.hbm * p.memory);
  time.total = device.launch + max(time.compute, time.memory) + p.serial * min(time.compute, time.memory);
  return time;
}

}  // namespace

GemmTime gemm_time(const GemmKernel& gemm, const DeviceRates& device, const GemmParameters& parameters) {
  constexpr std::array kSplits = {1.0, 2.0, 4.0, 8.0, 16.0};
  constexpr double kShortestSplit = 512;  // of k: below it libraries do not cut
  const Shape shape = shape_of(gemm);
  const double tile_m = static_cast<double>(device.tile_m), tile_n = static_cast<double>(device.tile_n);
  GemmTime best;
  best.total = Seconds(std::numeric_limits<double>::infinity());
  const auto consider = [&](double m, double n) {
    const double operands = operand_bytes(shape, m, n, device);
    for (double split : kSplits) {
      if (split > 1 && (split > parameters.max_split || shape.k / split < kShortestSplit)) break;
      const GemmTime time = time_of(shape, {m, n, split}, operands, device, parameters);
      if (time.total < best.total) best = time;
    }
  };
  for (double m = tile_m; m >= std::max(16.0, tile_m / 8); m /= 2)
    for (double n = tile_n; n >= std::max(16.0, tile_n / 4); n /= 2) consider(m, n);
  if (tile_m != tile_n) consider(tile_n, tile_m);
  return best;
}

}  // namespace supernode
