# chapter(<name> [USES <chapters>...] [LIBRARIES <libraries>...] [IO <files>...] PROGRAMS <programs>...)
#
# Everything in chapters/<name>/ belongs to the chapter. Its programs are single files named as the program; client.cpp,
# server.cpp and whatever else IO names are coroutine code and may use sockets; all other files are codecs and machines,
# built into a library without Asio:
#   <name>      codecs and the machine
#   <name>_io   the client and server on the drivers
# USES names earlier chapters: what makes them link, and what tests/style checks every #include against.
define_property(GLOBAL PROPERTY WIRE_CHAPTERS BRIEF_DOCS "All chapters, in reading order")
function(chapter name)
  set_property(GLOBAL APPEND PROPERTY WIRE_CHAPTERS ${name})
  cmake_parse_arguments(CHAPTER "" "" "USES;LIBRARIES;IO;PROGRAMS" ${ARGN})
  set(folder ${CMAKE_SOURCE_DIR}/chapters/${name})
  file(GLOB sources CONFIGURE_DEPENDS ${folder}/*.cpp)
  foreach(program IN LISTS CHAPTER_PROGRAMS)
    list(REMOVE_ITEM sources ${folder}/${program}.cpp)
  endforeach()
  set(io_sources "")
  foreach(file IN ITEMS client server LISTS CHAPTER_IO)
    if(EXISTS ${folder}/${file}.cpp)
      list(REMOVE_ITEM sources ${folder}/${file}.cpp)
      list(APPEND io_sources ${folder}/${file}.cpp)
    endif()
  endforeach()

  add_library(${name} STATIC ${sources})
  target_include_directories(${name} PUBLIC ${CMAKE_SOURCE_DIR}/chapters)
  target_link_libraries(${name} PUBLIC wire ${CHAPTER_LIBRARIES} ${CHAPTER_USES})

  list(TRANSFORM CHAPTER_USES APPEND _io)
  if(io_sources)
    add_library(${name}_io STATIC ${io_sources})
    target_link_libraries(${name}_io PUBLIC ${name} wire_io ${CHAPTER_USES})
  else()  # a chapter begins with its codec
    add_library(${name}_io INTERFACE)
    target_link_libraries(${name}_io INTERFACE ${name} wire_io ${CHAPTER_USES})
  endif()

  foreach(program IN LISTS CHAPTER_PROGRAMS)
    add_executable(${program} ${folder}/${program}.cpp)
    target_link_libraries(${program} PRIVATE ${name}_io)
  endforeach()
endfunction()
