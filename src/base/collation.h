/* collation.h - orders of text that the application gives: their names, and how they are called.
 *
 * A schema is shared by all connections, but each connection has collations of its own. So a
 * collation's *name* has a number, the same in the whole process and for good: VL_COLLATE_USER and
 * above, as a vl_collation. What a connection gives under that name is an entry of its
 * vl_collators.
 *
 * Comparing values is done far below whoever knows of connections, so a thread says whose
 * collations count while it is in a call (vl_collators_enter). Only the thread that made the call
 * ever compares by them (31, item 22): nothing is called back on another one. */
#ifndef VL_BASE_COLLATION_H
#define VL_BASE_COLLATION_H

#include "base/type.h"

#include <stddef.h>

/* Names that a process can have; a collation's number must fit into a byte. */
#define VL_COLLATIONS_MAX 252U

/* One that a connection gives. Negative, 0 or positive: left is less, equal or greater. */
typedef struct vl_collator {
    int (*compare)(void *user, size_t left_size, const void *left, size_t right_size,
                   const void *right); /* NULL: there is none */
    void *user;
    void (*destroy)(void *user); /* NULL, or called when it goes */
} vl_collator;

/* Those of a connection. Zeroed: it has none. Belongs to one thread at a time. */
typedef struct vl_collators {
    vl_collator *list; /* VL_COLLATIONS_MAX of them, of VL_COLLATE_USER and so on; NULL: none yet */
    void (*needed)(void *user, const char *name); /* NULL, or asked for one that is not there */
    void *user;                                   /* for needed */
} vl_collators;

/* The number of a name, which gets one if it has none; case does not count. Any thread. Returns -1
 * when there are too many names. */
int vl_collation_add(const char *name, size_t size);

/* The name of a number, as it was first written; of the built-in ones too. Any thread. */
const char *vl_collation_name(vl_collation collation);

/* Say whose collations count in this thread from now on; NULL: nobody's. Returns whose they were
 * before, to be given to the same function when the call ends. */
vl_collators *vl_collators_enter(vl_collators *collators);

/* Whether there is a collation for those who are in a call, who are asked for it if need be;
 * built-in ones always are. */
int vl_collation_is_there(vl_collation collation);

/* As the former, by name: its number, or -1. */
int vl_collation_find(const char *name, size_t size);

/* Compare two texts by a collation of the application. One that is not there compares bytes:
 * whoever plans a comparison has looked whether it is (vl_collation_is_there). */
int vl_collation_compare(vl_collation collation, const void *left, size_t left_size,
                         const void *right, size_t right_size);

#endif
