# Writes OUTPUT, a C++ source with the text of every *.yaml under DIR; run by supernode_embed.
file(GLOB_RECURSE inputs ${DIR}/*.yaml)
list(SORT inputs)
get_filename_component(parent ${DIR} DIRECTORY)
set(code "#include \"base/embedded.hpp\"\n\nnamespace supernode {\n\nconst std::vector<EmbeddedFile>& ${FUNCTION}() {\n  static const std::vector<EmbeddedFile> files = {\n")
foreach(input IN LISTS inputs)
  file(READ ${input} text)
  get_filename_component(name ${input} NAME_WLE)
  file(RELATIVE_PATH path ${parent} ${input})
  # String literals end at 64 KiB in some compilers and no file comes near it; the delimiter occurs in no YAML.
  string(APPEND code "    {\"${name}\", \"${path}\", R\"~yaml~(${text})~yaml~\"},\n")
endforeach()
string(APPEND code "  };\n  return files;\n}\n\n}  // namespace supernode\n")
file(WRITE ${OUTPUT} "${code}")
