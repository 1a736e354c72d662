// Context parallelism: how a sequence divides over its ranks, and heads over Ulysses groups.
#include <fmt/format.h>

#include <algorithm>

#include "workloads/plan_check.hpp"
#include "workloads/rank_layout.hpp"

namespace supernode {

namespace {

// With an early and a late part on each rank the sequence is cut into twice as many parts as there are ranks (Llama 3,
// arXiv 2407.21783, section 3.3.2; ring attention's zigzag). Under Ulysses each rank sees the whole sequence for its
// heads, and nothing needs balancing.
bool is_cut_in_halves(const PlanCheck& check) {
  const PlanSpec& plan = check.plan;
  return plan.context.balanced && check.model.attention.causal && plan.context.kind != ContextKind::kUlysses &&
         check.model.attention.kind != AttentionKind::kMamba;
}

void check_sequence(const PlanCheck& check) {
  const PlanSpec& plan = check.plan;
  const std::int64_t length = plan.sequence_length, halves = is_cut_in_halves(check) ? 2 : 1;
  if (length % (halves * plan.context_parallel) == 0) return;
  const auto fits = [&](std::int64_t v) { return length % (halves * v) == 0; };
  check.error("context_parallel", fmt::format("sequence_length {} is not divisible by {}context_parallel {}{}", length,
                                              halves == 2 ? "2 x " : "", plan.context_parallel,
                                              nearest_legal(plan.context_parallel, length, fits, kFits)));
}

// A Ulysses rank takes some heads of its TP rank, whole; a key-value head may stand on several.
void check_heads(const PlanCheck& check) {
  const PlanSpec& plan = check.plan;
  const AttentionSpec& attention = check.model.attention;
  const std::int64_t degree = ulysses_degree(plan), tp = plan.tensor_parallel;
  if (degree == 1 || attention.kind == AttentionKind::kMamba || attention.heads % tp != 0) return;
  const std::int64_t heads = attention.heads / tp, kv = std::max<std::int64_t>(1, attention.kv_heads / tp);
  const bool has_kv = attention.kind != AttentionKind::kMla;
  const auto fits = [&](std::int64_t v) { return heads % v == 0 && (!has_kv || kv % v == 0 || v % kv == 0); };
  if (fits(degree)) return;
  const bool hybrid = plan.context.kind == ContextKind::kHybrid;
  check.error(hybrid ? "context" : "context_parallel",
              fmt::format("{} heads{} of a tensor-parallel rank do not divide over {} Ulysses ranks{}", heads,
                          has_kv ? fmt::format(" and {} kv_heads", kv) : "", degree,
                          nearest_legal(degree, heads, fits, kDoes)));
}

}  // namespace

void check_context(const PlanCheck& check) {
  const PlanSpec& plan = check.plan;
  if (plan.document_length > plan.sequence_length && plan.sequence_length > 0) {
    check.error("document_length", fmt::format("document_length {} is above sequence_length {}", plan.document_length,
                                               plan.sequence_length));
  }
  const bool hybrid = plan.context.kind == ContextKind::kHybrid;
  if (!hybrid && plan.context.ulysses > 1) {
    check.warning("context", fmt::format("context.ulysses has no effect: context.kind is {}, not hybrid",
                                         to_string(plan.context.kind)));
  }
  if (plan.context_parallel == 1) return;
  check_sequence(check);
  if (hybrid && plan.context_parallel % plan.context.ulysses != 0) {
    const auto divides = [&](std::int64_t v) { return plan.context_parallel % v == 0; };
    check.error("context", fmt::format("context.ulysses {} does not divide context_parallel {}{}", plan.context.ulysses,
                                       plan.context_parallel,
                                       nearest_legal(plan.context.ulysses, plan.context_parallel, divides, kDoes)));
    return;
  }
  check_heads(check);
}

}  // namespace supernode
