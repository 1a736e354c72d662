#include "tools/catalog_fits.hpp"

#include <fmt/format.h>

#include "scenarios/catalogue_specs.hpp"
#include "tools/format.hpp"
#include "tools/table.hpp"

namespace supernode {

namespace {

constexpr std::string_view kEfficiency = ".efficiency", kDeviation = ".deviation";

// A class has an efficiency, whose source records the fit, and a deviation.
EntryFits chip_fits(const ChipSpec& chip) {
  EntryFits fits{chip.fit.traces, {}};
  for (const auto& [name, parameter] : chip.fit.parameters) {
    if (!name.ends_with(kEfficiency)) continue;
    const std::string model = name.substr(0, name.size() - kEfficiency.size());
    const auto deviation = chip.fit.parameters.find(model + std::string(kDeviation));
    fits.models.push_back(
        {model, parameter.source, deviation == chip.fit.parameters.end() ? 0 : deviation->second.value});
  }
  return fits;
}

EntryFits protocol_fits(const CollectiveProtocol& protocol) {
  EntryFits fits{protocol.traces, {}};
  for (const auto& [name, fit] : protocol.fits) {
    const std::string source = fit.regimes.empty() ? "" : fit.regimes.front().efficiency.source;
    fits.models.push_back({name, source, fit.deviation.bandwidth.value});
  }
  return fits;
}

EntryFits software_fits(const SoftwareSpec& software) {
  EntryFits fits{software.runs, {}};
  for (SoftwareTerm term : software.fitted)
    fits.models.push_back(
        {std::string(to_string(term)),
         fmt::format("{:.4g}: {}", software[term], software.terms[static_cast<std::size_t>(term)].source), 0});
  if (software.unexplained > 0) fits.models.push_back({"a step", "what no term explains", software.unexplained});
  return fits;
}

}  // namespace

EntryFits entry_fits(CatalogueKind kind, const std::string& name) {
  Diagnostics ignored;  // a test reads every entry
  if (kind == CatalogueKind::kChip) {
    if (const auto chip = load_chip(name, ignored)) return chip_fits(*chip);
  } else if (kind == CatalogueKind::kProtocol) {
    if (const auto protocol = load_protocol(name, ignored)) return protocol_fits(*protocol);
  } else if (kind == CatalogueKind::kSoftware) {
    if (const auto software = load_software(name, ignored)) return software_fits(*software);
  }
  return {};
}

std::string fits_text(const EntryFits& fits) {
  std::string text = fits.traces.empty() ? "" : wrap("from " + fits.traces, 4);
  Table table;
  table.align(2, Align::kLeft);
  for (const FittedModel& model : fits.models)
    table.add({model.name, model.deviation > 0 ? "± " + percent_text(model.deviation) : "", model.error});
  return text + table.render(4);
}

nlohmann::ordered_json fits_json(const EntryFits& fits) {
  nlohmann::ordered_json models = nlohmann::ordered_json::array();
  for (const FittedModel& model : fits.models)
    models.push_back({{"name", model.name},
                      {"deviation", model.deviation > 0 ? nlohmann::ordered_json(model.deviation) : nullptr},
                      {"fit", model.error}});
  return {{"traces", fits.traces}, {"models", std::move(models)}};
}

}  // namespace supernode
