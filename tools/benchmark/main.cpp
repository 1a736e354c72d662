// supernode_bench: speed of the simulation itself, one line a case.

#include <fmt/format.h>
#include <sys/resource.h>

#include "tools/benchmark/bench_case.hpp"

int main() {
  using namespace supernode;
  fmt::print("{:<24} {:>10} {:>12} {:>9} {:>12} {:>14}\n", "case", "count", "unit", "wall_s", "per_second",
             "simulated_us");
  for (BenchResult (*bench)() :
       {bench_ring_all_reduce, bench_pairwise_all_to_all, bench_direct_all_to_all, bench_step_engine}) {
    const BenchResult r = bench();
    fmt::print("{:<24} {:>10} {:>12} {:>9.3f} {:>12.0f} {:>14.3f}\n", r.name, r.count, r.unit, r.wall_s,
               static_cast<double>(r.count) / r.wall_s, r.simulated_us);
  }
  rusage children{};
  getrusage(RUSAGE_CHILDREN, &children);
  fmt::print("largest simulation process: {} MiB\n", children.ru_maxrss / 1024);
}
