#pragma once
// Which communication library's fit stands for a system that does not name one.

#include <string>

#include "base/yaml.hpp"

namespace supernode {

struct ProtocolChoice {
  std::string name;        // in the protocol catalogue
  std::string assumption;  // in words, when the fit was made for another system; else ""
};

// `system`: the resolved tree. The fit made for the system of that name; else the one made for the closest system: by
// the chip's vendor, then the kind of fabric, then the chip, then the catalogue's order.
ProtocolChoice choose_protocol(const YamlNode& system);

}  // namespace supernode
