#include "scenarios/resilience.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <map>
#include <stdexcept>

#include "base/child_process.hpp"
#include "base/serialize.hpp"
#include "topology/fault_names.hpp"

namespace supernode {

namespace {

struct ElementName {
  FaultElement element;
  std::string_view name;
  std::int64_t RandomFaults::*count;
};
constexpr ElementName kElements[] = {{FaultElement::kOptics, "optics", &RandomFaults::optics},
                                     {FaultElement::kLinks, "links", &RandomFaults::links},
                                     {FaultElement::kSwitches, "switches", &RandomFaults::switches},
                                     {FaultElement::kNics, "nics", &RandomFaults::nics},
                                     {FaultElement::kChips, "chips", &RandomFaults::chips}};

// Draws differ by far more than one part in this many.
constexpr std::int64_t kResolution = 64;

const ElementName& entry(FaultElement element) { return *std::ranges::find(kElements, element, &ElementName::element); }

std::string pack(const FaultTrial& trial) {
  ByteWriter writer;
  writer.put(trial.slowdown);
  writer.put(trial.collective_slowdown);
  writer.put(trial.collective);
  writer.put(trial.problem);
  return writer.take();
}

FaultTrial unpack(const std::string& bytes) {
  ByteReader reader(bytes);
  FaultTrial trial;
  trial.slowdown = reader.get<double>();
  trial.collective_slowdown = reader.get<double>();
  trial.collective = reader.get_string();
  trial.problem = reader.get_string();
  return trial;
}

FaultTrial run_safely(const RunTrial& run, std::int64_t failed, std::int64_t seed) {
  try {
    return run(failed, seed);
  } catch (const std::invalid_argument& problem) {
    return {0, 0, "", problem.what()};
  }
}

// All draws side by side: what each has seen, and what it must try next.
class Search {
 public:
  Search(const ResilienceQuestion& question, std::int64_t parts, const RunTrial& run)
      : question_(question), run_(run), most_(question.most > 0 ? std::min(question.most, parts) : parts) {
    for (std::int64_t i = 0; i < question.draws; ++i) draws_.push_back({question.seed + i, 0, {}, ""});
  }

  void go() {
    while (true) {
      std::vector<Want> wanted;
      for (std::size_t d = 0; d < draws_.size(); ++d)
        if (const auto failed = next(draws_[d])) wanted.push_back({d, *failed});
      if (wanted.empty()) return;
      try_all(wanted);
    }
  }

  std::vector<ResilienceDraw> draws() const { return draws_; }
  std::vector<ResiliencePoint> points() const {
    std::vector<ResiliencePoint> list;
    for (const auto& [failed, trials] : seen_) list.push_back({failed, trials});
    return list;
  }

 private:
  struct Want {
    std::size_t draw;
    std::int64_t failed;
  };

  std::optional<std::int64_t> next(const ResilienceDraw& draw) const {
    if (draw.ends) {
      const bool near = *draw.ends - draw.survives <= std::max<std::int64_t>(1, *draw.ends / kResolution);
      return near ? std::nullopt : std::optional((draw.survives + *draw.ends) / 2);
    }
    if (draw.survives >= most_) return std::nullopt;
    return std::min(most_, std::max<std::int64_t>(1, 2 * draw.survives));
  }

  void try_all(const std::vector<Want>& wanted) {
    const auto work = [&](std::size_t i) {
      return pack(run_safely(run_, wanted[i].failed, draws_[wanted[i].draw].seed));
    };
    const std::vector<std::string> results = run_in_children(wanted.size(), work, question_.workers);
    for (std::size_t i = 0; i < wanted.size(); ++i) note(wanted[i], unpack(results[i]));
  }

  void note(const Want& want, FaultTrial trial) {
    ResilienceDraw& draw = draws_[want.draw];
    const bool good = trial.problem.empty() && trial.loss() <= question_.loss;
    if (good) {
      draw.survives = want.failed;
    } else {
      draw.ends = want.failed;
      draw.limit = trial.problem.empty() ? fmt::format("loses {:.1f} %", trial.loss() * 100) : trial.problem;
    }
    auto& trials = seen_[want.failed];
    trials.resize(draws_.size());
    trials[want.draw] = std::move(trial);
  }

  const ResilienceQuestion& question_;
  const RunTrial& run_;
  std::int64_t most_;
  std::vector<ResilienceDraw> draws_;
  std::map<std::int64_t, std::vector<std::optional<FaultTrial>>> seen_;
};

}  // namespace

std::string_view to_string(FaultElement element) { return entry(element).name; }

std::optional<FaultElement> parse_fault_element(std::string_view name) {
  const auto found = std::ranges::find(kElements, name, &ElementName::name);
  return found == std::end(kElements) ? std::nullopt : std::optional(found->element);
}

std::vector<std::string> fault_element_names() {
  std::vector<std::string> names;
  for (const ElementName& each : kElements) names.emplace_back(each.name);
  return names;
}

std::int64_t element_count(const SystemSpec& system, std::int64_t chips, FaultElement element) {
  SystemSpec whole = system;
  whole.faults = {};
  const Fabric fabric = build_fabric(whole, chips);
  const FaultNames names(fabric);
  switch (element) {
    case FaultElement::kOptics:
      return 2 * std::ssize(names.cables(static_cast<std::int64_t>(system.inventory.links_per_cable.value)));
    case FaultElement::kLinks:
      return std::ssize(names.drawable_links());
    case FaultElement::kSwitches:
      return std::ssize(names.drawable(VertexKind::kSwitch));
    case FaultElement::kNics:
      return std::ssize(names.drawable(VertexKind::kNic));
    case FaultElement::kChips:
      return fabric.device_count() / system.devices_per_chip;
  }
  return 0;
}

void add_failures(FaultSpec& faults, FaultElement element, std::int64_t failed, std::int64_t seed) {
  faults.random.*entry(element).count += failed;
  faults.random.seed = seed;
}

std::int64_t ResilienceAnswer::median() const {
  std::vector<std::int64_t> sorted;
  for (const ResilienceDraw& draw : draws) sorted.push_back(draw.survives);
  std::ranges::sort(sorted);
  return sorted[(sorted.size() - 1) / 2];
}

ResilienceAnswer find_resilience(const ResilienceQuestion& question, std::int64_t parts, const RunTrial& run) {
  if (parts == 0)
    throw std::invalid_argument(fmt::format("the system has no {} that could fail", to_string(question.element)));
  Search search(question, parts, run);
  search.go();
  ResilienceAnswer answer;
  answer.question = question;
  answer.parts = parts;
  answer.points = search.points();
  answer.draws = search.draws();
  return answer;
}

}  // namespace supernode
