# Installation: headers, library, find_package(skiff) and pkg-config.
#   cmake --install build/cpu --prefix /opt/skiff
include(CMakePackageConfigHelpers)

# The library links protobuf, oneDNN, ... privately: its users need none of them to compile or link.
install(TARGETS skiff EXPORT skiffTargets LIBRARY DESTINATION ${CMAKE_INSTALL_LIBDIR})

# Headers call each other "framework/..." in the source tree and <skiff/framework/...> once installed, so
# that a user's include path gains the one folder skiff/ and no framework/ or io/.
install(CODE "
  set(SKIFF_SOURCE_DIR \"${PROJECT_SOURCE_DIR}\")
  set(SKIFF_HEADER_DIR \"${CMAKE_INSTALL_INCLUDEDIR}/skiff\")")
install(SCRIPT ${CMAKE_CURRENT_LIST_DIR}/install_headers.cmake)

set(SKIFF_CMAKE_DIR ${CMAKE_INSTALL_LIBDIR}/cmake/skiff)
install(EXPORT skiffTargets NAMESPACE skiff:: DESTINATION ${SKIFF_CMAKE_DIR})
configure_package_config_file(${CMAKE_CURRENT_LIST_DIR}/skiffConfig.cmake.in
  ${PROJECT_BINARY_DIR}/skiffConfig.cmake INSTALL_DESTINATION ${SKIFF_CMAKE_DIR})
write_basic_package_version_file(${PROJECT_BINARY_DIR}/skiffConfigVersion.cmake
  COMPATIBILITY SameMinorVersion)
install(FILES ${CMAKE_CURRENT_LIST_DIR}/skiffOpLibrary.cmake ${CMAKE_CURRENT_LIST_DIR}/op_library_mark.cc
  DESTINATION ${SKIFF_CMAKE_DIR})
install(FILES ${PROJECT_BINARY_DIR}/skiffConfig.cmake ${PROJECT_BINARY_DIR}/skiffConfigVersion.cmake
  DESTINATION ${SKIFF_CMAKE_DIR})

file(RELATIVE_PATH SKIFF_PC_PREFIX /prefix/${CMAKE_INSTALL_LIBDIR}/pkgconfig /prefix)
configure_file(${CMAKE_CURRENT_LIST_DIR}/skiff.pc.in ${PROJECT_BINARY_DIR}/skiff.pc @ONLY)
install(FILES ${PROJECT_BINARY_DIR}/skiff.pc DESTINATION ${CMAKE_INSTALL_LIBDIR}/pkgconfig)

if(SKIFF_BUILD_TOOLS)
  # Beside the library wherever the tree is put.
  set_target_properties(skiff_tool PROPERTIES
    INSTALL_RPATH "$ORIGIN/../${CMAKE_INSTALL_LIBDIR}")
  install(TARGETS skiff_tool RUNTIME DESTINATION ${CMAKE_INSTALL_BINDIR})
endif()
