#pragma once
// What is broken in a fabric, as a scenario or --set states it:
//
//   faults:
//     planes: {scale_up: 1}                   # so many sub-planes down: the first ones; or a list of their numbers
//     links: 3                                # drawn at random, or a list of names and {link: NAME, share: 0.5}
//     switches: [supernode0.L2.0.3]           # a switch chip with all its links
//     nics: [nic17]
//     chips: [5]                              # dead: the job runs on other nodes, so there must be spare ones
//     slow_chips: [{chip: 7, speed: 0.8}]     # straggler: its kernels take 1 / speed as long
//     random: {optics: 12, seed: 7}           # modules; also links, switches, nics, chips
//
// A link's name is the names of its ends joined by "--". Names: `supernode fabric SYSTEM --json`.

#include <cstdint>
#include <map>
#include <stdexcept>
#include <string>
#include <vector>

#include "base/spec_reader.hpp"
#include "topology/link_spec.hpp"

namespace supernode {

struct LinkFault {
  std::string link;  // "node3.L1.2--supernode0.L2.2.5"
  double share = 0;  // of its bandwidth that is left
};

struct SlowChip {
  std::int64_t chip = 0;
  double speed = 1;  // of a healthy chip, (0, 1]
};

// Drawn without replacement in an order that the seed fixes, so that the first k of n broken ones are those of k.
struct RandomFaults {
  std::int64_t links = 0;   // switched links of the scale-up and scale-out planes, copper or optical
  std::int64_t optics = 0;  // optical modules: each takes its cable down (two ends a cable)
  std::int64_t switches = 0, nics = 0, chips = 0;
  std::int64_t seed = 0;
};

struct FaultSpec {
  std::map<Plane, std::vector<std::int64_t>> planes;  // sub-planes that are down
  std::vector<LinkFault> links;
  std::vector<std::string> switches, nics;
  std::vector<std::int64_t> chips;
  std::vector<SlowChip> slow_chips;
  RandomFaults random;

  bool any() const;
};

void bind(FaultSpec& faults, SpecReader& reader);

// Faults that a fabric cannot have or live with: an unknown name, more than there are, devices cut off.
class FaultError : public std::invalid_argument {
 public:
  explicit FaultError(const std::string& what) : std::invalid_argument("faults: " + what) {}
};

}  // namespace supernode
