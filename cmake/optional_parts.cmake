# Parts that are used where they are found. Configuring prints what was chosen.

find_package(PkgConfig)
set(velocidb_optional_lines)

# xxHash's header is required; it is compiled into src/base/hash.c and nothing is linked.
find_path(VELO_XXHASH_INCLUDE xxhash.h)
if(NOT VELO_XXHASH_INCLUDE)
    message(FATAL_ERROR "xxhash.h not found: install libxxhash-dev (tools/setup.sh does it)")
endif()

set(VELO_URING_FOUND FALSE)
if(NOT VELO_WITH_URING STREQUAL "OFF" AND PkgConfig_FOUND)
    pkg_check_modules(URING IMPORTED_TARGET liburing>=2.2)
    set(VELO_URING_FOUND ${URING_FOUND})
endif()
if(VELO_WITH_URING STREQUAL "ON" AND NOT VELO_URING_FOUND)
    message(FATAL_ERROR "io_uring was asked for, but liburing 2.2 or later was not found")
endif()
if(VELO_URING_FOUND)
    list(APPEND velocidb_optional_lines "io_uring          yes, liburing ${URING_VERSION}")
elseif(VELO_WITH_URING STREQUAL "OFF")
    list(APPEND velocidb_optional_lines "io_uring          no, switched off (VELO_WITH_URING)")
else()
    list(APPEND velocidb_optional_lines "io_uring          no, liburing 2.2 or later not found")
endif()

# Give a target the optional parts: definitions and libraries.
function(velocidb_link_optional_parts target)
    if(VELO_URING_FOUND)
        target_compile_definitions(${target} PRIVATE VL_HAVE_URING=1)
        target_link_libraries(${target} PRIVATE PkgConfig::URING)
    else()
        target_compile_definitions(${target} PRIVATE VL_HAVE_URING=0)
    endif()
endfunction()

message(STATUS "VelociDB ${PROJECT_VERSION}, ${CMAKE_C_COMPILER_ID} ${CMAKE_C_COMPILER_VERSION}")
foreach(line IN LISTS velocidb_optional_lines)
    message(STATUS "  ${line}")
endforeach()
