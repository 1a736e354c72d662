// supernode_bench: speed and memory of the simulation itself, one line a case, each in a process of its own.

#include <fmt/format.h>
#include <stdlib.h>
#include <sys/resource.h>

#include <algorithm>

#include "base/child_process.hpp"
#include "base/serialize.hpp"
#include "tools/benchmark/bench_case.hpp"

namespace supernode {
namespace {

long peak_mib() {
  rusage own{}, children{};
  getrusage(RUSAGE_SELF, &own);
  getrusage(RUSAGE_CHILDREN, &children);
  return std::max(own.ru_maxrss, children.ru_maxrss) / 1024;
}

std::string line_of(const BenchResult& r) {
  const double all = r.prepare_s + r.wall_s;
  return fmt::format("{:<42} {:>9} {:>10} {:>10.4f} {:>10.4f} {:>12.0f} {:>14.3f} {:>5}  {}\n", r.name, r.count, r.unit,
                     r.prepare_s, r.wall_s, static_cast<double>(r.count) / all, r.simulated_us, peak_mib(), r.peers);
}

void print(Bench bench) {
  const std::string line = run_in_child([bench] {
    ByteWriter writer;
    writer.put(line_of(bench()));
    return writer.take();
  });
  fmt::print("{}", ByteReader(line).get_string());
  std::fflush(stdout);
}

}  // namespace
}  // namespace supernode

int main() {
  using namespace supernode;
  ::setenv("SUPERNODE_CACHE_DIR", "off", 1);  // what is measured is the engine
  fmt::print("{:<42} {:>9} {:>10} {:>10} {:>10} {:>12} {:>14} {:>5}  {}\n", "case", "count", "unit", "prepare_s",
             "simulate_s", "per_second", "simulated_us", "MiB", "others, s (2-core machine, single runs)");
  for (const Bench bench : flow_benches()) print(bench);
  for (const Bench bench : large_flow_benches()) print(bench);
  for (const Bench bench : {bench_step_simgrid, bench_step_replay, bench_kernel_runs}) print(bench);
}
