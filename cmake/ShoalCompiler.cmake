# How every target of the project is compiled.
#
# shoal_layer(NAME SOURCES... [DEPENDS targets...]): a static library `shoal_NAME` with the project's include roots
# (include/, src/, the repository itself for kernels/) and flags.

set(CMAKE_CXX_STANDARD 20)
set(CMAKE_CXX_STANDARD_REQUIRED ON)
set(CMAKE_CXX_EXTENSIONS OFF)
set(CMAKE_EXPORT_COMPILE_COMMANDS ON)
set(CMAKE_POSITION_INDEPENDENT_CODE ON)
# What trains on the CPU asks for -O3 itself. Elsewhere compilation would take a quarter longer (of store and run).
set(CMAKE_CXX_FLAGS_RELEASE "-O2 -DNDEBUG")

find_program(CCACHE_PROGRAM ccache)
if(CCACHE_PROGRAM)
  set(CMAKE_CXX_COMPILER_LAUNCHER "${CCACHE_PROGRAM}")
  set(CMAKE_CUDA_COMPILER_LAUNCHER "${CCACHE_PROGRAM}")
endif()

option(SHOAL_SANITIZE "Address and undefined-behaviour sanitizers" OFF)
option(SHOAL_COVERAGE "Instrument for line coverage" OFF)

add_library(shoal_options INTERFACE)
target_include_directories(shoal_options INTERFACE "${PROJECT_SOURCE_DIR}/include" "${PROJECT_SOURCE_DIR}/src"
                                                   "${PROJECT_SOURCE_DIR}")
# Strict fp32 (docs/numerics.md): a multiply-add is fused where the code says fma, and nowhere else.
target_compile_options(
  shoal_options
  INTERFACE $<$<COMPILE_LANGUAGE:CXX>:-Wall
            -Wextra
            -Wpedantic
            -Wshadow
            -Wconversion
            -Werror
            # False reports of g++ 12 on std::string: operator+ (GCC bug 105651), and moved members of an aggregate.
            $<$<CXX_COMPILER_ID:GNU>:-Wno-restrict>
            $<$<CXX_COMPILER_ID:GNU>:-Wno-maybe-uninitialized>
            -ffp-contract=off
            -fno-math-errno
            -fno-trapping-math>)
if(SHOAL_SANITIZE)
  target_compile_options(shoal_options INTERFACE $<$<COMPILE_LANGUAGE:CXX>:-fsanitize=address,undefined
                                                 -fno-sanitize-recover=all -fno-omit-frame-pointer>)
  target_link_options(shoal_options INTERFACE -fsanitize=address,undefined)
endif()
if(SHOAL_COVERAGE)
  target_compile_options(shoal_options INTERFACE $<$<COMPILE_LANGUAGE:CXX>:--coverage -fprofile-update=atomic>)
  target_link_options(shoal_options INTERFACE --coverage)
endif()

function(shoal_layer name)
  cmake_parse_arguments(LAYER "" "" "SOURCES;DEPENDS" ${ARGN})
  add_library(shoal_${name} STATIC ${LAYER_SOURCES})
  target_link_libraries(shoal_${name} PUBLIC shoal_options ${LAYER_DEPENDS})
endfunction()
