#include "calibration/other_chips.hpp"

#include <algorithm>
#include <cctype>
#include <iterator>
#include <string>

namespace supernode {

namespace {

// How their names begin, in lower case with a dash between words, without the maker. A card of a modelled chip with
// other clocks or memory (PCIe, NVL) is another chip.
constexpr std::string_view kOthers[] = {
    "mi100",      "mi210",     "mi250",     "mi3",      "mi4",       "gaudi",    "tpu",      "trainium", "trn",
    "inferentia", "p100",      "v100",      "t4",       "l4",        "l20",      "l40",      "a10-",     "a10g",
    "a16",        "a2-",       "a30",       "a40",      "a6000",     "rtx",      "titan",    "jetson",   "b100",
    "gb10",       "a100-pcie", "h100-pcie", "h100-nvl", "h200-nvl",  "h20-3e",   "h20e",     "gh20",     "max-1550",
    "mtt",        "moore",     "kunlun",    "mlu",      "cambricon", "biren",    "br10",     "dcu",      "hygon",
    "gcu",        "enflame",   "metax",     "c500",     "c550",      "iluvatar", "bi-v1",    "ppu",      "cerebras",
    "wse",        "grayskull", "ipu",       "groq",     "maia",      "dojo",     "atlas-300"};

constexpr std::string_view kMakers[] = {"nvidia-", "amd-", "intel-", "google-", "huawei-"};

std::string plain(std::string_view name) {
  std::string text;
  for (char c : name)
    text += c == ' ' || c == '_' ? '-' : static_cast<char>(std::tolower(static_cast<unsigned char>(c)));
  for (std::string_view maker : kMakers)
    if (text.starts_with(maker)) text.erase(0, maker.size());
  return text;
}

}  // namespace

bool is_other_chip(std::string_view name) {
  const std::string text = plain(name);
  if (text.find('?') != std::string::npos || text == "unknown" || text == "a10" || text == "a2") return true;
  return std::any_of(std::begin(kOthers), std::end(kOthers),
                     [&](std::string_view other) { return text.starts_with(other); });
}

}  // namespace supernode
