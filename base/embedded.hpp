#pragma once
// Catalogue files compiled into the program (cmake/embed.cmake).

#include <string>
#include <vector>

namespace supernode {

struct EmbeddedFile {
  std::string name;  // "ascend-910c"
  std::string path;  // "catalog/chips/ascend-910c.yaml", for messages
  std::string text;
};

}  // namespace supernode
