#pragma once
// The fitted models of a catalogue entry: from what they were fitted, and how far they are from it.

#include <nlohmann/json.hpp>
#include <string>
#include <vector>

#include "scenarios/catalogue.hpp"

namespace supernode {

// One fitted class of a chip ("gemm.bf16"), operation of a protocol ("scale_up.all_reduce") or term of a software
// ("host_forward").
struct FittedModel {
  std::string name;
  std::string error;     // as the fit recorded it: "fit of 656 rows, median error 3.0 %, p90 9.7 %"
  double deviation = 0;  // relative standard deviation of what it predicts; 0: none is recorded
};

struct EntryFits {
  std::string traces;  // "" when the entry says nothing
  std::vector<FittedModel> models;
};

// Of an entry of the catalogue of chips, protocols or software; of other kinds nothing is fitted.
EntryFits entry_fits(CatalogueKind kind, const std::string& name);

std::string fits_text(const EntryFits& fits);
nlohmann::ordered_json fits_json(const EntryFits& fits);

}  // namespace supernode
