#pragma once
// The SimGrid settings that every simulation of ours shares. Include only where SimGrid is (sim/*_simgrid.cpp).

#include <simgrid/s4u/Engine.hpp>

namespace supernode {

// Makes the process's one engine: plain max-min sharing without the TCP model of SimGrid's default (LV08 multiplies
// latency by 13.01 and bandwidth by 0.97 and adds windows and cross-traffic), times exact to a picosecond, small stacks.
// The engine lives as long as the process, which should be a child made for one simulation.
simgrid::s4u::Engine& make_simgrid_engine();

}  // namespace supernode
