# The lexer (re2c) and the grammar (lemon), generated at build time.
find_program(VELO_RE2C re2c)
find_program(VELO_LEMON lemon)
if(NOT VELO_RE2C OR NOT VELO_LEMON)
    message(FATAL_ERROR "re2c and lemon are needed (tools/setup.sh build installs them)")
endif()

# An object library of generated files, included from velocidb_generated_folder as "sql/grammar.h". Compiled without our list of
# warnings: the generators' code is not ours to change.
function(velocidb_generate_parser target)
    set(velocidb_generated_folder ${CMAKE_BINARY_DIR}/generated PARENT_SCOPE)
    set(folder ${CMAKE_BINARY_DIR}/generated/sql)
    file(MAKE_DIRECTORY ${folder})
    add_custom_command(OUTPUT ${folder}/grammar.c ${folder}/grammar.h
        COMMAND ${VELO_LEMON} -q -d${folder} ${PROJECT_SOURCE_DIR}/src/sql/grammar.y
        DEPENDS ${PROJECT_SOURCE_DIR}/src/sql/grammar.y COMMENT "Generating grammar.c" VERBATIM)
    add_custom_command(OUTPUT ${folder}/lexer.c
        COMMAND ${VELO_RE2C} -o ${folder}/lexer.c --no-debug-info
            ${PROJECT_SOURCE_DIR}/src/sql/lexer.re
        DEPENDS ${PROJECT_SOURCE_DIR}/src/sql/lexer.re COMMENT "Generating lexer.c" VERBATIM)
    add_library(${target} OBJECT ${folder}/grammar.c ${folder}/grammar.h ${folder}/lexer.c)
    set_target_properties(${target} PROPERTIES POSITION_INDEPENDENT_CODE ON)
    target_include_directories(${target} PRIVATE
        ${CMAKE_BINARY_DIR}/generated ${PROJECT_SOURCE_DIR}/src ${PROJECT_SOURCE_DIR}/include)
    target_compile_options(${target} PRIVATE -w -fvisibility=hidden ${velocidb_sanitizer_flags}
        $<$<BOOL:${VELO_FUZZ}>:-fsanitize=fuzzer-no-link>)
    target_compile_definitions(${target} PRIVATE NDEBUG VL_DEBUG=$<BOOL:${VELO_DEBUG}>
        VL_TINY=$<BOOL:${VELO_TINY}>
        VL_VERIFICATION=$<OR:$<BOOL:${VELO_TINY}>,$<BOOL:${VELO_FUZZ}>>)
endfunction()
