/* os_contract_int.h - what the files of os_contract.h's checks share. */
#ifndef VL_TEST_OS_CONTRACT_INT_H
#define VL_TEST_OS_CONTRACT_INT_H

#include "lib/os_contract.h"

/* "folder/name"; valid until the fourth call after it. */
const char *os_contract_path(const char *folder, const char *name);

/* Open a file for writing, creating it if it is absent. */
velo_status os_contract_create(vl_io *io, const char *folder, const char *name, vl_file **file);

/* Bytes that say where they belong: those of a seed, whether they are there, whether all are 0. */
void os_contract_fill(void *buf, size_t size, uint64_t seed);
int os_contract_is_filled(const void *buf, size_t size, uint64_t seed);
int os_contract_is_zero(const uint8_t *buf, size_t size);

/* Make a request without flags. */
void os_contract_request(vl_io_request *request, vl_io_op op, vl_file *file, void *buf,
                         uint32_t size, uint64_t offset);

#endif
