#pragma once
// The time of a forward pass of serving on a chip and fabric. Equations: docs/models/rl.md.

#include <map>
#include <memory>
#include <string>
#include <vector>

#include "calibration/chip_spec.hpp"
#include "calibration/collective_protocol.hpp"
#include "calibration/kernel_cost.hpp"
#include "sim/collective_cost.hpp"
#include "sim/placement.hpp"
#include "topology/system_spec.hpp"
#include "workloads/inference_program.hpp"

namespace supernode {

// launch + max(FLOPs / matrix rate, cache bytes / bandwidth): the cache is cut over the cores, so that there are no
// waves; query rows fill up to 16, the smallest matrix tile of both vendors. The rates are those of the chip's fitted
// attention kernel.
Seconds decode_attention_time(const DecodeAttention& attention, const ChipSpec& chip);

// Where a pass spends its time. `exchange` is what no computation hides.
struct PassTime {
  Seconds compute{}, exchange{}, host{};
  Seconds total() const { return compute + exchange + host; }
};

// Where the replicas stand: ranks `first` … `first` + `count` - 1 of the cluster (0: those of one instance).
struct InferenceSite {
  std::int64_t first = 0, count = 0;
  Placement placement{};
  double slowdown = 1;  // of kernels: the slowest chip's, whose instance the others wait for
};

class InferenceCostModel {
 public:
  InferenceCostModel(const ModelSpec& model, const InferencePlan& plan, const ChipSpec& chip, const Fabric& fabric,
                     CollectiveCostModel& collectives, const InferenceSite& site = {});

  // One decode step of a replica with `sequences` sequences of `context` tokens each, the other replicas of its
  // instance doing alike; speculation and captured batches included. Interpolates between a few batches and contexts.
  Seconds decode_step(double sequences, double context);
  // Prefilling `sequences` prompts of `length` tokens on each replica, at the rate of passes as full as the plan lets
  // them be (fewer prompts share a pass with decoding).
  Seconds prefill(double sequences, std::int64_t length);

  PassTime pass_time(const InferencePass& pass);
  // Operation by operation, for a look inside: name and time, all layers.
  std::map<std::string, Seconds> operations(const InferencePass& pass);

 private:
  Seconds time(const InferenceOp& op);
  Seconds exchange_time(const InferenceExchange& exchange);
  PassTime sum(const InferencePass& pass, double halves);
  Seconds grid_step(std::int64_t sequences, std::int64_t context);
  double captured(double sequences) const;

  const ModelSpec& model_;
  const InferencePlan& plan_;
  const ChipSpec& chip_;
  CollectiveCostModel& collectives_;
  std::unique_ptr<KernelCostModel> kernels_;
  double slowdown_;
  std::vector<std::vector<DeviceId>> tensor_groups_, expert_groups_;  // one of each sort; the slowest counts
  std::map<std::pair<std::int64_t, std::int64_t>, Seconds> steps_;    // by sequences and context
  std::map<std::int64_t, Seconds> prefills_;                          // of one prompt, by length
};

}  // namespace supernode
