// The one place that knows yaml-cpp. Its Node API loses duplicate keys and positions, so a located tree is built from
// parser events.
#include <sys/stat.h>
#include <yaml-cpp/eventhandler.h>
#include <yaml-cpp/exceptions.h>
#include <yaml-cpp/parser.h>

#include <algorithm>
#include <cerrno>
#include <cstring>
#include <fstream>
#include <iostream>
#include <iterator>
#include <map>
#include <optional>
#include <sstream>

#include "base/yaml.hpp"

namespace supernode {
namespace {

constexpr std::size_t kMaxBytes = 16u << 20;
constexpr std::size_t kMaxNodes = 1'000'000;  // aliases may multiply
constexpr std::size_t kMaxDepth = 64;

class TreeBuilder : public YAML::EventHandler {
 public:
  TreeBuilder(std::shared_ptr<const SourceFile> file, Diagnostics& diagnostics)
      : file_(std::move(file)), diagnostics_(diagnostics) {}

  YamlNode take() { return std::move(root_); }

  void OnDocumentStart(const YAML::Mark&) override {}
  void OnDocumentEnd() override {}
  void OnAnchor(const YAML::Mark&, const std::string&) override {}

  void OnNull(const YAML::Mark& mark, YAML::anchor_t anchor) override {
    YamlNode node;
    node.position = at(mark);
    add(std::move(node), anchor);
  }

  void OnAlias(const YAML::Mark& mark, YAML::anchor_t anchor) override {
    const auto found = anchors_.find(anchor);
    if (found == anchors_.end()) {
      diagnostics_.error(at(mark), "an alias stands inside its own anchor");
      add(YamlNode{}, 0);
      return;
    }
    add(found->second, 0, size_of(found->second));
  }

  void OnScalar(const YAML::Mark& mark, const std::string& tag, YAML::anchor_t anchor,
                const std::string& value) override {
    YamlNode node;
    node.kind = YamlNode::Kind::kScalar;
    node.scalar = value;
    node.quoted = tag == "!";
    node.position = at(mark);
    add(std::move(node), anchor);
  }

  void OnSequenceStart(const YAML::Mark& mark, const std::string&, YAML::anchor_t anchor,
                       YAML::EmitterStyle::value) override {
    open(YamlNode::Kind::kSequence, mark, anchor);
  }
  void OnSequenceEnd() override { close(); }
  void OnMapStart(const YAML::Mark& mark, const std::string&, YAML::anchor_t anchor,
                  YAML::EmitterStyle::value) override {
    open(YamlNode::Kind::kMap, mark, anchor);
  }
  void OnMapEnd() override { close(); }

 private:
  struct Frame {
    YamlNode node;
    YAML::anchor_t anchor = 0;
    std::optional<YamlNode> key;  // a map's key that still waits for its value
  };

  SourcePosition at(const YAML::Mark& mark) const { return {file_, mark.line + 1, mark.column + 1}; }

  void open(YamlNode::Kind kind, const YAML::Mark& mark, YAML::anchor_t anchor) {
    if (frames_.size() >= kMaxDepth) throw YAML::ParserException(mark, "nested too deeply");
    YamlNode node;
    node.kind = kind;
    node.position = at(mark);
    frames_.push_back({std::move(node), anchor, std::nullopt});
  }

  void close() {
    Frame frame = std::move(frames_.back());
    frames_.pop_back();
    add(std::move(frame.node), frame.anchor);
  }

  // `count`: nodes not counted before; more than one only for an alias, which copies a subtree.
  void add(YamlNode node, YAML::anchor_t anchor, std::size_t count = 1) {
    count_ += count;
    if (count_ > kMaxNodes) throw YAML::ParserException(YAML::Mark::null_mark(), "expands to too many nodes");
    if (anchor != 0) anchors_[anchor] = node;
    if (frames_.empty()) {
      root_ = std::move(node);
      return;
    }
    Frame& frame = frames_.back();
    if (frame.node.kind == YamlNode::Kind::kSequence)
      frame.node.items.push_back(std::move(node));
    else if (!frame.key)
      frame.key = std::move(node);
    else
      add_entry(frame, std::move(node));
  }

