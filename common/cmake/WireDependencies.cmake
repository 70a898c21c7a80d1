# Finds the few libraries that this project uses, from the system's packages (or Homebrew's, or vcpkg's). All that are
# missing are named at once, with the one command that installs them.
set(WIRE_MISSING "")

# wire_find(<package> [<version>] PACKAGES <debian> <fedora> <homebrew>)
macro(wire_find name)
  cmake_parse_arguments(WIRE_FIND "" "" "PACKAGES" ${ARGN})
  find_package(${name} ${WIRE_FIND_UNPARSED_ARGUMENTS} QUIET)
  if(${name}_FOUND)
    message(STATUS "${name} ${${name}_VERSION}")
  else()
    list(APPEND WIRE_MISSING ${name})
    list(GET WIRE_FIND_PACKAGES 0 package)
    list(APPEND WIRE_MISSING_DEBIAN ${package})
    list(GET WIRE_FIND_PACKAGES 1 package)
    list(APPEND WIRE_MISSING_FEDORA ${package})
    list(GET WIRE_FIND_PACKAGES 2 package)
    list(APPEND WIRE_MISSING_HOMEBREW ${package})
  endif()
endmacro()

if(APPLE AND NOT OPENSSL_ROOT_DIR AND EXISTS /opt/homebrew/opt/openssl@3)
  set(OPENSSL_ROOT_DIR /opt/homebrew/opt/openssl@3)  # Homebrew does not link it into its prefix
endif()

wire_find(Threads PACKAGES libc6-dev glibc-devel "")
wire_find(OpenSSL 3.0 PACKAGES libssl-dev openssl-devel openssl@3)
wire_find(ZLIB PACKAGES zlib1g-dev zlib-devel zlib)
wire_find(Asio 1.22 PACKAGES libasio-dev asio-devel asio)  # FindAsio.cmake, beside this file
wire_find(fmt 9 PACKAGES libfmt-dev fmt-devel fmt)
wire_find(CLI11 2.1 PACKAGES libcli11-dev cli11-devel cli11)
if(BUILD_TESTING OR NOT DEFINED BUILD_TESTING)
  wire_find(Catch2 PACKAGES catch2 catch-devel catch2)  # version 2.13 or 3: tests/support/catch.hpp hides which
endif()

if(WIRE_MISSING)
  list(JOIN WIRE_MISSING ", " names)
  list(JOIN WIRE_MISSING_DEBIAN " " debian)
  list(JOIN WIRE_MISSING_FEDORA " " fedora)
  list(JOIN WIRE_MISSING_HOMEBREW " " homebrew)
  message(FATAL_ERROR "Missing: ${names}. Install with\n"
    "  Debian, Ubuntu:  sudo apt-get install ${debian}\n"
    "  Fedora:          sudo dnf install ${fedora}\n"
    "  macOS:           brew install ${homebrew}\n"
    "or let tests/run or labs/run do it.")
endif()
