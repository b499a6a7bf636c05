/* machine.h - how much of the machine this process may use.
 *
 * Processors and memory as the system grants them: affinity mask, container quota, container
 * memory limit. The default cache size and the default number of threads follow from these. */
#ifndef VL_OS_MACHINE_H
#define VL_OS_MACHINE_H

#include "base/platform.h"

typedef struct vl_machine {
    uint32_t processor_count;   /* processors of the affinity mask, at least 1 */
    uint32_t usable_processors; /* the lesser of that and the container's quota, rounded up */
    uint64_t memory_size;       /* physical memory in bytes, 0 when unknown */
    uint64_t usable_memory;     /* the lesser of that and the container's limit */
    uint32_t page_size;         /* of the system, in bytes */
    uint64_t huge_page_size;    /* of transparent huge pages, in bytes; 0 when there are none */
    char huge_page_mode[16];    /* "always", "madvise", "never" or "" */
    char system[128];           /* name and release of the kernel */
} vl_machine;

/* Find out, anew when the last answer is some seconds old, since a container's limits change. Never
 * fails: what cannot be found out is taken as unlimited. Any thread. */
void vl_machine_get(vl_machine *machine);

/* Give the memory of [base, base + size) back to the system as far as it is whole pages; the
 * addresses stay valid, the content is undefined. What the system refuses stays. Any thread. */
void vl_machine_discard(void *base, size_t size);

/* Ask for huge pages for [base, base + size), where the system has them. Any thread. */
void vl_machine_want_huge_pages(void *base, size_t size);

#endif
