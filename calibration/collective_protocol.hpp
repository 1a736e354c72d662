#pragma once
// What the communication library adds to the fabric's physics, per system and software: fitted from measured
// collectives by calibration/fit, read from calibration/catalog/protocols/*.yaml.
//
//   time = launch + steps·alpha + hops + wire / efficiency(chunk)    efficiency(chunk) = e_max · chunk / (chunk + half)
//
// `wire` is the flow simulation's time over the bare fabric less `hops`, its link and switch latencies
// (sim/collective_run), `steps` the messages that a rank posts one after another, `chunk` the bytes that a rank sends
// to one peer in the whole operation, on average. docs/models/collectives.md.

#include <map>
#include <string>

#include "base/collective.hpp"
#include "base/quantity.hpp"
#include "base/spec_reader.hpp"
#include "calibration/library_algorithms.hpp"

namespace supernode {

struct ProtocolFit {
  Sourced<Seconds> launch;            // fixed, once an operation
  Sourced<Seconds> alpha;             // per message that a rank posts
  Sourced<double> efficiency;         // e_max, of the bare port bandwidth, at large sizes (0, 1]
  Sourced<Bytes> half_size;           // bytes to one peer at which half of e_max is reached
  bool in_network_reduction = false;  // all-reduce through the switch (NVLS): wire bytes halve
};

// One library on one system. The scope is the widest plane that the group's traffic crosses.
struct CollectiveProtocol {
  std::string name;  // "hccl", "nccl"
  std::string system;
  // Keyed by scope and operation, e.g. "scale_up.all_reduce", "scale_out.ep_dispatch".
  std::map<std::string, ProtocolFit> fits;
  std::string traces;
  LibraryAlgorithms algorithms{};  // what the library chooses among

  // The fit of an operation in a scope ("scale_up" | "scale_out"); falls back to the nearest operation of the same
  // scope (all_gather for reduce_scatter, all_to_all for EP, …), then to the other scope. Asserts that fits exist.
  const ProtocolFit& fit(CollectiveOp op, bool crosses_scale_out) const;
};

void bind(CollectiveProtocol& protocol, SpecReader& reader);

}  // namespace supernode
