#include "tools/refit_shared/refit_program.hpp"

#include <fmt/format.h>

#include <filesystem>
#include <fstream>
#include <iterator>
#include <stdexcept>

namespace supernode {

std::string read_file(const std::string& path) {
  std::ifstream stream(path, std::ios::binary);
  if (!stream) throw std::runtime_error(path + " cannot be read");
  return {std::istreambuf_iterator<char>(stream), {}};
}

void write_file(const std::string& path, const std::string& text) {
  std::ofstream stream(path, std::ios::binary);
  if (!(stream << text << std::flush)) throw std::runtime_error(path + " cannot be written");
}

std::string text_before(const std::string& text, std::string_view key, const std::string& path) {
  const auto line = text.find(fmt::format("\n{}:", key));
  if (line == std::string::npos) throw std::runtime_error(fmt::format("{} has no '{}'", path, key));
  return text.substr(0, line + 1);
}

int run_refit(int argc, char** argv,
              const std::function<void(const std::string& trace, const std::string& folder)>& refit) {
  const std::string name = std::filesystem::path(argv[0]).filename();
  if (argc != 3) {
    fmt::print(stderr, "usage: {} TRACE.csv FOLDER\n", name);
    return 2;
  }
  try {
    refit(argv[1], argv[2]);
  } catch (const std::exception& e) {
    fmt::print(stderr, "{}: {}\n", name, e.what());
    return 1;
  }
  return 0;
}

}  // namespace supernode
