#pragma once
// The weight matrices of a layer one by one: what low-rank adapters stand beside and what Muon updates whole.

#include <vector>

#include "workloads/model_spec.hpp"

namespace supernode {

// How a matrix is spread: its output columns or input rows over the tensor-parallel ranks, or all of it on each of
// them; experts' matrices likewise over the expert-tensor-parallel ranks.
enum class MatrixSpread { kColumn, kRow, kReplicated };

struct LayerMatrix {
  double in = 0, out = 0;  // whole, before any split
  double count = 1;        // of the layer; of experts over all expert-parallel ranks
  MatrixSpread spread = MatrixSpread::kColumn;
  bool expert = false;     // of a routed expert
  bool attention = false;  // an attention projection
  bool router = false;

  double elements() const { return count * in * out; }
};

// Without biases and norms. Query, key and value projections are matrices of their own, as are gate and up. Forms of
// attention that are neither multi-head, grouped nor latent come as one matrix from the hidden size, of the right
// number of elements, for each way of spreading.
std::vector<LayerMatrix> layer_matrices(const ModelSpec& model, const LayerForm& form);

// The 2·hidden → hidden projection of an MTP module.
LayerMatrix mtp_matrix(const ModelSpec& model);

}  // namespace supernode
