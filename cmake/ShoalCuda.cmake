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

# shoal_list_kernels(VARIABLE TARGET ARCHITECTURE): has what nvcc makes of a kernel library's sources listed in
# build/kernel_code (scripts/kernel_code.py); the variable holds the names of the files for one of its architectures.
function(shoal_list_kernels variable target architecture)
  set(folder "${PROJECT_BINARY_DIR}/kernel_code")
  file(MAKE_DIRECTORY "${folder}")
  set_property(TARGET ${target} PROPERTY CUDA_COMPILER_LAUNCHER "${Python3_EXECUTABLE}"
                                         "${PROJECT_SOURCE_DIR}/scripts/kernel_code.py" "${folder}")
  get_target_property(sources ${target} SOURCES)
  set_property(SOURCE ${sources} APPEND PROPERTY OBJECT_DEPENDS "${PROJECT_SOURCE_DIR}/scripts/kernel_code.py")
  set(listings)
  foreach(source IN LISTS sources)
    get_filename_component(name "${source}" NAME_WE)
    list(APPEND listings "${folder}/${name}.sm_${architecture}.json")
  endforeach()
  set(${variable} "${listings}" PARENT_SCOPE)
endfunction()

# shoal_portable(TARGET): a program that needs nothing but glibc where it runs.
function(shoal_portable target)
  target_link_options(${target} PRIVATE -static-libstdc++ -static-libgcc)
endfunction()
