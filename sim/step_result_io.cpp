#include "sim/step_result_io.hpp"

#include "base/serialize.hpp"

namespace supernode {

std::string serialize(const StepResult& result) {
  ByteWriter w;
  w.put(result.step_time);
  w.put(result.stages);
  w.put(result.activities);
  w.put(result.trace.size());
  for (const TraceSlice& s : result.trace) {
    w.put(s.stage);
    w.put(s.stream);
    w.put(s.name);
    w.put(s.start);
    w.put(s.end);
  }
  return w.take();
}

StepResult deserialize_step_result(const std::string& bytes) {
  ByteReader r(bytes);
  StepResult result;
  result.step_time = r.get<Seconds>();
  result.stages = r.get_vector<StageTime>();
  result.activities = r.get<std::int64_t>();
  result.trace.resize(r.get<std::size_t>());
  for (TraceSlice& s : result.trace) {
    s.stage = r.get<std::int32_t>();
    s.stream = r.get<std::int32_t>();
    s.name = r.get_string();
    s.start = r.get<Seconds>();
    s.end = r.get<Seconds>();
  }
  return result;
}

}  // namespace supernode
