/* window_int.h - what the files of the WINDOW operator share.
 *
 *     child --op_window.c--> tape of rows --window_frame.c--> frames --window_value.c--> results
 *
 * A row of the tape is the child's row, then what is computed of it once (partition, order,
 * arguments, filters), then the number of its group of peers. All rows go to one tape; partitions
 * are parts of it. Rows are read only when something asks for one: so a frame that ends with the
 * row at hand is computed as rows come. */
#ifndef VL_EXEC_WINDOW_INT_H
#define VL_EXEC_WINDOW_INT_H

#include "exec/exec_int.h"
#include "exec/sorter.h"
#include "exec/tape.h"
#include "func/registry.h"

/* No number of a row. */
#define VL_WINDOW_NONE UINT64_MAX

/* A frame at work: rows [start, end) of the tape for the row at hand, less those that EXCLUDE
 * says. The numbers never fall within a partition. */
typedef struct vl_window_bounds {
    const vl_window_frame *what;
    int is_used;             /* some call looks at it */
    vl_value start_offset;   /* a number that is not negative */
    vl_value end_offset;     /* see start_offset */
    uint64_t start;          /* first row */
    uint64_t end;            /* one past the last; before start: there are none */
    int64_t group;           /* RANGE, GROUPS: of the row that they were found for */
    int has_group;           /* it is one of this partition */
    vl_tape_cursor at_start; /* looks for start, and takes rows out */
    vl_tape_cursor at_end;   /* looks for end, and takes rows in */
} vl_window_bounds;

/* How a call is computed. */
typedef enum vl_window_way {
    VL_WINDOW_BUILTIN, /* from places of rows */
    VL_WINDOW_STATE,   /* an aggregate's state, that rows go into and come out of */
    VL_WINDOW_QUEUE,   /* min and max of a frame whose start moves: rows that may still win */
    VL_WINDOW_PARTS    /* an aggregate with rows excluded: anew for each group of peers */
} vl_window_way;

/* Rows of a frame without those that are excluded. */
typedef struct vl_window_part {
    uint64_t start;
    uint64_t end;
} vl_window_part;

#define VL_WINDOW_PARTS_MAX 3

/* A call at work. */
typedef struct vl_window_work {
    const vl_window_call *what;
    vl_window_way way;
    uint32_t *slots;      /* of its arguments in a row of the tape */
    uint32_t filter;      /* slot of FILTER, if there is one */
    vl_func_call call;    /* made for the step at hand */
    void *state;          /* STATE, PARTS */
    vl_arena state_arena; /* what it holds */
    uint64_t charged;     /* bytes of the arena and the queue */
    uint64_t from;        /* rows [from, to) are in the state, or were put into the queue */
    uint64_t to;
    uint64_t *queue;                           /* QUEUE: a ring of numbers of rows */
    size_t queue_first;                        /* position of the first */
    size_t queue_count;                        /* numbers in it */
    size_t queue_capacity;                     /* a power of two, or 0 */
    vl_window_part parts[VL_WINDOW_PARTS_MAX]; /* PARTS: what is in the state */
    uint32_t part_count;
    int has_parts;          /* the state is of these parts */
    vl_tape_cursor at;      /* looks at rows anywhere */
    vl_tape_cursor at_back; /* QUEUE: looks at the last */
    int64_t tiles;          /* ntile: of the partition; 0: not asked for yet */
    int is_extreme;         /* QUEUE: -1 min, 1 max */
    vl_value held;          /* first_value of a frame that begins with the partition: its value, */
    int has_held;           /* if it is known */
} vl_window_work;

typedef struct vl_window_stage {
    vl_stage base;
    const vl_op_window *what;
    uint32_t width;       /* of the child's row */
    uint32_t tape_width;  /* of a row of the tape */
    vl_exprs computed;    /* slots width and on: expressions that are no columns */
    uint32_t *partition;  /* slots */
    vl_sorter_key *order; /* of slots */
    uint32_t group_slot;  /* the last: number of the group of peers */
    vl_value *row;        /* a row of the tape that is being made */
    vl_value *args;       /* of a step */
    vl_window_bounds *frames;
    vl_window_work *works;

    vl_tape tape;
    vl_arena arena;         /* of what evaluating makes; emptied for each row */
    vl_tape_cursor at_row;  /* the row at hand */
    vl_tape_cursor at_peer; /* looks for the end of its group */
    const vl_chunk *chunk;  /* of the child; NULL: ask for the first */
    uint32_t at;            /* the next row of it */
    uint32_t asked;         /* rows that it was asked for last */
    uint32_t wanted;        /* rows that are asked for at the moment */
    int is_fruitless;       /* it was asked already for the rows that are asked for */
    int is_input_done;      /* the child has no more */
    int has_offsets;        /* offsets of frames were evaluated */
    int is_partition;       /* there is a partition at hand */
    uint64_t begin;         /* its first row */
    uint64_t end;           /* one past its last; VL_WINDOW_NONE: not known yet */
    uint64_t now;           /* the row at hand */
    int is_written;         /* it was given already: go to the next */
    int64_t group;          /* its group */
    int64_t first_group;    /* the first group of the partition */
    uint64_t peer_begin;    /* the first row of its group */
    uint64_t peer_end;      /* one past the last that is known to be of it */
    int64_t read_group;     /* group of the row that was read last */
} vl_window_stage;

/* ---- op_window.c ---- */

/* See that row `number`, at or behind the partition's begin, is read: *found is 0 when the
 * partition ends before it; then window->end is known. */
velo_status vl_window_fetch(vl_ctx *ctx, vl_window_stage *window, uint64_t number, int *found)
    VL_MUST_CHECK;

/* Read the partition to its end. */
velo_status vl_window_fetch_all(vl_ctx *ctx, vl_window_stage *window) VL_MUST_CHECK;

/* Find window->peer_end. */
velo_status vl_window_find_peers(vl_ctx *ctx, vl_window_stage *window) VL_MUST_CHECK;

/* ---- window_frame.c ---- */

/* Evaluate the offsets of all frames that are used. Errors: "frame starting offset must be a
 * non-negative integer" and the like. */
velo_status vl_window_offsets(vl_ctx *ctx, vl_window_stage *window) VL_MUST_CHECK;

/* Begin a partition. */
void vl_window_bounds_begin(const vl_window_stage *window, vl_window_bounds *bounds);

/* Find the frame of the row at hand. */
velo_status vl_window_bounds_find(vl_ctx *ctx, vl_window_stage *window, vl_window_bounds *bounds)
    VL_MUST_CHECK;

/* The parts of the frame of the row at hand that are not excluded; their count. The peers were
 * found. */
uint32_t vl_window_bounds_parts(const vl_window_stage *window, const vl_window_bounds *bounds,
                                vl_window_part *parts);

/* ---- window_value.c ---- */

/* Make what a call works with. */
velo_status vl_window_work_open(vl_ctx *ctx, vl_window_stage *window, vl_window_work *work)
    VL_MUST_CHECK;

/* Begin a partition. */
void vl_window_work_begin(vl_window_stage *window, vl_window_work *work);

/* The result of a call for the row at hand. It lives until anything else is read. */
velo_status vl_window_work_value(vl_ctx *ctx, vl_window_stage *window, vl_window_work *work,
                                 vl_value *value) VL_MUST_CHECK;

/* The first row that it will look at again, when the row at hand is done. */
uint64_t vl_window_work_keeps(const vl_window_stage *window, const vl_window_work *work);

/* Forget all, and give memory back. */
void vl_window_work_rewind(vl_window_stage *window, vl_window_work *work);

#endif
