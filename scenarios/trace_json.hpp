#pragma once
// A step's timeline in the Chrome trace event format, which Perfetto loads
// (https://docs.google.com/document/d/1CvAClvFfyA5R-PhYUmn5OOQtYMH4h6I0nSsKchNAySU): one process per rank class
// (pipeline stage), one track per stream.

#include <string>
#include <vector>

#include "sim/step_engine.hpp"

namespace supernode {

// Times are rounded to whole nanoseconds, which keeps slices nested as the engine nested them.
std::string trace_json(const std::vector<TraceSlice>& slices, const std::string& title);

// "compute", "comm tensor", …: stream 0 is compute, stream 1 + c the communication of class c.
std::string stream_name(std::int32_t stream);

}  // namespace supernode
