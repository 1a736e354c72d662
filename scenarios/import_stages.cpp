// How a published run lays its layers over pipeline stages, and the schedule that follows.

#include <fmt/format.h>

#include <algorithm>
#include <numeric>

#include "scenarios/import_parts.hpp"
#include "scenarios/import_text.hpp"

namespace supernode {

namespace {

// Real layers of each piece when `total` positions are cut evenly and some of them are no-ops.
std::vector<std::int64_t> without_noops(std::int64_t total, std::int64_t pieces,
                                        const std::vector<std::int64_t>& noops) {
  std::vector<std::int64_t> layers(static_cast<std::size_t>(pieces), total / pieces);
  for (std::int64_t noop : noops) {
    const auto piece = static_cast<std::size_t>(std::min(noop / (total / pieces), pieces - 1));
    layers[piece] = std::max<std::int64_t>(0, layers[piece] - 1);
  }
  return layers;
}

// "num-layer-list=6,4": layers of each stage; each stage's chunks share them evenly, the earlier ones taking the rest.
// Pieces follow the model: first chunks of all stages, then second chunks, ….
std::vector<std::int64_t> chunked(const std::vector<std::int64_t>& stages, std::int64_t chunks) {
  std::vector<std::int64_t> pieces;
  for (std::int64_t chunk = 0; chunk < chunks; ++chunk) {
    for (std::int64_t layers : stages) pieces.push_back(layers / chunks + (chunk < layers % chunks ? 1 : 0));
  }
  return pieces;
}

// Multiplications of a layer and of the head for one token, as nanotron weighs them (models/llama.py,
// get_block_compute_costs): 4·heads·head_dim·h + 3·f·h, and vocabulary·h.
void set_nanotron_stages(RunImport& import) {
  const double h = static_cast<double>(import.run.hidden);
  const double ffn = static_cast<double>(import.yaml.integer("model.ffn", import.run.ffn));
  const auto stages = nanotron_stage_layers(import.layers, import.pipeline(), (4 * h + 3 * ffn) * h,
                                            static_cast<double>(import.run.vocab) * h, import.run.fills_stages);
  import.yaml.set_list("plan.stage_layers", stages);
  import.assume("layers are laid over stages by nanotron's compute weights");
}

// Nvidia's recipes of DeepSeek's models (pp_layout "Et*4|(t*4|)*14tmL", "Et|(tt|)*30mL"): all pieces have as many
// layers, and the last, with MTP modules and head, what is left. Where that is less than nothing the first has fewer.
bool set_tapered_stages(RunImport& import, std::int64_t pieces) {
  const bool deepseek = contains(lower_case(import.run.attention), "mla");
  if (import.stack.software != "nemo" || !deepseek || pieces < 3) return false;
  const std::int64_t each = (import.layers + 2 + import.mtp_layers + pieces - 1) / pieces;
  const std::int64_t rest = import.layers - each * (pieces - 1);
  std::vector<std::int64_t> layers(static_cast<std::size_t>(pieces), each);
  layers.front() += std::min<std::int64_t>(0, rest);
  layers.back() = std::max<std::int64_t>(0, rest);
  if (layers.front() < 0) return false;
  import.yaml.set_list("plan.stage_layers", layers);
  import.assume("layers over stages as in Nvidia's recipes: the last piece, with the head, takes what is left");
  return true;
}

// NeMo and Megatron-Bridge count embedding, head and MTP modules as a layer each where that evens the stages out.
void set_even_stages(RunImport& import, std::int64_t pieces) {
  if (import.layers % pieces == 0 || set_tapered_stages(import, pieces)) return;
  if ((import.layers + 2 + import.mtp_layers) % pieces == 0) {
    import.assume("embedding, head and MTP modules count as a layer each in the split over stages");
    import.yaml.set_flag("plan.balance_embedding", true);
    return;
  }
  import.assume(fmt::format("{} layers over {} pieces: some have one layer more", import.layers, pieces));
  import.yaml.set_flag("plan.uneven_stages", true);
}

}  // namespace

// Layers on each stage by nanotron's rule (huggingface/nanotron, models/base.py, build_model): blocks are laid out in
// order, each on the current stage, and the stage changes behind the block whose cumulated cost reaches the stage's
// share of the whole (`fills`), or before nanotron's pipeline fix exceeds it. The head weighs as given; embedding and
// norms nothing.
std::vector<std::int64_t> nanotron_stage_layers(std::int64_t layers, std::int64_t stages, double layer_cost,
                                                double head_cost, bool fills) {
  std::vector<std::int64_t> counts(static_cast<std::size_t>(stages), 0);
  const double whole = layer_cost * static_cast<double>(layers) + head_cost;
  std::size_t stage = 0;
  for (std::int64_t layer = 1; layer <= layers; ++layer) {
    ++counts[stage];
    const double share = whole * static_cast<double>(stage + 1) / static_cast<double>(stages);
    const double cost = layer_cost * static_cast<double>(layer);
    if ((fills ? cost >= share : cost > share) && stage + 1 < counts.size()) ++stage;
  }
  return counts;
}

void import_stages(RunImport& import) {
  YamlBuilder& yaml = import.yaml;
  const bool two_chunks = yaml.has("plan.schedule");  // dualpipe and dualpipev
  const std::int64_t chunks = two_chunks               ? 2
                              : import.pipeline() == 1 ? 1
                                                       : std::max<std::int64_t>(1, import.run.virtual_stages);
  if (chunks > 1) yaml.set("plan.virtual_stages", chunks);
  const std::int64_t pieces = import.pipeline() * chunks;
  if (pieces == 1) return;
  const auto list = value_of(import.run.notes, "num-layer-list");
  const auto stages = list ? integer_list(*list) : std::vector<std::int64_t>{};
  if (static_cast<std::int64_t>(stages.size()) == import.pipeline()) {
    yaml.set_list("plan.stage_layers", chunked(stages, chunks));
  } else if (import.run.format == RunFormat::kNanotron || contains(import.name, "nanotron bench")) {
    set_nanotron_stages(import);
  } else if (!import.noop_layers.empty()) {
    yaml.set_list("plan.stage_layers", without_noops(import.run.layers, pieces, import.noop_layers));
  } else {
    set_even_stages(import, pieces);
  }
}

}  // namespace supernode
