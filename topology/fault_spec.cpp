// The YAML layout of faults.
#include "topology/fault_spec.hpp"

#include <fmt/format.h>

#include <numeric>

namespace supernode {

namespace {

constexpr IntegerRange kCount{.min = 0, .max = 10'000'000};

bool is_scalar(SpecReader& r, std::string_view key) {
  const YamlNode* node = r.find(key);
  return node != nullptr && node->kind == YamlNode::Kind::kScalar;
}

// A count of the first sub-planes, or a list of them.
void bind_plane(FaultSpec& faults, Plane plane, SpecReader& r, std::string_view doc) {
  const std::string_view key = to_string(plane);
  std::vector<std::int64_t> down;
  if (is_scalar(r, key)) {
    std::int64_t count = 0;
    if (!r.integer({key, doc}, count, {.min = 0, .max = 4096})) return;
    down.resize(static_cast<std::size_t>(count));
    std::iota(down.begin(), down.end(), 0);
  } else {
    r.integers({key, doc}, down, {.min = 0, .max = 4096});
  }
  if (!down.empty()) faults.planes[plane] = std::move(down);
}

// A count to draw, or a list of the thing's own kind.
template <class ReadList>
void count_or_list(SpecReader& r, std::string_view key, std::string_view doc, std::int64_t& random,
                   ReadList read_list) {
  if (is_scalar(r, key))
    r.integer({key, doc}, random, kCount);
  else
    read_list();
}

void bind_link(LinkFault& fault, SpecReader& r) {
  r.text({"link", "the names of its ends joined by --", kRequired}, fault.link);
  r.number({"share", "of its bandwidth that is left"}, fault.share, {.min = 0, .max = 1});
}

// Names alone are dead links.
void bind_links(FaultSpec& faults, SpecReader& r) {
  const Field field{"links", "a number to draw, or names, or maps of link and share"};
  const YamlNode* node = r.find("links");
  const bool names = node != nullptr && node->kind == YamlNode::Kind::kSequence && !node->items.empty() &&
                     node->items.front().kind == YamlNode::Kind::kScalar;
  if (names) {
    std::vector<std::string> dead;
    r.text_list(field, dead);
    for (std::string& link : dead) faults.links.push_back({std::move(link), 0});
    return;
  }
  r.items(field, [&](SpecReader& inner) {
    LinkFault fault;
    bind_link(fault, inner);
    faults.links.push_back(std::move(fault));
  });
}

void bind_slow_chips(FaultSpec& faults, SpecReader& r) {
  r.items({"slow_chips", "stragglers: their kernels take 1 / speed as long"}, [&](SpecReader& inner) {
    SlowChip slow;
    inner.integer({"chip", "which one, counted over the cluster", kRequired}, slow.chip, kCount);
    inner.number({"speed", "of a healthy chip", kRequired}, slow.speed, {.min = 0.01, .max = 1});
    faults.slow_chips.push_back(slow);
  });
}

void bind_random(RandomFaults& random, SpecReader& r) {
  if (r.documenting() || !random.links)
    r.integer({"links", "links of the scale-up and scale-out planes"}, random.links, kCount);
  r.integer({"optics", "optical modules; each takes its cable down"}, random.optics, kCount);
  r.integer({"switches", "switch chips"}, random.switches, kCount);
  r.integer({"nics", "NICs"}, random.nics, kCount);
  r.integer({"chips", "chips"}, random.chips, kCount);
  r.integer({"seed", "which draw"}, random.seed, kCount);
}

}  // namespace

bool FaultSpec::any() const {
  return !planes.empty() || !links.empty() || !switches.empty() || !nics.empty() || !chips.empty() ||
         !slow_chips.empty() || random.links + random.optics + random.switches + random.nics + random.chips > 0;
}

void bind(FaultSpec& faults, SpecReader& r) {
  if (!r.documenting()) faults = {};
  r.object({"planes", "sub-planes that are down, by plane"}, [&](SpecReader& inner) {
    bind_plane(faults, Plane::kScaleUp, inner, "how many of the first, or a list of numbers");
  });
  count_or_list(r, "links", "drawn at random", faults.random.links, [&] { bind_links(faults, r); });
  count_or_list(r, "switches", "drawn at random", faults.random.switches, [&] {
    r.text_list({"switches", "a number to draw, or names of switch chips"}, faults.switches);
  });
  count_or_list(r, "nics", "drawn at random", faults.random.nics, [&] {
    r.text_list({"nics", "a number to draw, or names"}, faults.nics);
  });
  count_or_list(r, "chips", "drawn at random", faults.random.chips, [&] {
    r.integers({"chips", "a number to draw, or a list: dead chips, whose nodes the job leaves"}, faults.chips, kCount);
  });
  bind_slow_chips(faults, r);
  r.object({"random", "drawn without replacement"}, [&](SpecReader& inner) { bind_random(faults.random, inner); });
}

}  // namespace supernode
