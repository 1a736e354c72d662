#pragma once
// One thing that supernode_bench measures. A new one is a function here and a line in main.

#include <cstdint>
#include <string>
#include <vector>

namespace supernode {

struct BenchResult {
  std::string name;
  std::string unit;         // what is counted: "flows", "activities"
  std::int64_t count = 0;   // simulated
  double prepare_s = 0;     // the schedule of the collective, and its routes
  double wall_s = 0;        // the simulation
  double simulated_us = 0;  // result, so that a speed-up that changes it is seen
  std::string peers;        // what others take for the same, from their documents or measured by us
};

using Bench = BenchResult (*)();

std::vector<Bench> flow_benches();        // one switch: 384 and 1,024 ranks
std::vector<Bench> large_flow_benches();  // catalogue systems: a supernode, 8,192 ranks
BenchResult bench_step_simgrid();         // 16 stages of 128 micro-batches, on the reference engine
BenchResult bench_step_replay();          // the same, on our own
BenchResult bench_kernel_runs();          // a step of 250,000 kernels

}  // namespace supernode
