#pragma once
// Which communication library's fit stands for a system that does not name one.

#include <string>

#include "base/yaml.hpp"

namespace supernode {

struct ProtocolChoice {
  std::string name;        // in the protocol catalogue
  std::string assumption;  // in words, when the fit was made for another system; else ""
};

// `system`: the resolved tree. The fit made for the system of that name; else one made for a system of the same kind
// of fabric (the first in the catalogue's order); else the catalogue's first.
ProtocolChoice choose_protocol(const YamlNode& system);

}  // namespace supernode
