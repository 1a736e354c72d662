#include "calibration/kernel_tables.hpp"

#include <fmt/format.h>

#include <sstream>

#include "calibration/catalog.hpp"

namespace supernode {
namespace {

// Numbers between blanks, up to the first word that is none.
std::vector<double> numbers(const std::string& text) {
  std::istringstream in(text);
  std::vector<double> values;
  for (double value = 0; in >> value;) values.push_back(value);
  if (!in.eof()) values.clear();
  return values;
}

std::vector<std::string> split(const std::string& text, char separator) {
  std::istringstream in(text);
  std::vector<std::string> parts;
  for (std::string part; std::getline(in, part, separator);) parts.push_back(part);
  return parts;
}

void bind_residual(ResidualModel& model, SpecReader& reader) {
  reader.number({"length", "standard deviation of a bump in ln size", kRequired}, model.length,
                {.min = 0.01, .max = 100});
  std::string text;
  if (!reader.text({"bumps", "ln of four sizes and a weight each, between semicolons", kRequired}, text)) return;
  for (const std::string& part : split(text, ';')) {
    const std::vector<double> v = numbers(part);
    if (v.size() == 5)
      model.bumps.push_back({{v[0], v[1], v[2], v[3]}, v[4]});
    else
      reader.error("bumps", fmt::format("'{}' is not five numbers", part));
  }
}

void bind_covariance(ParameterCovariance& covariance, SpecReader& reader) {
  std::string names, values;
  reader.text({"parameters", "names of the class's parameters", kRequired}, names);
  reader.text({"values", "upper triangle of the covariance of their logarithms, row by row", kRequired}, values);
  covariance = {split(names, ' '), numbers(values)};
  const std::size_t n = covariance.parameters.size();
  if (covariance.values.size() != n * (n + 1) / 2)
    reader.error("values",
                 fmt::format("{} parameters need {} numbers, not {}", n, n * (n + 1) / 2, covariance.values.size()));
}

void bind_sections(KernelFit& fit, SpecReader& reader) {
  reader.dictionary(
      {"residuals", "corrections of the fitted curves near the traces, by class"},
      [&](SpecReader& entries, const std::string& name) {
        fit.residuals[name] = {};
        entries.object({name, "of one class"}, [&](SpecReader& r) { bind_residual(fit.residuals[name], r); });
      });
  reader.dictionary(
      {"covariances", "of the fitted parameters, by class"}, [&](SpecReader& entries, const std::string& name) {
        entries.object({name, "of one class"}, [&](SpecReader& r) { bind_covariance(fit.covariances[name], r); });
      });
}

void bind_file(KernelFit& fit, const EmbeddedFile& file, Diagnostics& diagnostics) {
  const auto source = std::make_shared<const SourceFile>(SourceFile{file.path, file.text});
  const YamlNode root = parse_yaml(source, diagnostics);
  SpecReader reader(root, "", diagnostics);
  bind_sections(fit, reader);
  reader.finish();
}

}  // namespace

void bind_kernel_tables(KernelFit& fit, SpecReader& reader) {
  if (reader.text({"tables", "file of the kernel catalogue with the fit's residuals and covariances"}, fit.tables)) {
    std::vector<std::string> names;
    const EmbeddedFile* found = nullptr;
    for (const EmbeddedFile& file : kernel_catalog()) {
      names.push_back(file.name);
      if (file.name == fit.tables) found = &file;
    }
    if (found != nullptr)
      bind_file(fit, *found, reader.diagnostics());
    else
      reader.error("tables", fmt::format("no kernel tables '{}'{}", fit.tables, suggestion(fit.tables, names)));
  }
  bind_sections(fit, reader);
}

std::string emit_kernel_tables(const KernelFit& fit, std::size_t indent) {
  const std::string margin(indent, ' ');
  std::string text = fit.residuals.empty() ? "" : margin + "residuals:\n";
  for (const auto& [name, model] : fit.residuals) {
    text += fmt::format("{}  {}: {{length: {:g}, bumps: \"", margin, name, model.length);
    for (std::size_t i = 0; i < model.bumps.size(); ++i) {
      const auto& [at, weight] = model.bumps[i];
      if (i > 0) text += i % 4 == 0 ? fmt::format(";\n{}    ", margin) : "; ";
      text += fmt::format("{:.4g} {:.4g} {:.4g} {:.4g} {:.4f}", at[0], at[1], at[2], at[3], weight);
    }
    text += "\"}\n";
  }
  if (!fit.covariances.empty()) text += margin + "covariances:\n";
  for (const auto& [name, covariance] : fit.covariances) {
    std::string values;
    for (double v : covariance.values) values += fmt::format("{}{:.3g}", values.empty() ? "" : " ", v);
    text += fmt::format("{}  {}: {{parameters: \"{}\", values: \"{}\"}}\n", margin, name,
                        fmt::join(covariance.parameters, " "), values);
  }
  return text;
}

}  // namespace supernode
