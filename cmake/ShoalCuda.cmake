# Sets SHOAL_HAS_CUDA and, where it is on, enables the CUDA language.
set(SHOAL_HAS_CUDA OFF)
if(NOT SHOAL_CUDA STREQUAL "OFF")
  # Where the toolkit installs itself, for those whose PATH does not say so.
  if(NOT DEFINED ENV{CUDACXX})
    find_program(CMAKE_CUDA_COMPILER nvcc PATHS /usr/local/cuda/bin)
    if(NOT CMAKE_CUDA_COMPILER)
      unset(CMAKE_CUDA_COMPILER CACHE)
    endif()
  endif()
  include(CheckLanguage)
  check_language(CUDA)
  if(CMAKE_CUDA_COMPILER)
    set(SHOAL_HAS_CUDA ON)
  elseif(SHOAL_CUDA STREQUAL "ON")
    message(FATAL_ERROR "SHOAL_CUDA=ON, but no nvcc was found: install the CUDA Toolkit 13 or use SHOAL_CUDA=AUTO")
  else()
    message(STATUS "nvcc was not found: building without the CUDA engine")
  endif()
endif()
if(SHOAL_HAS_CUDA)
  if(NOT DEFINED CMAKE_CUDA_ARCHITECTURES)
    set(CMAKE_CUDA_ARCHITECTURES 90a-real)
  endif()
  # `native` and `all` do not say what the program will run on.
  foreach(architecture IN LISTS CMAKE_CUDA_ARCHITECTURES)
    if(NOT architecture MATCHES "^[0-9]+[af]?(-real|-virtual)?$")
      message(FATAL_ERROR "CMAKE_CUDA_ARCHITECTURES: ${architecture} is no architecture like 90a-real, 80-virtual or 120")
    endif()
  endforeach()
  enable_language(CUDA)
  find_package(CUDAToolkit REQUIRED)
  find_package(Python3 REQUIRED COMPONENTS Interpreter)
  # CMake 3.25 knows no flag for C++20 of this compiler and puts c++17 behind one given as an option.
  set(CMAKE_CUDA20_STANDARD_COMPILE_OPTION -std=c++20)
  set(CMAKE_CUDA20_EXTENSION_COMPILE_OPTION -std=c++20)
endif()

# shoal_cuda_library(NAME sources...): kernels, strict (docs/numerics.md) and without a warning, the CUDA runtime static.
function(shoal_cuda_library name)
  add_library(${name} STATIC ${ARGN})
  target_include_directories(${name} PRIVATE "${PROJECT_SOURCE_DIR}" "${PROJECT_SOURCE_DIR}/include"
                                             "${PROJECT_SOURCE_DIR}/src")
  target_compile_options(${name} PRIVATE -fmad=false -Werror all-warnings)
  set_target_properties(${name} PROPERTIES CUDA_STANDARD 20 CUDA_RUNTIME_LIBRARY Static)
endfunction()

# shoal_kernel_listings(VARIABLE TARGET ARCHITECTURE): what nvcc makes of a kernel library's sources for one architecture
# (scripts/kernel_code.py), a JSON file a source in build/kernel_code; the variable holds their names. The code is that of
# the library in a Release build.
function(shoal_kernel_listings variable target architecture)
  separate_arguments(flags NATIVE_COMMAND "${CMAKE_CUDA_FLAGS} ${CMAKE_CUDA_FLAGS_RELEASE}")
  set(folder "${PROJECT_BINARY_DIR}/kernel_code")
  file(MAKE_DIRECTORY "${folder}")
  get_target_property(sources ${target} SOURCES)
  set(listings)
  foreach(source IN LISTS sources)
    get_filename_component(name "${source}" NAME_WE)
    set(listing "${folder}/${name}.sm_${architecture}.json")
    add_custom_command(
      OUTPUT "${listing}"
      COMMAND
        Python3::Interpreter "${PROJECT_SOURCE_DIR}/scripts/kernel_code.py" "${listing}" "${CMAKE_CUDA_COMPILER}" ${flags} -std=c++20
        "$<TARGET_PROPERTY:${target},COMPILE_OPTIONS>" "-I$<JOIN:$<TARGET_PROPERTY:${target},INCLUDE_DIRECTORIES>,;-I>"
        "--generate-code=arch=compute_${architecture},code=sm_${architecture}" -MD -MF "${listing}.d" -MT "${listing}" "${source}"
      DEPENDS "${source}" "${PROJECT_SOURCE_DIR}/scripts/kernel_code.py"
      DEPFILE "${listing}.d"
      COMMENT "Listing kernels of ${name} for sm_${architecture}"
      COMMAND_EXPAND_LISTS VERBATIM)
    list(APPEND listings "${listing}")
  endforeach()
  set(${variable} "${listings}" PARENT_SCOPE)
endfunction()

# shoal_portable(TARGET): a program that needs nothing but glibc where it runs.
function(shoal_portable target)
  target_link_options(${target} PRIVATE -static-libstdc++ -static-libgcc)
endfunction()
