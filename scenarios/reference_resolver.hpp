#pragma once
// Follows references between YAML files. A system, chip, protocol, model or scenario is written as
//   NAME                        an entry of the catalogue
//   path/to/file.yaml           a file, relative to the file that names it
//   {base: NAME|path, …}        either, with the map's other keys laid over it
//   {base: none, …} or {…}      complete in itself
// Every value keeps the position where it was written.

#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "base/yaml.hpp"
#include "scenarios/catalogue.hpp"

namespace supernode {

class ReferenceResolver {
 public:
  explicit ReferenceResolver(Diagnostics& diagnostics) : diagnostics_(diagnostics) {}

  // The whole tree behind `node`; nothing when a file or name on the way is bad (reported, with its place).
  std::optional<YamlNode> resolve(CatalogueKind kind, const YamlNode& node);

  // A scenario as typed on the command line: "-" is stdin, then an existing file, then a name of the library.
  std::optional<YamlNode> resolve_argument(const std::string& argument);

  // Every file read, in the order of reading.
  const std::vector<std::shared_ptr<const SourceFile>>& inputs() const { return inputs_; }

 private:
  // Where a reference leads: a catalogue entry or a path.
  struct Target {
    std::string id;  // equal for equal files, for the search for cycles
    const EmbeddedFile* embedded = nullptr;
    std::string path;
  };
  std::optional<Target> locate(CatalogueKind kind, const std::string& reference, const SourcePosition& from);
  std::optional<YamlNode> follow(CatalogueKind kind, const Target& target, const SourcePosition& from);
  YamlNode load(const Target& target);
  bool reports_cycle(const Target& target, const SourcePosition& from);

  Diagnostics& diagnostics_;
  std::vector<Target> chain_;  // the references being followed, outermost first
  std::vector<std::shared_ptr<const SourceFile>> inputs_;
};

// A copy of a scenario's tree in which `system: NAME` stands as `system: {base: NAME}` (and so chip, protocol and
// model), so that keys can be laid over the named entry.
YamlNode with_references_as_maps(YamlNode scenario);

// Reads every entry of the catalogues but the library, so that processes forked from here on need not.
void read_catalogues();

}  // namespace supernode
