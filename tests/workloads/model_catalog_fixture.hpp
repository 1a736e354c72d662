#pragma once
// Models of the catalogue, read as the program reads them.

#include <gtest/gtest.h>

#include <memory>
#include <string>
#include <vector>

#include "workloads/catalog.hpp"
#include "workloads/model_spec.hpp"

namespace supernode {

// Reads a model from YAML; errors go to `diagnostics`.
inline ModelSpec read_model(const std::string& text, Diagnostics& diagnostics, const std::string& path = "model.yaml") {
  const auto file = std::make_shared<const SourceFile>(SourceFile{path, text});
  const YamlNode node = parse_yaml(file, diagnostics);
  ModelSpec model;
  SpecReader reader(node, "", diagnostics);
  bind(model, reader);
  reader.finish();
  return model;
}

inline std::vector<ModelSpec> catalogue_models() {
  std::vector<ModelSpec> models;
  for (const EmbeddedFile& file : model_catalog()) {
    Diagnostics diagnostics;
    models.push_back(read_model(file.text, diagnostics, file.path));
    EXPECT_FALSE(diagnostics.has_errors()) << diagnostics.render();
  }
  return models;
}

inline ModelSpec catalogue_model(const std::string& name) {
  for (const ModelSpec& model : catalogue_models()) {
    if (model.name == name) return model;
  }
  ADD_FAILURE() << "no model " << name << " in the catalogue";
  return {};
}

// Readable test names: "llama-3.1-8b" becomes "llama_3_1_8b".
inline std::string test_name(std::string name) {
  for (char& c : name) {
    if (std::isalnum(static_cast<unsigned char>(c)) == 0) c = '_';
  }
  return name;
}

}  // namespace supernode
