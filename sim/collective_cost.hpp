#pragma once
// The time of a collective: the fabric's physics by flow simulation, the software by the fitted protocol, the algorithm
// the fastest of those that the library has and that apply. Cached by content.

#include <memory>
#include <string>
#include <vector>

#include "base/collective.hpp"
#include "calibration/collective_protocol.hpp"
#include "sim/collective_algorithm.hpp"
#include "topology/fabric.hpp"

namespace supernode {

struct CollectiveCost {
  Seconds time{};       // alone on the fabric: software + hops + wire
  Seconds deviation{};  // one standard deviation of `time`: calibration/protocol_deviation.hpp
  Seconds software{};   // what the library adds to the hops: launch, messages, agreement
  Seconds hops{};       // latencies of links and switches, round after round
  Seconds wire{};       // what bandwidth decides, at the library's efficiency
  Seconds latency{};    // software + hops, during which no bandwidth is used
  int regime = 0;       // of the protocol's fit for this call and plane, by position: the one priced in
  Bytes port_bytes{};   // what one rank moves out over the plane's port
  BytesPerSecond port_bandwidth{};
  Bytes chunk{};                  // of port_bytes, what goes to one peer on average
  Bytes block{};                  // one rank's part of the buffer, or what goes to one peer
  Plane plane = Plane::kScaleUp;  // the widest plane crossed
  std::string algorithm;
  std::int64_t rounds = 0;  // messages a rank posts one after another
  // The rate its flow may reach on the port while it transfers: port_bytes / (time - latency) <= port_bandwidth.
  BytesPerSecond rate() const { return port_bytes / (time - latency); }
};

class CollectiveCostModel {
 public:
  CollectiveCostModel(const Fabric& fabric, const CollectiveProtocol& protocol);
  ~CollectiveCostModel();
  // Zero cost for a group of one. `algorithm`: "" = the fastest that the library has; a name = that
  // one, whether the library has it or not.
  CollectiveCost cost(const CollectiveCall& call, const std::vector<DeviceId>& members,
                      const std::string& algorithm = "");
  // Computes many costs with up to `workers` processes at once; the results equal those of cost(), whatever the number.
  struct Request {
    CollectiveCall call;
    std::vector<DeviceId> members;
  };
  void prefetch(const std::vector<Request>& requests, int workers);

 private:
  struct Impl;
  std::unique_ptr<Impl> impl_;
};

}  // namespace supernode
