#pragma once
// The parts of check_plan (plan_spec.hpp), a file each: workloads/plan_check_*.cpp. Every problem is reported at its
// key with the nearest values that fit. Counts are at least 1 wherever the reader could read them; global_batch,
// sequence_length and data_parallel are 0 where something is wrong with them that has been reported.

#include <functional>
#include <string>
#include <string_view>

#include "workloads/plan_spec.hpp"

namespace supernode {

struct PlanCheck {
  PlanSpec& plan;
  const ModelSpec& model;
  std::int64_t ranks = 0;
  SpecReader& reader;

  void error(std::string_view key, std::string message) const { reader.error(key, std::move(message)); }
  void warning(std::string_view key, std::string message) const {
    reader.diagnostics().warning(reader.position(key), std::move(message));
  }
};

// "; 32 and 64 are": the nearest values below and above `value` that are legal, with their verb; "" when there is none
// up to `limit`.
struct Verb {
  std::string_view one, many;
};
inline constexpr Verb kIs{"is", "are"}, kDoes{"does", "do"}, kFits{"fits", "fit"};
std::string nearest_legal(std::int64_t value, std::int64_t limit, const std::function<bool(std::int64_t)>& legal,
                          Verb verb);

void check_ranks(const PlanCheck& check);     // TP·CP·PP·DP; fills data_parallel
void check_tensor(const PlanCheck& check);    // what TP must divide
void check_context(const PlanCheck& check);   // CP, Ulysses groups, packing
void check_schedule(const PlanCheck& check);  // chunks, stages and micro-batches of the schedule
void check_layers(const PlanCheck& check);    // layers over pieces, recomputation of layers
void check_experts(const PlanCheck& check);   // EP, ETP, routing
void check_batch(const PlanCheck& check);     // global batch over micro-batches and replicas
void check_states(const PlanCheck& check);    // sharding of states, adapters

}  // namespace supernode
