#pragma once
// The built-in algorithms, one file each.

#include <memory>

#include "sim/collective_algorithm.hpp"

namespace supernode {

std::unique_ptr<CollectiveAlgorithm> make_send_recv();
std::unique_ptr<CollectiveAlgorithm> make_ring();
std::unique_ptr<CollectiveAlgorithm> make_direct();
std::unique_ptr<CollectiveAlgorithm> make_pairwise();
std::unique_ptr<CollectiveAlgorithm> make_halving_doubling();
std::unique_ptr<CollectiveAlgorithm> make_tree();
std::unique_ptr<CollectiveAlgorithm> make_nvls();
std::unique_ptr<CollectiveAlgorithm> make_hierarchical();            // levels: inside a node, between nodes
std::unique_ptr<CollectiveAlgorithm> make_hierarchical_mesh();       // the same, all neighbours at once inside a node
std::unique_ptr<CollectiveAlgorithm> make_hierarchical_supernode();  // levels: inside a supernode, between supernodes
std::unique_ptr<CollectiveAlgorithm> make_bidirectional_ring();
std::unique_ptr<CollectiveAlgorithm> make_multi_ring();
std::unique_ptr<CollectiveAlgorithm> make_bruck();
std::unique_ptr<CollectiveAlgorithm> make_halving_doubling_folded();
std::unique_ptr<CollectiveAlgorithm> make_grid();
std::unique_ptr<CollectiveAlgorithm> make_grid_split();
std::unique_ptr<CollectiveAlgorithm> make_windowed();
std::unique_ptr<CollectiveAlgorithm> make_sharp();
std::unique_ptr<CollectiveAlgorithm> make_chain();
std::unique_ptr<CollectiveAlgorithm> make_one_shot();

// How often a reduction's data pass the ports: 2 for all-reduce (reduce-scatter, then all-gather), 1 for either alone,
// 0 for what is no reduction or gather.
inline std::int64_t reduction_phases(CollectiveOp op) {
  if (op == CollectiveOp::kAllReduce) return 2;
  return op == CollectiveOp::kAllGather || op == CollectiveOp::kReduceScatter ? 1 : 0;
}

inline bool is_expert_exchange(CollectiveOp op) {
  return op == CollectiveOp::kEpDispatch || op == CollectiveOp::kEpCombine;
}
inline bool is_exchange(CollectiveOp op) { return op == CollectiveOp::kAllToAll || is_expert_exchange(op); }

}  // namespace supernode
