// cplusplus.cpp - the interface from C++: handles that close themselves.
#include "velocidb.h"

#include <cstdio>
#include <memory>

int
main()
{
    velo_connection *opened = nullptr;
    velo_statement *prepared = nullptr;
    velo_status status = velo_open(nullptr, nullptr, &opened);
    std::unique_ptr<velo_connection, decltype(&velo_close)> connection(opened, velo_close);

    if (status != VELO_OK ||
        velo_prepare(opened, "SELECT 'C++', 17", -1, &prepared, nullptr) != VELO_OK)
        return 1;
    std::unique_ptr<velo_statement, decltype(&velo_finalize)> statement(prepared, velo_finalize);
    while (velo_step(statement.get()) == VELO_ROW)
        std::printf("%s %d\n", velo_column_text(prepared, 0),
                    static_cast<int>(velo_column_int64(prepared, 1)));
    return 0;
}
