# supernode_embed(TARGET FUNCTION DIR): compiles every *.yaml under DIR into TARGET as
#   const std::vector<supernode::EmbeddedFile>& supernode::FUNCTION();   (base/embedded.hpp)
# so that the program needs no data folder at run time. Names are file names without ".yaml", in sorted order.
function(supernode_embed target function dir)
  file(GLOB_RECURSE inputs CONFIGURE_DEPENDS ${dir}/*.yaml)
  set(output ${CMAKE_CURRENT_BINARY_DIR}/${function}.cpp)
  add_custom_command(
    OUTPUT ${output}
    COMMAND ${CMAKE_COMMAND} -DOUTPUT=${output} -DFUNCTION=${function} -DDIR=${dir}
            -P ${CMAKE_SOURCE_DIR}/cmake/embed_files.cmake
    DEPENDS ${inputs} ${CMAKE_SOURCE_DIR}/cmake/embed_files.cmake
    VERBATIM)
  target_sources(${target} PRIVATE ${output})
endfunction()
