# Flags that every target of ours is compiled with.

set(velocidb_warnings
    -Wall -Wextra -Wpedantic -Wshadow -Wconversion -Wsign-conversion -Wdouble-promotion
    -Wstrict-prototypes -Wmissing-prototypes -Wold-style-definition -Wcast-align -Wcast-qual
    -Wpointer-arith -Wwrite-strings -Wundef -Wvla -Wformat=2 -Wimplicit-fallthrough -Wdate-time)
if(CMAKE_C_COMPILER_ID STREQUAL "GNU")
    list(APPEND velocidb_warnings -Wlogical-op -Wduplicated-cond -Wduplicated-branches
        -Wformat-signedness -Warith-conversion)
elseif(CMAKE_C_COMPILER_ID MATCHES "Clang")
    list(APPEND velocidb_warnings -Wcomma -Wshorten-64-to-32 -Wunreachable-code-aggressive
        -Wassign-enum -Wconditional-uninitialized -Wmissing-variable-declarations)
endif()

set(velocidb_sanitizer_flags)
if(VELO_SANITIZE)
    set(velocidb_sanitizer_flags -fsanitize=${VELO_SANITIZE} -fno-omit-frame-pointer
        -fno-sanitize-recover=all)
endif()
if(VELO_COVERAGE)
    list(APPEND velocidb_sanitizer_flags --coverage)
endif()

find_package(Threads REQUIRED)

# Compile a target under the house rules.
function(velocidb_compile target)
    target_compile_options(${target} PRIVATE ${velocidb_warnings} -ffp-contract=off
        -fvisibility=hidden ${velocidb_sanitizer_flags}
        $<$<BOOL:${VELO_WERROR}>:-Werror>
        $<$<BOOL:${VELO_FUZZ}>:-fsanitize=fuzzer-no-link>)
    target_compile_definitions(${target} PRIVATE
        VL_DEBUG=$<BOOL:${VELO_DEBUG}> VL_TINY=$<BOOL:${VELO_TINY}>
        VL_VERIFICATION=$<OR:$<BOOL:${VELO_TINY}>,$<BOOL:${VELO_FUZZ}>>)
    target_include_directories(${target} PRIVATE ${PROJECT_SOURCE_DIR}/include)
endfunction()

# What an executable or shared library needs at the link.
function(velocidb_link_sanitizers target)
    target_link_options(${target} PRIVATE ${velocidb_sanitizer_flags})
    target_link_libraries(${target} PRIVATE Threads::Threads m)
endfunction()
