# make install: header, both libraries, program, pkg-config file and CMake package.
include(CMakePackageConfigHelpers)

install(TARGETS velocidb_shared velocidb_static EXPORT velocidb-targets
    LIBRARY DESTINATION ${CMAKE_INSTALL_LIBDIR}
    ARCHIVE DESTINATION ${CMAKE_INSTALL_LIBDIR})
install(TARGETS velocidb RUNTIME DESTINATION ${CMAKE_INSTALL_BINDIR})
install(FILES include/velocidb.h DESTINATION ${CMAKE_INSTALL_INCLUDEDIR})
install(FILES docs/velocidb.1 DESTINATION ${CMAKE_INSTALL_MANDIR}/man1)

# What a static link needs besides our archive.
set(velocidb_private_libs "-pthread -lm")
if(VELO_URING_FOUND)
    set(velocidb_private_requires "liburing")
endif()
if(VELO_PMEM_FOUND)
    string(APPEND velocidb_private_requires " libpmem")
endif()
# The file finds its prefix from where it lies, so that an installed tree may be moved, and
# `cmake --install --prefix` works.
file(RELATIVE_PATH velocidb_pc_to_prefix "/${CMAKE_INSTALL_LIBDIR}/pkgconfig" "/")
configure_file(cmake/velocidb.pc.in ${CMAKE_BINARY_DIR}/velocidb.pc @ONLY)
install(FILES ${CMAKE_BINARY_DIR}/velocidb.pc DESTINATION ${CMAKE_INSTALL_LIBDIR}/pkgconfig)

set(velocidb_package_dir ${CMAKE_INSTALL_LIBDIR}/cmake/velocidb)
install(EXPORT velocidb-targets NAMESPACE velocidb:: DESTINATION ${velocidb_package_dir})
configure_package_config_file(cmake/velocidb-config.cmake.in
    ${CMAKE_BINARY_DIR}/velocidb-config.cmake INSTALL_DESTINATION ${velocidb_package_dir})
write_basic_package_version_file(${CMAKE_BINARY_DIR}/velocidb-config-version.cmake
    COMPATIBILITY SameMinorVersion)
install(FILES ${CMAKE_BINARY_DIR}/velocidb-config.cmake
    ${CMAKE_BINARY_DIR}/velocidb-config-version.cmake DESTINATION ${velocidb_package_dir})
