# Run by `cmake --install`: copies the headers to SKIFF_HEADER_DIR, each "framework/..." include written
# <skiff/framework/...>.
set(target $ENV{DESTDIR}${CMAKE_INSTALL_PREFIX}/${SKIFF_HEADER_DIR})
file(GLOB_RECURSE headers RELATIVE ${SKIFF_SOURCE_DIR}
  ${SKIFF_SOURCE_DIR}/framework/*.h ${SKIFF_SOURCE_DIR}/executor/*.h ${SKIFF_SOURCE_DIR}/io/*.h
  ${SKIFF_SOURCE_DIR}/operators/kernel/*.h)  # the vocabulary that users' operators are written in
foreach(header IN LISTS headers ITEMS include/skiff/skiff.h)
  file(READ ${SKIFF_SOURCE_DIR}/${header} text)
  string(REGEX REPLACE "#include \"((framework|executor|io|operators)/[^\"]+)\"" "#include <skiff/\\1>" text "${text}")
  string(REPLACE "include/skiff/" "" installed ${header})
  message(STATUS "Installing: ${target}/${installed}")
  file(WRITE ${target}/${installed} "${text}")
endforeach()
