// The set-up scripts where there is no package manager: they say what to install and stop.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "tests/tools/program.hpp"

namespace supernode {
namespace {

using ::testing::HasSubstr;
using testing::TempFolder;

TEST(Scripts, SetupWithoutAptGetSaysWhatToInstall) {
  const TempFolder folder;
  // A PATH with bash and nothing else.
  std::filesystem::create_symlink("/bin/bash", folder.path("bash"));
  const int status = std::system(fmt::format("PATH='{}' /bin/bash '{}/tools/setup' > '{}' 2>&1 < /dev/null",
                                             folder.path(""), SUPERNODE_SOURCE_DIR, folder.path("log"))
                                     .c_str());
  EXPECT_EQ(WEXITSTATUS(status), 1);
  std::ifstream stream(folder.path("log"));
  const std::string log(std::istreambuf_iterator<char>(stream), {});
  EXPECT_THAT(log, HasSubstr("libsimgrid-dev"));
  EXPECT_THAT(log, HasSubstr("no apt-get"));
}

TEST(Scripts, AreExecutableAndParse) {
  for (const char* name : {"tools/setup", "tools/build", "tools/test", "tools/quickstart", "tools/bench",
                           "tools/fidelity", "tools/refit", ".ci/run"}) {
    const std::string path = std::string(SUPERNODE_SOURCE_DIR) + "/" + name;
    const auto permissions = std::filesystem::status(path).permissions();
    EXPECT_NE(permissions & std::filesystem::perms::owner_exec, std::filesystem::perms::none) << name;
    EXPECT_EQ(std::system(("bash -n '" + path + "'").c_str()), 0) << name;
  }
}

}  // namespace
}  // namespace supernode
