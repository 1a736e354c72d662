#include "sim/step_software.hpp"

#include <cassert>

#include "base/numeric.hpp"

namespace supernode {
namespace {

class Applied {
 public:
  Applied(const SoftwareSpec& software, const FamilyValues& factors)
      : forward_(Seconds(software[SoftwareTerm::kHostForward])),
        backward_(Seconds(software[SoftwareTerm::kHostBackward])) {
    for (int f = 0; f < kCostFamilies; ++f) {
      const auto family = static_cast<std::size_t>(f);
      factors_[family] = factors[family] * software[software_term(f)];
    }
  }

  void write(const TimedPass& neutral, TimedPass& out) const {
    assert(neutral.size() == out.size());
    for (std::size_t i = 0; i < neutral.size(); ++i) write(neutral[i], out[i]);
  }

  void write(const TimedOp& neutral, TimedOp& out) const {
    const double factor = neutral.family == kNoFamily ? 1 : factors_[static_cast<std::size_t>(neutral.family)];
    out.time = neutral.time * factor;
    out.latency = neutral.latency * factor;
    if (neutral.kind != Op::Kind::kWait) out.host = real(neutral.launches) * (neutral.backward ? backward_ : forward_);
  }

  void write(const TimedStage& neutral, TimedStage& out) const {
    for (std::size_t c = 0; c < neutral.chunks.size(); ++c)
      for (const PassKind kind : kAllPassKinds) {
        write(neutral.chunks[c].inner(kind), out.chunks[c].inner(kind));
        write(neutral.chunks[c].edge(kind), out.chunks[c].edge(kind));
      }
    write(neutral.prologue, out.prologue);
    write(neutral.epilogue, out.epilogue);
    write(neutral.send_next, out.send_next);
  }

 private:
  Seconds forward_, backward_;
  FamilyValues factors_;
};

}  // namespace

void apply_software(const TimedProgram& neutral, const SoftwareSpec& software, const FamilyValues& factors,
                    TimedProgram& out) {
  if (out.stages.empty()) out = neutral;
  const Applied applied(software, factors);
  for (std::size_t s = 0; s < neutral.stages.size(); ++s) applied.write(neutral.stages[s], out.stages[s]);
  out.host_pass = Seconds(neutral.one_graph ? 0 : software[SoftwareTerm::kHostPass]);
  out.host_step = Seconds(software[SoftwareTerm::kHostStep]);
  out.synchronous_pipeline = software.synchronous_pipeline && !neutral.one_graph;
}

TimedProgram apply_software(const TimedProgram& neutral, const SoftwareSpec& software) {
  TimedProgram out;
  apply_software(neutral, software, unit_factors(), out);
  return out;
}

FamilyValues unit_factors() {
  FamilyValues factors;
  factors.fill(1);
  return factors;
}

}  // namespace supernode
