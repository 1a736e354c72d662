#pragma once
// What a training software holds in device memory beside the tensors that mathematics asks for. One entry a software,
// read from its public source; docs/models/memory.md explains each line.

#include "workloads/plan_spec.hpp"

namespace supernode {

struct StackMemory {
  // Gradients in the weights' format, all of a stage, made by a backward pass and dropped behind it.
  bool backward_gradients = false;
  // Data-parallel buckets in the weights' format, kept for the whole run beside the accumulated gradients.
  bool gradient_buckets = false;
  // Sharded optimizer: updated weights are gathered, and gradients scattered, through flat copies.
  bool flat_exchange = false;
  // Buffers of one micro-batch's gathered input that stay for the whole run (with sequence parallelism).
  int gather_buffers = 0;
  // Multi-head attention: rotated keys and values are copies beside the projection's whole output.
  bool copies_key_value = false;
  // The rotary embedding keeps its input: queries and keys before their rotation.
  bool keeps_unrotated = false;
  // What flash attention keeps of a row's softmax: its logarithm of a sum, in fp32.
  double softmax_row_bytes = 4;
  // Gated MLP in two operations: the activated gate is kept beside gate, up and product.
  bool keeps_activated_gate = false;
  // The update makes a new tensor of each parameter's shard: bytes of an element, one tensor at a time.
  double update_copy = 0;
  // The held shard of sharded parameters (ZeRO-3) is the optimizer's master weight, not a copy of it.
  bool shard_is_master = false;
  // Bytes of one logit at the loss, fp32 copies included.
  double logit_bytes = 6;
  // Allocator: share of what comes and goes that is held but fits nothing.
  double fragmentation = 0.05;
  // Allocator: share of the tensor-parallel partial sums of the passes run before the first backward pass that is not
  // used again, because each waits for its collective's stream while the host runs ahead; in groups of at most so many
  // ranks.
  double delayed_reuse = 0;
  std::int64_t delayed_ranks = 0;
};

const StackMemory& stack_memory(TrainingStack stack);

}  // namespace supernode
