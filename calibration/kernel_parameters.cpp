#include "calibration/kernel_parameters.hpp"

#include <fmt/format.h>

#include <algorithm>

#include "base/numeric.hpp"

namespace supernode {
namespace {

// The vector work most alike: by how a row is walked (reductions, plain streams, scattered rows).
std::vector<VectorKind> vector_order(VectorKind kind) {
  using enum VectorKind;
  switch (kind) {
    case kNorm:
      return {kNorm, kSoftmax};
    case kSoftmax:
      return {kSoftmax, kNorm};
    case kLoss:
      return {kLoss, kSoftmax, kNorm};
    case kRouter:
      return {kRouter, kSoftmax, kNorm};
    case kPermute:
      return {kPermute, kEmbedding, kElementwise};
    case kEmbedding:
      return {kEmbedding, kPermute, kElementwise};
    case kElementwise:
    case kRope:
    case kOptimizer:
    case kCast:
      return {kind, kElementwise};
  }
  return {kind};
}

void class_candidates_of(const GemmKernel& g, const ChipSpec& chip, std::vector<std::string>& out) {
  const std::vector<Precision> order = sibling_order(chip.effective(g.precision));
  if (g.groups > 1)
    for (Precision p : order) out.push_back(fmt::format("grouped_gemm.{}", to_string(p)));
  for (Precision p : order) out.push_back(fmt::format("gemm.{}", to_string(p)));
}

void class_candidates_of(const AttentionKernel& a, const ChipSpec& chip, std::vector<std::string>& out) {
  const std::vector<Precision> order = sibling_order(chip.effective(a.precision));
  if (a.seq_q == 1 && !a.backward) {
    for (Precision p : order) out.push_back(fmt::format("attention.decode.{}", to_string(p)));
    return;
  }
  for (const char* pass : {a.backward ? "backward" : "forward", "forward"})
    for (Precision p : order) out.push_back(fmt::format("attention.{}.{}", pass, to_string(p)));
}

void class_candidates_of(const VectorKernel& v, const ChipSpec&, std::vector<std::string>& out) {
  for (VectorKind kind : vector_order(v.kind)) out.push_back(fmt::format("vector.{}", to_string(kind)));
  out.push_back("vector");
}

}  // namespace

std::vector<Precision> sibling_order(Precision precision) {
  using enum Precision;
  std::vector<Precision> order = {precision};
  const auto add = [&](std::initializer_list<Precision> more) {
    for (Precision p : more)
      if (std::find(order.begin(), order.end(), p) == order.end()) order.push_back(p);
  };
  switch (precision) {
    case kFp8:
    case kFp8Block:
    case kMxfp8:
      add({kFp8Block, kMxfp8, kFp8, kInt8});
      break;
    case kInt8:
      add({kFp8, kFp8Block});
      break;
    case kFp4:
      add({kFp8, kFp8Block, kMxfp8});
      break;
    case kFp16:
      add({kBf16});
      break;
    case kFp32:
      add({kTf32});
      break;
    case kTf32:
      add({kFp32});
      break;
    case kBf16:
      add({kFp16});
      break;
  }
  add({kBf16, kFp16, kFp8, kFp8Block, kInt8});
  return order;
}

std::string_view to_string(Pass pass) {
  switch (pass) {
    case Pass::kForward:
      return "forward";
    case Pass::kDgrad:
      return "dgrad";
    case Pass::kWgrad:
      return "wgrad";
  }
  return "?";
}

std::vector<std::string> class_candidates(const Kernel& kernel, const ChipSpec& chip) {
  std::vector<std::string> candidates;
  std::visit([&](const auto& k) { class_candidates_of(k, chip, candidates); }, kernel);
  return candidates;
}

std::array<double, 3> shape_sizes(const Kernel& kernel) {
  if (const auto* g = std::get_if<GemmKernel>(&kernel)) return {real(g->m), real(g->n), real(g->k)};
  if (const auto* a = std::get_if<AttentionKernel>(&kernel))
    return {real(a->batch) * real(a->heads), real(a->seq_kv), real(a->head_dim)};
  return {traffic(kernel).value(), 0, 0};
}

std::vector<ShapeAxis> shape_axes(const Kernel& kernel) {
  const std::array<double, 3> sizes = shape_sizes(kernel);
  if (std::holds_alternative<GemmKernel>(kernel)) return {{"m", sizes[0]}, {"n", sizes[1]}, {"k", sizes[2]}};
  if (std::holds_alternative<AttentionKernel>(kernel))
    return {{"heads", sizes[0]}, {"seq", sizes[1]}, {"head_dim", sizes[2]}};
  return {{"bytes", sizes[0]}};
}

DeviceRates device_rates(const ChipSpec& chip, Precision precision) {
  DeviceRates rates;
  rates.peak = chip.device_peak(precision);
  rates.hbm = chip.device_hbm_bandwidth();
  rates.l2 = chip.l2_capacity.value / static_cast<double>(chip.devices_per_chip);
  rates.cores = chip.cores.value / chip.devices_per_chip;
  rates.tile_m = chip.tile_m.value;
  rates.tile_n = chip.tile_n.value;
  rates.launch = chip.fit.launch.value;
  return rates;
}

double KernelParameters::get(const std::string& name, double otherwise) const {
  const auto found = fit_->parameters.find(name);
  return found == fit_->parameters.end() ? otherwise : found->second.value;
}

// A class is fitted when it has an efficiency (matrix work) or a memory share (vector work).
std::string KernelParameters::first_fitted(const std::vector<std::string>& prefixes) const {
  for (const std::string& prefix : prefixes)
    if (has(prefix + ".efficiency") || (prefix.starts_with("vector") && has(prefix + ".memory"))) return prefix;
  return "";
}

ClassLookup KernelParameters::find_class(const Kernel& kernel, const ChipSpec& chip) const {
  const std::vector<std::string> candidates = class_candidates(kernel, chip);
  const std::string found = first_fitted(candidates);
  return {found, found == candidates.front()};
}

GemmParameters KernelParameters::gemm(const GemmKernel& gemm, const ChipSpec& chip) const {
  const std::string prefix = find_class(gemm, chip).prefix;
  GemmKernel dense = gemm;
  dense.groups = 1;
  // A grouped GEMM has an efficiency and a memory share of its own; the rest is the dense GEMM's.
  const std::string shared = find_class(dense, chip).prefix;
  const auto value = [&](std::string_view name, double otherwise) {
    return get(fmt::format("{}.{}", prefix, name), get(fmt::format("{}.{}", shared, name), otherwise));
  };
  GemmParameters p;
  p.efficiency = value("efficiency", p.efficiency);
  p.k_ramp = value("k_ramp", p.k_ramp);
  p.tile_penalty = value("tile_penalty", p.tile_penalty);
  p.wave = value("wave", p.wave);
  p.memory = value("memory", p.memory);
  p.serial = value("serial", p.serial);
  p.max_split = value("max_split", p.max_split);
  // The passes of training run other kernels (transposed operands, fp32 accumulation) than inference does.
  const std::string kind =
      gemm.groups > 1 && has(fmt::format("grouped_gemm.{}", to_string(gemm.pass))) ? "grouped_gemm" : "gemm";
  p.efficiency = std::min(1.0, p.efficiency * get(fmt::format("{}.{}", kind, to_string(gemm.pass)), 1.0));
  return p;
}

AttentionParameters KernelParameters::attention(const AttentionKernel& attention, const ChipSpec& chip) const {
  AttentionKernel block = attention;
  block.seq_q = std::max<std::int64_t>(2, attention.seq_q);
  const std::string prefix = find_class(block, chip).prefix;
  const auto value = [&](std::string_view name, double otherwise) {
    return get(fmt::format("{}.{}", prefix, name), otherwise);
  };
  AttentionParameters p;
  p.efficiency = value("efficiency", p.efficiency);
  p.head_half = value("head_half", p.head_half);
  p.padding = value("padding", p.padding);
  p.block = value("block", p.block);
  p.sequence_ramp = value("sequence_ramp", p.sequence_ramp);
  p.tail = value("tail", p.tail);
  p.memory = value("memory", p.memory);
  // No backward kernel measured: FlashAttention's backward reaches about this share of its forward's rate.
  constexpr double kBackwardShare = 0.8;  // A100 and B200 traces: 0.69 (unequal widths) to 0.85
  if (attention.backward && prefix.starts_with("attention.forward")) p.efficiency *= kBackwardShare;
  if (attention.library != AttentionLibrary::kNative) p.efficiency *= value(to_string(attention.library), 1);
  return p;
}

DecodeParameters KernelParameters::decode(const AttentionKernel& attention, const ChipSpec& chip) const {
  const std::string prefix = find_class(attention, chip).prefix;
  const auto value = [&](std::string_view name, double otherwise) {
    return get(fmt::format("{}.{}", prefix, name), otherwise);
  };
  DecodeParameters p;
  p.efficiency = value("efficiency", p.efficiency);
  p.memory = value("memory", p.memory);
  p.block = value("block", p.block);
  p.half_bytes = value("half_bytes", p.half_bytes);
  p.serial = value("serial", p.serial);
  p.launch = value("launch", chip.fit.launch.value.value());
  return p;
}

double KernelParameters::vector_memory(VectorKind kind) const {
  std::vector<std::string> candidates;
  for (VectorKind like : vector_order(kind)) candidates.push_back(fmt::format("vector.{}", to_string(like)));
  candidates.push_back("vector");
  const std::string prefix = first_fitted(candidates);
  return get(prefix + ".memory", 0.7);
}

double KernelParameters::vector_half() const { return get("vector.half_bytes", 0); }

}  // namespace supernode
