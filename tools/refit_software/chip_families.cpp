#include "tools/refit_software/chip_families.hpp"

#include <algorithm>
#include <string_view>
#include <vector>

namespace supernode {
namespace {

struct Family {
  std::string_view name;
  std::vector<std::string_view> chips;
};

const std::vector<Family>& families() {
  static const std::vector<Family> kFamilies = {
      {"ampere", {"a100", "a100-40gb", "a800"}},
      {"hopper", {"h100", "h200", "h800", "h20"}},
      {"blackwell", {"b200", "gb200"}},
      {"blackwell-ultra", {"b300", "gb300"}},
      {"ascend-910b", {"ascend-910b", "ascend-910b-313t", "ascend-910c"}},
      {"ascend-950", {"ascend-950pr", "ascend-950dt"}},
  };
  return kFamilies;
}

}  // namespace

std::string chip_family(const std::string& chip) {
  for (const Family& family : families())
    if (std::find(family.chips.begin(), family.chips.end(), chip) != family.chips.end())
      return std::string(family.name);
  return chip;
}

}  // namespace supernode
