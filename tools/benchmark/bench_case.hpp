#pragma once
// One thing that supernode_bench measures. A new one is a function here and a line in main.

#include <cstdint>
#include <string>

namespace supernode {

struct BenchResult {
  std::string name;
  std::string unit;        // what is counted: "flows", "activities"
  std::int64_t count = 0;  // simulated
  double wall_s = 0;
  double simulated_us = 0;  // result, so that a speed-up that changes it is seen
};

BenchResult bench_ring_all_reduce();      // 384 ranks, all 766 rounds simulated
BenchResult bench_pairwise_all_to_all();  // 384 ranks, 383 rounds
BenchResult bench_direct_all_to_all();    // 384 ranks at once, folded
BenchResult bench_step_engine();          // 16 stages of 128 micro-batches

}  // namespace supernode
