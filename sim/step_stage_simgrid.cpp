#include "sim/step_stage_simgrid.hpp"

#include <fmt/format.h>

namespace supernode {
namespace {

void add_streams(Stage& stage, sg4::NetZone* zone) {
  const auto add_link = [&](const std::string& name, BytesPerSecond bandwidth) {
    return zone->create_link(name, bandwidth.value())->set_latency(0)->seal();
  };
  const auto add_host = [&](const std::string& name, const std::vector<sg4::LinkInRoute>& route) {
    sg4::Host* host = zone->create_host(name, kHostSpeed);
    zone->add_route(stage.host->get_netpoint(), host->get_netpoint(), nullptr, nullptr, route, false);
    return host;
  };
  const sg4::Link* up = add_link(fmt::format("{}.up", stage.index), stage.timed->scale_up_port);
  const sg4::Link* out = add_link(fmt::format("{}.out", stage.index), stage.timed->scale_out_port);
  for (int c = 0; c < kCommClasses; ++c) {
    CommStream& stream = stage.streams[static_cast<std::size_t>(c)];
    stream.stage = &stage;
    stream.comm_class = static_cast<CommClass>(c);
    const std::string name = fmt::format("{}.{}", stage.index, to_string(stream.comm_class));
    stream.cap = add_link(name, stage.timed->scale_up_port);
    const sg4::LinkInRoute cap(stream.cap);
    stream.local = add_host(name + ".local", {cap});
    stream.up = add_host(name + ".up", {cap, sg4::LinkInRoute(up)});
    stream.out = add_host(name + ".out", {cap, sg4::LinkInRoute(out)});
  }
}

void compile(Stage& stage, double straggler_factor) {
  const auto compiled = [&](const TimedPass& pass) { return compile_pass(pass, straggler_factor); };
  for (const auto& passes : stage.timed->chunks) stage.chunks.push_back(map_passes(passes, compiled));
  stage.prologue = compiled(stage.timed->prologue);
  stage.epilogue = compiled(stage.timed->epilogue);
}

}  // namespace

std::vector<std::unique_ptr<Stage>> make_stages(const TimedProgram& program, const StepOptions& options) {
  std::vector<std::unique_ptr<Stage>> stages;
  auto* zone = sg4::create_full_zone("ranks");
  for (std::size_t i = 0; i < program.stages.size(); ++i) {
    auto stage = std::make_unique<Stage>();
    stage->index = static_cast<std::int32_t>(i);
    stage->timed = &program.stages[i];
    stage->host =
        zone->create_host(fmt::format("{}", i), std::vector<double>{kHostSpeed, kHostSpeed / options.overlap_slowdown});
    stage->host->set_core_count(1);
    add_streams(*stage, zone);
    compile(*stage, options.straggler_factor);
    stages.push_back(std::move(stage));
  }
  zone->seal();
  return stages;
}

}  // namespace supernode
