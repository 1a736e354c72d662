#pragma once
// What the two refit programs share: whole files, the part of a catalogue file that stays, and the frame of main.

#include <functional>
#include <string>
#include <string_view>

namespace supernode {

// Throws std::runtime_error when the file cannot be read or written.
std::string read_file(const std::string& path);
void write_file(const std::string& path, const std::string& text);

// The text before the line that starts with `key`. Throws when there is none.
std::string text_before(const std::string& text, std::string_view key, const std::string& path);

// `NAME TRACE.csv FOLDER`: runs `refit` on the two; exit code 0, 1 (failed, says why) or 2 (usage).
int run_refit(int argc, char** argv,
              const std::function<void(const std::string& trace, const std::string& folder)>& refit);

}  // namespace supernode
