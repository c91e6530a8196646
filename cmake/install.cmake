# Installation: headers, library, find_package(skiff) and pkg-config.
include(CMakePackageConfigHelpers)

install(TARGETS skiff EXPORT skiffTargets
  LIBRARY DESTINATION ${CMAKE_INSTALL_LIBDIR} COMPONENT library)
foreach(folder framework executor io)
  install(DIRECTORY ${PROJECT_SOURCE_DIR}/${folder} DESTINATION ${CMAKE_INSTALL_INCLUDEDIR}/skiff
    COMPONENT headers FILES_MATCHING PATTERN "*.h")
endforeach()
install(FILES ${PROJECT_SOURCE_DIR}/include/skiff/skiff.h
  DESTINATION ${CMAKE_INSTALL_INCLUDEDIR}/skiff COMPONENT headers)
