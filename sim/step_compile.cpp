#include "sim/step_compile.hpp"

namespace supernode {

CompiledPass compile_pass(const TimedPass& ops) {
  CompiledPass out{&ops, {}};
  for (std::size_t i = 0; i < ops.size(); ++i) {
    const auto index = static_cast<std::int32_t>(i);
    const bool is_compute = ops[i].kind == Op::Kind::kCompute;
    if (is_compute && !out.steps.empty() && out.steps.back().is_compute) {
      out.steps.back().time += ops[i].time;
      out.steps.back().last = index + 1;
    } else {
      out.steps.push_back({is_compute, is_compute ? ops[i].time : Seconds(0), index, index + 1});
    }
  }
  return out;
}

}  // namespace supernode