  void add_entry(Frame& frame, YamlNode value) {
    const YamlNode key = *std::exchange(frame.key, std::nullopt);
    if (key.kind != YamlNode::Kind::kScalar) {
      diagnostics_.error(key.position, "a key must be a plain word");
      return;
    }
    if (value.kind == YamlNode::Kind::kNull) value.position = key.position;  // yaml-cpp places it on the next line
    const auto same = std::find_if(frame.node.entries.begin(), frame.node.entries.end(),
                                   [&](const YamlEntry& e) { return e.key == key.scalar; });
    if (same != frame.node.entries.end()) {
      diagnostics_.error(
          key.position, "duplicate key '" + key.scalar + "', first on line " + std::to_string(same->key_position.line));
      return;
    }
    frame.node.entries.push_back({key.scalar, key.position, std::move(value)});
  }

  static std::size_t size_of(const YamlNode& node) {
    std::size_t n = 1;
    for (const YamlEntry& e : node.entries) n += size_of(e.value);
    for (const YamlNode& i : node.items) n += size_of(i);
    return n;
  }

  std::shared_ptr<const SourceFile> file_;
  Diagnostics& diagnostics_;
  std::vector<Frame> frames_;
  std::map<YAML::anchor_t, YamlNode> anchors_;
  YamlNode root_;
  std::size_t count_ = 0;
};

// True for text that YAML may hold: no NUL or other control bytes, well-formed UTF-8.
bool is_text(std::string_view bytes) {
  for (std::size_t i = 0; i < bytes.size();) {
    const auto c = static_cast<unsigned char>(bytes[i]);
    if (c < 0x20 && c != '\n' && c != '\r' && c != '\t') return false;
    const std::size_t length = c < 0x80 ? 1 : c >> 5 == 6 ? 2 : c >> 4 == 14 ? 3 : c >> 3 == 30 ? 4 : 0;
    if (length == 0 || i + length > bytes.size()) return false;
    for (std::size_t j = 1; j < length; ++j)
      if ((static_cast<unsigned char>(bytes[i + j]) & 0xC0) != 0x80) return false;
    i += length;
  }
  return true;
}

bool acceptable(const std::shared_ptr<const SourceFile>& file, Diagnostics& diagnostics) {
  const SourcePosition whole{file, 0, 0};
  if (file->text.size() > kMaxBytes) {
    diagnostics.error(whole, "is larger than 16 MiB; a scenario is a few kilobytes of YAML");
    return false;
  }
  if (!is_text(file->text)) {
    diagnostics.error(whole, "is not text (UTF-8); a scenario is a YAML file");
    return false;
  }
  return true;
}

}  // namespace

YamlNode parse_yaml(std::shared_ptr<const SourceFile> file, Diagnostics& diagnostics) {
  if (!acceptable(file, diagnostics)) return {};
  TreeBuilder builder(file, diagnostics);
  try {
    std::istringstream stream(file->text);
    YAML::Parser parser(stream);
    if (!parser.HandleNextDocument(builder)) {
      diagnostics.error({file, 0, 0}, "is empty");
      return {};
    }
    YamlNode root = builder.take();
    TreeBuilder second(file, diagnostics);
    if (parser.HandleNextDocument(second))
      diagnostics.error(second.take().position, "a second document starts here; one file holds one document");
    if (root.kind == YamlNode::Kind::kNull) diagnostics.error({file, 0, 0}, "is empty");
    return root;
  } catch (const YAML::Exception& e) {
    diagnostics.error({file, std::max(0, e.mark.line) + 1, std::max(0, e.mark.column) + 1}, "bad YAML: " + e.msg);
    return {};
  }
}

YamlNode load_yaml(const std::string& path, Diagnostics& diagnostics) {
  auto file = std::make_shared<SourceFile>();
  file->name = path;
  if (path == "-") {
    file->text.assign(std::istreambuf_iterator<char>(std::cin), {});
    return parse_yaml(file, diagnostics);
  }
  struct stat info {};
  if (::stat(path.c_str(), &info) != 0) {
    diagnostics.error({file, 0, 0}, std::string("cannot be read: ") + std::strerror(errno));
    return {};
  }
  if (S_ISDIR(info.st_mode)) {
    diagnostics.error({file, 0, 0}, "is a folder; name a YAML file in it");
    return {};
  }
  if (S_ISREG(info.st_mode) && static_cast<std::size_t>(info.st_size) > kMaxBytes) {
    diagnostics.error({file, 0, 0}, "is larger than 16 MiB; a scenario is a few kilobytes of YAML");
    return {};
  }
  std::ifstream stream(path, std::ios::binary);
  if (!stream) {
    diagnostics.error({file, 0, 0}, std::string("cannot be read: ") + std::strerror(errno));
    return {};
  }
  file->text.assign(std::istreambuf_iterator<char>(stream), {});
  return parse_yaml(file, diagnostics);
}

}  // namespace supernode
