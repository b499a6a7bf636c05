/* schema_rig_check.c - runs statements in rigs and compares what is told afterwards. */
#include "lib/schema_rig_check.h"

#include "lib/unit.h"

#include <stdio.h>
#include <string.h>

void
schema_rig_tell_main(const schema_rig *rig, char *text, size_t size)
{
    schema_rig_tell_rows(&rig->databases[0], text, size);
}

void
schema_rig_tell_temp(const schema_rig *rig, char *text, size_t size)
{
    schema_rig_tell_rows(&rig->databases[1], text, size);
}

void
schema_rig_check(const schema_rig_pair *pairs, size_t count, schema_rig_tell *tell)
{
    for (size_t i = 0; i < count; i++) {
        char text[8192];
        schema_rig rig;

        schema_rig_init(&rig, NULL);
        rig.options.has_foreign_keys = 1;
        if (schema_rig_run(unit_ctx(), &rig, pairs[i].sql) != VELO_OK)
            (void)snprintf(text, sizeof text, "%s", unit_ctx()->error.text);
        else if (!schema_rig_is_sound(rig.databases[0].schema) ||
                 !schema_rig_is_sound(rig.databases[1].schema))
            (void)snprintf(text, sizeof text, "not sound");
        else
            tell(&rig, text, sizeof text);
        if (strcmp(text, pairs[i].wanted) != 0)
            unit_failed(__FILE__, __LINE__, "\"%s\" gives\n\"%s\", not\n\"%s\"", pairs[i].sql, text,
                        pairs[i].wanted);
        schema_rig_deinit(&rig);
    }
}
