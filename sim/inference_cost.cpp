#include "sim/inference_cost.hpp"

#include <algorithm>
#include <cassert>
#include <cmath>
#include <set>
#include <utility>

#include "base/numeric.hpp"
#include "calibration/kernel_parameters.hpp"
#include "sim/group_congruence.hpp"

namespace supernode {

namespace {

// Groups of `size` ranks side by side: the first, and in a degraded fabric one of each other sort.
std::vector<std::vector<DeviceId>> groups(const Fabric& fabric, const InferenceSite& site, std::int64_t size) {
  const bool alike = !fabric.degraded() && site.placement.in_order();
  const std::int64_t count = alike ? 1 : std::max<std::int64_t>(1, site.count / size);
  const GroupSignatures signatures(fabric);
  std::set<std::vector<std::int32_t>> seen;
  std::vector<std::vector<DeviceId>> out;
  for (std::int64_t i = 0; i < count; ++i) {
    std::vector<DeviceId> group;
    for (std::int64_t rank = 0; rank < size; ++rank)
      group.push_back(site.placement.device(site.first + i * size + rank));
    if (seen.insert(signatures.of(group)).second) out.push_back(std::move(group));
  }
  return out;
}

// Largest power of two times 1 or 1.5 not above `value`, and the next: 1, 2, 3, 4, 6, 8, 12, …
struct Bracket {
  std::int64_t low = 1, high = 1;
};
Bracket bracket(double value) {
  std::int64_t low = 1, high = 2;
  while (real(high) <= value) {
    const bool power_of_two = (high & (high - 1)) == 0;
    const std::int64_t next = power_of_two ? high + high / 2 : low * 2;
    low = std::exchange(high, next);
  }
  return value <= real(low) ? Bracket{low, low} : Bracket{low, high};
}

double share(double value, const Bracket& b) {
  return b.high == b.low ? 0 : (value - real(b.low)) / real(b.high - b.low);
}

}  // namespace

Seconds decode_attention_time(const DecodeAttention& a, const ChipSpec& chip) {
  constexpr double kTileRows = 16;
  const AttentionKernel like{.batch = 1,
                             .heads = 1,
                             .kv_heads = 1,
                             .seq_q = 1,
                             .seq_kv = 1,
                             .head_dim = a.qk_width,
                             .head_dim_v = a.v_width,
                             .causal = false,
                             .precision = a.precision};
  const AttentionParameters p = KernelParameters(chip.fit).attention(like, chip);
  const DeviceRates device = device_rates(chip, chip.effective(a.precision));
  const double width = real(a.qk_width + a.v_width) / 2;
  const FlopsPerSecond rate = device.peak * (p.efficiency / (1 + p.head_half / width));
  const double padding = std::ceil(real(a.rows) / kTileRows) * kTileRows / real(a.rows);
  return device.launch + max(padding * flops(a) / rate, traffic(a) / (device.hbm * p.memory));
}

InferenceCostModel::InferenceCostModel(const ModelSpec& model, const InferencePlan& plan, const ChipSpec& chip,
                                       const Fabric& fabric, CollectiveCostModel& collectives,
                                       const InferenceSite& site)
    : model_(model),
      plan_(plan),
      chip_(chip),
      collectives_(collectives),
      kernels_(make_kernel_cost_model(chip)),
      slowdown_(site.slowdown),
      tensor_groups_(groups(fabric, site, plan.tensor_parallel)),
      expert_groups_(groups(fabric, site, plan.expert_parallel)) {
  assert(site.first + plan.instance_ranks() <= fabric.device_count());
}

Seconds InferenceCostModel::exchange_time(const InferenceExchange& exchange) {
  Seconds slowest{};
  for (const auto& members : exchange.group == InferenceGroup::kTensor ? tensor_groups_ : expert_groups_)
    slowest = max(slowest, collectives_.cost(exchange.call, members).time);
  return slowest;
}

Seconds InferenceCostModel::time(const InferenceOp& op) {
  if (const auto* exchange = std::get_if<InferenceExchange>(&op.work)) return exchange_time(*exchange);
  const Seconds launched = plan_.software.host_launch.value;
  if (const auto* attention = std::get_if<DecodeAttention>(&op.work))
    return max(launched, slowdown_ * decode_attention_time(*attention, chip_));
  return max(launched, slowdown_ * kernels_->cost(std::get<Kernel>(op.work)).time);
}

// Of a layer cut into `halves` parts that run in turn, one's exchanges hide under another's computation; of a shortcut
// layer the experts' exchanges hide under the dense branch. What runs at once slows one another by the chip's factor.
PassTime InferenceCostModel::sum(const InferencePass& pass, double halves) {
  PassTime total;
  for (const InferenceBlock& block : inference_program(model_, plan_, pass)) {
    Seconds compute{}, beside{}, tensor{}, expert{};
    for (const InferenceOp& op : block.ops) {
      const Seconds t = time(op);
      const auto* exchange = std::get_if<InferenceExchange>(&op.work);
      (exchange == nullptr ? compute : exchange->group == InferenceGroup::kTensor ? tensor : expert) += t;
      if (exchange == nullptr && op.beside_experts) beside += t;
    }
    const Seconds all = expert + tensor;
    const Seconds hidden = halves > 1 ? min(all, compute) : min(expert, beside);
    const double slowdown = chip_.overlap_slowdown.value - 1;
    total.compute += block.count * halves * (compute + slowdown * hidden);
    total.exchange += block.count * halves * (all - hidden);
  }
  return total;
}

PassTime InferenceCostModel::pass_time(const InferencePass& pass) {
  PassTime time = sum(pass, 1);
  if (plan_.micro_batches && pass.sequences > 1) {
    InferencePass half = pass;
    half.sequences = (pass.sequences + 1) / 2;
    const PassTime cut = sum(half, 2);
    if (cut.total() < time.total()) time = cut;
  }
  time.compute *= plan_.software.step_factor.value;
  time.exchange *= plan_.software.step_factor.value;
  time.host = plan_.software.host_step.value;
  return time;
}

std::map<std::string, Seconds> InferenceCostModel::operations(const InferencePass& pass) {
  std::map<std::string, Seconds> out;
  for (const InferenceBlock& block : inference_program(model_, plan_, pass))
    for (const InferenceOp& op : block.ops) out[op.name] += block.count * time(op);
  return out;
}

Seconds InferenceCostModel::grid_step(std::int64_t sequences, std::int64_t context) {
  const auto [it, fresh] = steps_.try_emplace({sequences, context});
  if (fresh) {
    const InferencePass pass{
        .sequences = sequences, .new_tokens = 1 + plan_.speculative.tokens, .context = real(context)};
    it->second = pass_time(pass).total();
  }
  return it->second;
}

double InferenceCostModel::captured(double sequences) const {
  const auto& batches = plan_.graph_batches;
  const auto next = std::lower_bound(batches.begin(), batches.end(), sequences,
                                     [](std::int64_t batch, double wanted) { return real(batch) < wanted; });
  return next == batches.end() ? sequences : real(*next);
}

// A captured batch pads what depends on the number of rows; the padding's caches are empty, so that the context, a
// mean, shrinks in proportion.
Seconds InferenceCostModel::decode_step(double sequences, double context) {
  const double run = std::max(1.0, captured(sequences));
  const double mean = std::max(1.0, context * sequences / run);
  const bool whole = run == std::floor(run) && run != sequences;  // a captured batch
  const Bracket batch = whole ? Bracket{std::llround(run), std::llround(run)} : bracket(run);
  const Bracket tokens = bracket(mean);
  const double x = share(run, batch), y = share(mean, tokens);
  const auto at = [&](std::int64_t b) { return (1 - y) * grid_step(b, tokens.low) + y * grid_step(b, tokens.high); };
  return x == 0 ? at(batch.low) : (1 - x) * at(batch.low) + x * at(batch.high);
}

Seconds InferenceCostModel::prefill(double sequences, std::int64_t length) {
  const std::int64_t at_once = std::clamp<std::int64_t>(plan_.prefill_tokens / length, 1, plan_.max_batch);
  const auto [it, fresh] = prefills_.try_emplace(length);
  if (fresh) {
    const InferencePass pass{.sequences = at_once, .new_tokens = length, .context = 0, .prefill = true};
    it->second = pass_time(pass).total() / real(at_once);
  }
  return sequences * it->second;
}

}  // namespace supernode
