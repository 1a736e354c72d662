#pragma once
// What each flag of Megatron-LM and MindSpeed means for a scenario. Source: megatron/training/arguments.py of
// NVIDIA/Megatron-LM, mindspeed/arguments.py of Ascend/MindSpeed and their feature documentation.

#include <string_view>
#include <vector>

namespace supernode {

enum class FlagKind {
  kInteger,  // its value goes to `path`
  kNumber,
  kSet,    // its presence sets `path` to `value`
  kRead,   // read by name where several flags make one field (scenarios/import_megatron.cpp)
  kIdle,   // changes no cost that is modelled
  kCostly  // changes the cost of a step in a way a scenario cannot say; `value` says how
};

struct MegatronFlag {
  std::string_view name;  // without the leading "--", words joined by "-"
  FlagKind kind;
  std::string_view path = "";
  std::string_view value = "";
  bool mindspeed = false;  // only MindSpeed has it
};

const std::vector<MegatronFlag>& megatron_flags();
const MegatronFlag* find_megatron_flag(std::string_view name);

}  // namespace supernode
