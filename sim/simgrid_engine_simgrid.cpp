#include "sim/simgrid_engine.hpp"

#include <array>

namespace supernode {

simgrid::s4u::Engine& make_simgrid_engine() {
  static std::array<std::string, 9> words = {
      "supernode",
      "--log=root.thresh:critical",
      "--cfg=network/model:CM02",
      "--cfg=network/crosstraffic:0",
      "--cfg=network/TCP-gamma:0",
      "--cfg=surf/precision:1e-12",
      "--cfg=contexts/stack-size:64",
      "--cfg=contexts/guard-size:0",
      "--cfg=debug/clean-atexit:0",
  };
  static std::array<char*, 10> argv{};
  for (std::size_t i = 0; i < words.size(); ++i) argv[i] = words[i].data();
  static int argc = static_cast<int>(words.size());
  static simgrid::s4u::Engine engine(&argc, argv.data());
  return engine;
}

}  // namespace supernode
