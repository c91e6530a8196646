# skiff_add_op_library(NAME FILE...): a shared library lib<NAME>.so of operators, which skiff::LoadOpLibrary
# and skiff.utils.load_op_library take. FILEs are .cc with SKIFF_OP and .cu with SKIFF_CUDA_KERNELS; the
# latter are left out unless skiff has CUDA kernels itself and the project speaks CUDA:
#
#   project(my_operators LANGUAGES CXX)
#   find_package(skiff REQUIRED)
#   skiff_add_op_library(my_operators my_relu.cc my_relu.cu)
set(SKIFF_OP_LIBRARY_MARK_FILE ${CMAKE_CURRENT_LIST_DIR}/op_library_mark.cc)

function(skiff_add_op_library name)
  set(files ${ARGN})
  set(cuda_files ${ARGN})
  list(FILTER cuda_files INCLUDE REGEX "\\.cu$")
  get_property(languages GLOBAL PROPERTY ENABLED_LANGUAGES)
  if(cuda_files AND NOT (SKIFF_HAS_CUDA AND "CUDA" IN_LIST languages))
    list(REMOVE_ITEM files ${cuda_files})
    message(STATUS "${name}: for the CPU alone")
    set(cuda_files "")
  endif()
  # Compiled in each library by itself: a copy, so that it can stand in several.
  add_library(${name} SHARED ${files} ${SKIFF_OP_LIBRARY_MARK_FILE})
  target_link_libraries(${name} PRIVATE skiff::skiff)
  set_target_properties(${name} PROPERTIES CXX_EXTENSIONS OFF)
  # As skiff's own kernels: comparisons without traps and functions without errno make vector code.
  target_compile_options(${name} PRIVATE $<$<COMPILE_LANGUAGE:CXX>:-fno-math-errno -fno-trapping-math>)
  if(cuda_files)
    find_package(CUDAToolkit REQUIRED)
    target_link_libraries(${name} PRIVATE CUDA::cudart)
    target_compile_options(${name} PRIVATE
      $<$<COMPILE_LANGUAGE:CUDA>:-std=c++20 --expt-relaxed-constexpr --extended-lambda>)
    set_target_properties(${name} PROPERTIES CUDA_STANDARD_REQUIRED OFF)
  endif()
endfunction()
