# Language level, warnings, sanitizers and the compiler cache.
set(CMAKE_CXX_STANDARD 20)
set(CMAKE_CXX_STANDARD_REQUIRED ON)
set(CMAKE_CXX_EXTENSIONS OFF)
set(CMAKE_POSITION_INDEPENDENT_CODE ON)
# -O3 costs a third more time to compile and wins nothing outside loops; operators/ asks for vector code.
string(REPLACE "-O3" "-O2" CMAKE_CXX_FLAGS_RELEASE "${CMAKE_CXX_FLAGS_RELEASE}")

find_program(SKIFF_CCACHE ccache)
if(SKIFF_CCACHE AND NOT CMAKE_CXX_COMPILER_LAUNCHER)
  # Sources under a precompiled header (see each folder) are cached too; -fpch-preprocess has ccache see which header.
  # A precompiled header knows its headers by their bytes (for #pragma once), so a cached one is only right for the
  # same bytes: depend mode compares those, where ccache's preprocessor mode overlooks a changed comment. The
  # namespace keeps out what that mode has stored.
  set(CMAKE_CXX_COMPILER_LAUNCHER ${CMAKE_COMMAND} -E env
    CCACHE_SLOPPINESS=pch_defines,time_macros CCACHE_DEPEND=1 CCACHE_NAMESPACE=skiff-depend ${SKIFF_CCACHE})
  add_compile_options($<$<COMPILE_LANG_AND_ID:CXX,GNU>:-fpch-preprocess>)
  set(CMAKE_CUDA_COMPILER_LAUNCHER ${SKIFF_CCACHE})
endif()

# Files of a folder are compiled eight at a time: the standard library's templates, which many of them use, are
# then compiled once. Names in anonymous namespaces are unique in a folder for that. Who changes one file at a
# time may prefer -DCMAKE_UNITY_BUILD=OFF.
option(CMAKE_UNITY_BUILD "Compile the files of a folder several at a time" ON)
set(CMAKE_UNITY_BUILD_BATCH_SIZE 8)

# Flags of every skiff target; a target of its own, so that users of the library do not inherit them.
add_library(skiff_options INTERFACE)
target_include_directories(skiff_options INTERFACE ${PROJECT_SOURCE_DIR})
target_compile_options(skiff_options INTERFACE
  $<$<COMPILE_LANGUAGE:CXX>:-Wall -Wextra -Wno-missing-field-initializers>
  $<$<AND:$<COMPILE_LANGUAGE:CXX>,$<BOOL:${SKIFF_WARNINGS_AS_ERRORS}>>:-Werror>)

if(SKIFF_SANITIZE)
  set(SKIFF_SANITIZER_FLAGS -fsanitize=${SKIFF_SANITIZE})  # for programs that link the library
  add_compile_options(-fsanitize=${SKIFF_SANITIZE} -fno-omit-frame-pointer -fno-sanitize-recover=all)
  add_link_options(-fsanitize=${SKIFF_SANITIZE})
endif()
