# Optimization at link time, for what users get: the shared libraries and the shell. Objects hold plain
# code as well, so that tests and benchmarks of the inside link as fast as ever. Only gcc makes such
# objects in all versions that we build with.
set(velocidb_link_time FALSE)
if(VELO_LTO AND CMAKE_C_COMPILER_ID STREQUAL "GNU" AND NOT VELO_SANITIZE AND NOT VELO_COVERAGE AND CMAKE_OBJCOPY)
    set(velocidb_link_time TRUE)
endif()

# Compile for both ways of linking.
function(velocidb_link_time_objects)
    if(velocidb_link_time)
        foreach(target IN LISTS ARGN)
            target_compile_options(${target} PRIVATE -flto=auto -ffat-lto-objects)
        endforeach()
    endif()
endfunction()

# Optimize these when they are linked.
function(velocidb_link_time_optimize)
    if(velocidb_link_time)
        foreach(target IN LISTS ARGN)
            target_link_options(${target} PRIVATE -flto=auto)
        endforeach()
    endif()
endfunction()

# Take out of an archive what only the same version of gcc could read.
function(velocidb_link_time_strip target)
    if(velocidb_link_time)
        add_custom_command(TARGET ${target} POST_BUILD
            COMMAND ${CMAKE_OBJCOPY} --wildcard --remove-section=.gnu.lto_* --remove-section=.gnu.debuglto_*
                --strip-symbol=__gnu_lto_* $<TARGET_FILE:${target}>
            VERBATIM)
    endif()
endfunction()
