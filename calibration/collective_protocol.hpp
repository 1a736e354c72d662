#pragma once
// What the communication library adds to the fabric's physics, per system and software: fitted from measured
// collectives by calibration/protocol_fit, read from calibration/catalog/protocols/*.yaml.
//
//   time = launch + steps·alpha + log2(n)·sync + hops + max(wire / efficiency, tokens·token)
//
// `wire` is the flow simulation's time over the bare fabric less `hops`, its link and switch latencies
// (sim/collective_run), `steps` the messages that a rank posts one after another, n the ranks. A library has several
// such regimes (NCCL: LL, LL128 and Simple, for each algorithm; HCCL: kernels for small and for large data) and takes
// the one that is the fastest for the size at hand. docs/models/collectives.md.

#include <map>
#include <string>
#include <string_view>
#include <vector>

#include "base/collective.hpp"
#include "base/quantity.hpp"
#include "base/spec_reader.hpp"
#include "calibration/library_algorithms.hpp"
#include "calibration/memory_access.hpp"
#include "calibration/protocol_deviation.hpp"

namespace supernode {

struct ProtocolRegime {
  Sourced<Seconds> launch;              // fixed, once an operation
  Sourced<Seconds> alpha;               // per message that a rank posts
  Sourced<Seconds> sync;                // per doubling of the group: its ranks wait for one another
  Sourced<double> efficiency;           // of the bare port bandwidth (0, 1]
  Sourced<Bytes> limit;                 // largest block (bytes of one rank or to one peer) it is used for; 0 = any
  std::vector<std::string> algorithms;  // that it is of; none = of all that no other regime names

  Seconds latency(std::int64_t steps, std::int64_t ranks) const;
};

struct ProtocolFit {
  std::vector<ProtocolRegime> regimes;
  bool in_network_reduction = false;  // all-reduce through the switch (NVLS): wire bytes halve
  Sourced<Seconds> token{};           // an expert exchange's kernel handles a token of a rank in no less
  ProtocolDeviation deviation{};

  // Whether the library runs `algorithm` in this scope at all.
  bool runs(std::string_view algorithm) const;
  // The regimes that an algorithm may take for blocks of a size: its own, or those of no algorithm in particular, or
  // (an algorithm that the library does not run, forced by name) those of the first one's. Of these the ones whose
  // limit admits the block; where none does, those with the highest limit. Never empty when the fit has regimes.
  std::vector<const ProtocolRegime*> regimes_for(std::string_view algorithm, Bytes block) const;
};

// The measured rows that are of a library beside the system's own (vLLM's and TensorRT-LLM's all-reduce kernels) or of
// another network: their software is one of `software` and their note has one of `note`; an empty list asks nothing.
struct MeasuredRows {
  std::vector<std::string> software{}, note{};
  std::vector<std::string> systems{};  // without rows of their own, for which this is taken too

  bool any() const { return software.empty() && note.empty(); }
  // 0: not of it; else the more, the longer the word that the note has.
  std::size_t match(std::string_view row_software, std::string_view row_note) const;
};

// One library on one system. The scope is the widest plane that the group's traffic crosses.
struct CollectiveProtocol {
  std::string name;  // "hccl", "nccl"
  std::string system;
  // Keyed by scope and operation, e.g. "scale_up.all_reduce", "scale_out.ep_dispatch", and
  // "scale_up.ep_dispatch_low_latency" for the kernels made for decoding.
  std::map<std::string, ProtocolFit> fits;
  std::string traces;
  LibraryAlgorithms algorithms{};  // what the library chooses among
  // Expert exchanges send a token once to each of its experts (CANN); else once to each rank that has any (DeepEP).
  bool copy_per_expert = false;
  MemoryAccess memory_access{};  // loads and stores to other processors' memory; empty where none are fitted
  MeasuredRows measured{};       // which rows are its; any: those of its system that are of no other library

  // The fit of an operation in a scope ("scale_up" | "scale_out"); falls back to the nearest operation of the same
  // scope (all_gather for reduce_scatter, all_to_all for EP, …), then to the other scope. Asserts that fits exist.
  const ProtocolFit& fit(CollectiveOp op, bool crosses_scale_out, bool low_latency = false) const;
  // The same for a call; and the call as the library moves it (a copy per expert where its kernels send so).
  const ProtocolFit& fit(const CollectiveCall& call, bool crosses_scale_out) const;
  CollectiveCall as_moved(const CollectiveCall& call) const;
};

// "scale_up.all_reduce"; low-latency expert exchanges have a key of their own.
std::string protocol_key(CollectiveOp op, bool scale_out, bool low_latency = false);

void bind(CollectiveProtocol& protocol, SpecReader& reader);

}  // namespace supernode
