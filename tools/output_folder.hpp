#pragma once
// Writes a run's files so that nobody ever sees half of one: all of them into a new folder beside the target first,
// then by renaming.

#include <string>
#include <vector>

namespace supernode {

struct OutputFile {
  std::string name;  // within the folder
  std::string text;
};

// Why `folder` cannot be written to, or "" when it can: asked before a run, so that none is lost.
std::string output_folder_problem(const std::string& folder);

// Puts the files into `folder`, which is created with its parents when it is missing; files of other names in it stay.
// A failure leaves what was there before and throws std::runtime_error. Interrupts wait until it is done.
void write_output_folder(const std::string& folder, const std::vector<OutputFile>& files);

// The same for one file.
void write_output_file(const std::string& path, const std::string& text);

}  // namespace supernode
