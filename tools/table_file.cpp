#include "tools/table_file.hpp"

#include <filesystem>
#include <fstream>
#include <iostream>
#include <iterator>

namespace supernode {

std::optional<SourceFile> read_table_file(const std::string& path, Diagnostics& diagnostics) {
  if (path == "-") return SourceFile{path, {std::istreambuf_iterator<char>(std::cin), {}}};
  std::error_code ignored;
  std::ifstream stream(path, std::ios::binary);
  if (stream && !std::filesystem::is_directory(path, ignored)) {
    SourceFile file{path, {std::istreambuf_iterator<char>(stream), {}}};
    if (!stream.bad()) return file;
  }
  diagnostics.error({std::make_shared<const SourceFile>(SourceFile{path, ""}), 0, 0}, "cannot be read");
  return std::nullopt;
}

}  // namespace supernode
