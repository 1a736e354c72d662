#pragma once
// Which algorithms a communication library has for an operation: what it may choose among, whatever else would be
// faster. Names are those of sim/collectives (one suite holds the two lists together).
//
//   NCCL: src/graph/tuning.cc (ncclTopoTuneModel, 2.27) tells which of NCCL_ALGO's Ring, Tree, CollnetDirect,
//     CollnetChain, NVLS, NVLSTree and PAT an operation may take. All-gather and reduce-scatter: ring; PAT (since 2.23)
//     only for one rank a node; NVLS and CollNet move a ring's bytes into each port. All-reduce: ring, tree, NVLS.
//     All-to-all is grouped send and receive (user guide, point-to-point communication).
//   HCCL: CANN HCCL user guide, collective communication algorithms, and environment variable HCCL_ALGO: mesh and ring
//     inside a server; ring, H-D (halving-doubling), NHR, NB, AHC, pipeline (both levels at once) and pairwise between.
//   Expert exchanges: DeepEP and CANN's dispatch and combine: direct, or over the rank of one's own place in each node.

#include <map>
#include <string>
#include <string_view>
#include <vector>

#include "base/collective.hpp"
#include "base/spec_reader.hpp"

namespace supernode {

// Operations that are not in it are unrestricted.
using LibraryAlgorithms = std::map<CollectiveOp, std::vector<std::string>>;

// Every algorithm that can run `op` over some group.
std::vector<std::string> known_algorithms(CollectiveOp op);

// Unrestricted operations may take all but those that libraries have under conditions only or not at all, which run by
// name: the pairwise exchange (the direct one's messages in an order of its own), the hierarchy with a mesh inside, all
// after `hierarchical_supernode` in the registry.
bool allows(const LibraryAlgorithms& library, CollectiveOp op, std::string_view algorithm);

// Reads {all_gather: [ring], …} under `key`. Each list must have an algorithm that runs over any group.
void bind_algorithms(LibraryAlgorithms& library, std::string_view key, SpecReader& reader);

// The text that bind_algorithms reads back; "" when nothing is restricted.
std::string emit_algorithms(const LibraryAlgorithms& library, std::string_view key);

}  // namespace supernode
