# How everything here is compiled.
add_library(wire_options INTERFACE)
target_compile_features(wire_options INTERFACE cxx_std_23)
target_compile_options(wire_options INTERFACE -Wall -Wextra -Wpedantic -Wshadow -Wconversion -Wnon-virtual-dtor)
# {.port = 1} leaves the rest at its defaults on purpose.
target_compile_options(wire_options INTERFACE -Wno-missing-field-initializers)
if(CMAKE_CXX_COMPILER_ID STREQUAL "GNU" AND CMAKE_CXX_COMPILER_VERSION VERSION_LESS 13)
  # These follow values through inlined library code, and in GCC 12 raise false alarms there (GCC bugs 105329, 105562); the
  # last one, on coroutine frames.
  target_compile_options(wire_options INTERFACE
    -Wno-restrict -Wno-array-bounds -Wno-stringop-overread -Wno-stringop-overflow -Wno-maybe-uninitialized
    -Wno-mismatched-new-delete)
endif()
if(WIRE_WERROR)
  target_compile_options(wire_options INTERFACE -Werror)
endif()

# Bounds checks in the standard library, and the compiler's hardening, cost nothing measurable here.
target_compile_definitions(wire_options INTERFACE _GLIBCXX_ASSERTIONS)
if(WIRE_SANITIZE)
  target_compile_options(wire_options INTERFACE
    -fsanitize=${WIRE_SANITIZE} -fno-sanitize-recover=all -fno-omit-frame-pointer)
  target_link_options(wire_options INTERFACE -fsanitize=${WIRE_SANITIZE})
else()
  target_compile_options(wire_options INTERFACE -fstack-protector-strong
    $<$<CONFIG:Release,RelWithDebInfo>:-U_FORTIFY_SOURCE -D_FORTIFY_SOURCE=2>)
endif()
if(WIRE_FUZZ)
  target_compile_options(wire_options INTERFACE -fsanitize=fuzzer-no-link)  # lets the fuzzer see where inputs lead
endif()
if(WIRE_COVERAGE)
  target_compile_options(wire_options INTERFACE --coverage)
  target_link_options(wire_options INTERFACE --coverage)
endif()

# Asio 1.22 finds out some things for itself, wrongly: that clang has no coroutines where the standard library is GCC's,
# and, depending on what was included before it, whether there is std::aligned_alloc (we need none).
add_library(wire_asio_options INTERFACE)
target_link_libraries(wire_asio_options INTERFACE wire_options Asio::asio OpenSSL::SSL Threads::Threads)
target_compile_definitions(wire_asio_options INTERFACE
  ASIO_STANDALONE ASIO_SEPARATE_COMPILATION ASIO_NO_DEPRECATED ASIO_DISABLE_STD_ALIGNED_ALLOC
  $<$<CXX_COMPILER_ID:Clang,AppleClang>:ASIO_HAS_CO_AWAIT=1 ASIO_HAS_STD_COROUTINE=1>)
