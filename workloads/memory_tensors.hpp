#pragma once
// The tensors that one rank keeps of one layer and micro-batch, before recomputation drops some of them: a list for
// attention, one for a dense MLP, one for a MoE. Tables and sources: docs/models/memory.md.

#include <initializer_list>
#include <vector>

#include "workloads/memory_stack.hpp"

namespace supernode {

// Sizes all formulas share, of one micro-batch on one rank; all in elements or bytes.
struct ActivationSizes {
  ActivationSizes(const ModelSpec& model, const PlanSpec& plan);

  const ModelSpec& model;
  const PlanSpec& plan;
  const StackMemory& stack;
  double tokens;       // of the rank's part of the sequence
  double token_shard;  // between the tensor-parallel regions (arXiv 2205.05198, section 4.2.2)
  double tp, hidden;
  double element;   // bytes of an activation
  double operand;   // of a tensor kept only as a matrix product's input: quantised in low-precision training
  double cached;    // of a kept input of an activation function (arXiv 2412.19437, section 3.3.3: fp8)
  double residual;  // bytes of the residual stream: all streams of hyper-connections
};

struct KeptTensor {
  double bytes = 0;
  std::vector<RecomputeModule> modules;  // recomputing any of them drops the tensor
  bool weight_input = false;             // the gradient of a weight needs it
};

struct BlockTensors {
  std::vector<KeptTensor> kept;
  double output_gradients = 0;  // bytes of the gradients of all matrix products' outputs
  double working = 0;           // largest gradients and copies alive at once in the backward pass

  void keep(double bytes, std::initializer_list<RecomputeModule> modules = {}) {
    kept.push_back({bytes, modules, false});
  }
  // The input of a matrix product whose weight is trained.
  void keep_input(double bytes, std::initializer_list<RecomputeModule> modules = {}) {
    kept.push_back({bytes, modules, true});
  }
  void append(const BlockTensors& other);
};

// Norms included.
BlockTensors attention_tensors(const ActivationSizes& sizes, const LayerForm& form);
BlockTensors dense_mlp_tensors(const ActivationSizes& sizes);
BlockTensors moe_tensors(const ActivationSizes& sizes, const LayerForm& form);

// A norm's input (the residual stream) and its output, the next matrix product's input.
void add_norm(const ActivationSizes& sizes, BlockTensors& block);

}  // namespace supernode
