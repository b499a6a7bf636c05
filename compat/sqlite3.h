/* sqlite3.h - what programs written for SQLite call, provided by VelociDB's libsqlite3.so.0.
 *
 * Only names, numbers and types that the binary interface consists of are here, and one line about
 * each group; SQLite's own documentation tells what a function does. Where this library does
 * something else, or refuses, docs/sqlite-compatibility.md says so.
 *
 * Threads: a connection opened without SQLITE_OPEN_NOMUTEX may be used by several threads. */
#ifndef SQLITE3_H
#define SQLITE3_H

#include <stdarg.h>

#ifdef __cplusplus
extern "C" {
#endif

#ifndef SQLITE_API
#if defined(__GNUC__)
#define SQLITE_API __attribute__((visibility("default")))
#else
#define SQLITE_API
#endif
#endif

#define SQLITE_VERSION        "3.53.0"
#define SQLITE_VERSION_NUMBER 3053000
#define SQLITE_SOURCE_ID      "VelociDB, with the interface of SQLite 3.53.0"

typedef long long int sqlite_int64;
typedef unsigned long long int sqlite_uint64;
typedef sqlite_int64 sqlite3_int64;
typedef sqlite_uint64 sqlite3_uint64;

typedef struct sqlite3 sqlite3;
typedef struct sqlite3_stmt sqlite3_stmt;
typedef struct sqlite3_value sqlite3_value;
typedef struct sqlite3_context sqlite3_context;
typedef struct sqlite3_blob sqlite3_blob;
typedef struct sqlite3_backup sqlite3_backup;
typedef struct sqlite3_str sqlite3_str;
typedef struct sqlite3_mutex sqlite3_mutex;
typedef struct sqlite3_vfs sqlite3_vfs;
typedef struct sqlite3_file sqlite3_file;
typedef struct sqlite3_module sqlite3_module;
typedef struct sqlite3_vtab sqlite3_vtab;
typedef struct sqlite3_vtab_cursor sqlite3_vtab_cursor;
typedef struct sqlite3_index_info sqlite3_index_info;
typedef struct sqlite3_rtree_geometry sqlite3_rtree_geometry;
typedef struct sqlite3_rtree_query_info sqlite3_rtree_query_info;
typedef struct sqlite3_session sqlite3_session;
typedef struct sqlite3_changeset_iter sqlite3_changeset_iter;
typedef struct sqlite3_changegroup sqlite3_changegroup;
typedef struct sqlite3_rebaser sqlite3_rebaser;
typedef struct sqlite3_api_routines sqlite3_api_routines;
typedef const char *sqlite3_filename;
typedef double sqlite3_rtree_dbl;

typedef void (*sqlite3_destructor_type)(void *);
typedef int (*sqlite3_callback)(void *, int, char **, char **);
typedef void (*sqlite3_syscall_ptr)(void);

/* What is to be done with bytes that are handed over. */
#define SQLITE_STATIC    ((sqlite3_destructor_type)0)
#define SQLITE_TRANSIENT ((sqlite3_destructor_type) - 1)

/* ---- results ---- */

#define SQLITE_OK         0
#define SQLITE_ERROR      1
#define SQLITE_INTERNAL   2
#define SQLITE_PERM       3
#define SQLITE_ABORT      4
#define SQLITE_BUSY       5
#define SQLITE_LOCKED     6
#define SQLITE_NOMEM      7
#define SQLITE_READONLY   8
#define SQLITE_INTERRUPT  9
#define SQLITE_IOERR      10
#define SQLITE_CORRUPT    11
#define SQLITE_NOTFOUND   12
#define SQLITE_FULL       13
#define SQLITE_CANTOPEN   14
#define SQLITE_PROTOCOL   15
#define SQLITE_EMPTY      16
#define SQLITE_SCHEMA     17
#define SQLITE_TOOBIG     18
#define SQLITE_CONSTRAINT 19
#define SQLITE_MISMATCH   20
#define SQLITE_MISUSE     21
#define SQLITE_NOLFS      22
#define SQLITE_AUTH       23
#define SQLITE_FORMAT     24
#define SQLITE_RANGE      25
#define SQLITE_NOTADB     26
#define SQLITE_NOTICE     27
#define SQLITE_WARNING    28
#define SQLITE_ROW        100
#define SQLITE_DONE       101

#define SQLITE_ERROR_MISSING_COLLSEQ   (SQLITE_ERROR | (1 << 8))
#define SQLITE_ERROR_RETRY             (SQLITE_ERROR | (2 << 8))
#define SQLITE_ERROR_SNAPSHOT          (SQLITE_ERROR | (3 << 8))
#define SQLITE_IOERR_READ              (SQLITE_IOERR | (1 << 8))
#define SQLITE_IOERR_SHORT_READ        (SQLITE_IOERR | (2 << 8))
#define SQLITE_IOERR_WRITE             (SQLITE_IOERR | (3 << 8))
#define SQLITE_IOERR_FSYNC             (SQLITE_IOERR | (4 << 8))
#define SQLITE_IOERR_DIR_FSYNC         (SQLITE_IOERR | (5 << 8))
#define SQLITE_IOERR_TRUNCATE          (SQLITE_IOERR | (6 << 8))
#define SQLITE_IOERR_FSTAT             (SQLITE_IOERR | (7 << 8))
#define SQLITE_IOERR_UNLOCK            (SQLITE_IOERR | (8 << 8))
#define SQLITE_IOERR_RDLOCK            (SQLITE_IOERR | (9 << 8))
#define SQLITE_IOERR_DELETE            (SQLITE_IOERR | (10 << 8))
#define SQLITE_IOERR_BLOCKED           (SQLITE_IOERR | (11 << 8))
#define SQLITE_IOERR_NOMEM             (SQLITE_IOERR | (12 << 8))
#define SQLITE_IOERR_ACCESS            (SQLITE_IOERR | (13 << 8))
#define SQLITE_IOERR_CHECKRESERVEDLOCK (SQLITE_IOERR | (14 << 8))
#define SQLITE_IOERR_LOCK              (SQLITE_IOERR | (15 << 8))
#define SQLITE_IOERR_CLOSE             (SQLITE_IOERR | (16 << 8))
#define SQLITE_IOERR_DIR_CLOSE         (SQLITE_IOERR | (17 << 8))
#define SQLITE_IOERR_SHMOPEN           (SQLITE_IOERR | (18 << 8))
#define SQLITE_IOERR_SHMSIZE           (SQLITE_IOERR | (19 << 8))
#define SQLITE_IOERR_SHMLOCK           (SQLITE_IOERR | (20 << 8))
#define SQLITE_IOERR_SHMMAP            (SQLITE_IOERR | (21 << 8))
#define SQLITE_IOERR_SEEK              (SQLITE_IOERR | (22 << 8))
#define SQLITE_IOERR_DELETE_NOENT      (SQLITE_IOERR | (23 << 8))
#define SQLITE_IOERR_MMAP              (SQLITE_IOERR | (24 << 8))
#define SQLITE_IOERR_GETTEMPPATH       (SQLITE_IOERR | (25 << 8))
#define SQLITE_IOERR_CONVPATH          (SQLITE_IOERR | (26 << 8))
#define SQLITE_IOERR_VNODE             (SQLITE_IOERR | (27 << 8))
#define SQLITE_IOERR_AUTH              (SQLITE_IOERR | (28 << 8))
#define SQLITE_IOERR_BEGIN_ATOMIC      (SQLITE_IOERR | (29 << 8))
#define SQLITE_IOERR_COMMIT_ATOMIC     (SQLITE_IOERR | (30 << 8))
#define SQLITE_IOERR_ROLLBACK_ATOMIC   (SQLITE_IOERR | (31 << 8))
#define SQLITE_IOERR_DATA              (SQLITE_IOERR | (32 << 8))
#define SQLITE_IOERR_CORRUPTFS         (SQLITE_IOERR | (33 << 8))
#define SQLITE_LOCKED_SHAREDCACHE      (SQLITE_LOCKED | (1 << 8))
#define SQLITE_LOCKED_VTAB             (SQLITE_LOCKED | (2 << 8))
#define SQLITE_BUSY_RECOVERY           (SQLITE_BUSY | (1 << 8))
#define SQLITE_BUSY_SNAPSHOT           (SQLITE_BUSY | (2 << 8))
#define SQLITE_BUSY_TIMEOUT            (SQLITE_BUSY | (3 << 8))
#define SQLITE_CANTOPEN_NOTEMPDIR      (SQLITE_CANTOPEN | (1 << 8))
#define SQLITE_CANTOPEN_ISDIR          (SQLITE_CANTOPEN | (2 << 8))
#define SQLITE_CANTOPEN_FULLPATH       (SQLITE_CANTOPEN | (3 << 8))
#define SQLITE_CANTOPEN_CONVPATH       (SQLITE_CANTOPEN | (4 << 8))
#define SQLITE_CANTOPEN_DIRTYWAL       (SQLITE_CANTOPEN | (5 << 8))
#define SQLITE_CANTOPEN_SYMLINK        (SQLITE_CANTOPEN | (6 << 8))
#define SQLITE_CORRUPT_VTAB            (SQLITE_CORRUPT | (1 << 8))
#define SQLITE_CORRUPT_SEQUENCE        (SQLITE_CORRUPT | (2 << 8))
#define SQLITE_CORRUPT_INDEX           (SQLITE_CORRUPT | (3 << 8))
#define SQLITE_READONLY_RECOVERY       (SQLITE_READONLY | (1 << 8))
#define SQLITE_READONLY_CANTLOCK       (SQLITE_READONLY | (2 << 8))
#define SQLITE_READONLY_ROLLBACK       (SQLITE_READONLY | (3 << 8))
#define SQLITE_READONLY_DBMOVED        (SQLITE_READONLY | (4 << 8))
#define SQLITE_READONLY_CANTINIT       (SQLITE_READONLY | (5 << 8))
#define SQLITE_READONLY_DIRECTORY      (SQLITE_READONLY | (6 << 8))
#define SQLITE_ABORT_ROLLBACK          (SQLITE_ABORT | (2 << 8))
#define SQLITE_CONSTRAINT_CHECK        (SQLITE_CONSTRAINT | (1 << 8))
#define SQLITE_CONSTRAINT_COMMITHOOK   (SQLITE_CONSTRAINT | (2 << 8))
#define SQLITE_CONSTRAINT_FOREIGNKEY   (SQLITE_CONSTRAINT | (3 << 8))
#define SQLITE_CONSTRAINT_FUNCTION     (SQLITE_CONSTRAINT | (4 << 8))
#define SQLITE_CONSTRAINT_NOTNULL      (SQLITE_CONSTRAINT | (5 << 8))
#define SQLITE_CONSTRAINT_PRIMARYKEY   (SQLITE_CONSTRAINT | (6 << 8))
#define SQLITE_CONSTRAINT_TRIGGER      (SQLITE_CONSTRAINT | (7 << 8))
#define SQLITE_CONSTRAINT_UNIQUE       (SQLITE_CONSTRAINT | (8 << 8))
#define SQLITE_CONSTRAINT_VTAB         (SQLITE_CONSTRAINT | (9 << 8))
#define SQLITE_CONSTRAINT_ROWID        (SQLITE_CONSTRAINT | (10 << 8))
#define SQLITE_CONSTRAINT_PINNED       (SQLITE_CONSTRAINT | (11 << 8))
#define SQLITE_CONSTRAINT_DATATYPE     (SQLITE_CONSTRAINT | (12 << 8))
#define SQLITE_NOTICE_RECOVER_WAL      (SQLITE_NOTICE | (1 << 8))
#define SQLITE_NOTICE_RECOVER_ROLLBACK (SQLITE_NOTICE | (2 << 8))
#define SQLITE_NOTICE_RBU              (SQLITE_NOTICE | (3 << 8))
#define SQLITE_WARNING_AUTOINDEX       (SQLITE_WARNING | (1 << 8))
#define SQLITE_AUTH_USER               (SQLITE_AUTH | (1 << 8))
#define SQLITE_OK_LOAD_PERMANENTLY     (SQLITE_OK | (1 << 8))
#define SQLITE_OK_SYMLINK              (SQLITE_OK | (2 << 8))

/* ---- types and encodings of values ---- */

#define SQLITE_INTEGER 1
#define SQLITE_FLOAT   2
#define SQLITE_TEXT    3
#define SQLITE3_TEXT   3
#define SQLITE_BLOB    4
#define SQLITE_NULL    5

#define SQLITE_UTF8          1
#define SQLITE_UTF16LE       2
#define SQLITE_UTF16BE       3
#define SQLITE_UTF16         4
#define SQLITE_ANY           5
#define SQLITE_UTF16_ALIGNED 8

#define SQLITE_DETERMINISTIC  0x000000800
#define SQLITE_DIRECTONLY     0x000080000
#define SQLITE_SUBTYPE        0x000100000
#define SQLITE_INNOCUOUS      0x000200000
#define SQLITE_RESULT_SUBTYPE 0x001000000
#define SQLITE_SELFORDER1     0x002000000

/* ---- flags of sqlite3_open_v2 ---- */

#define SQLITE_OPEN_READONLY      0x00000001
#define SQLITE_OPEN_READWRITE     0x00000002
#define SQLITE_OPEN_CREATE        0x00000004
#define SQLITE_OPEN_DELETEONCLOSE 0x00000008
#define SQLITE_OPEN_EXCLUSIVE     0x00000010
#define SQLITE_OPEN_AUTOPROXY     0x00000020
#define SQLITE_OPEN_URI           0x00000040
#define SQLITE_OPEN_MEMORY        0x00000080
#define SQLITE_OPEN_MAIN_DB       0x00000100
#define SQLITE_OPEN_TEMP_DB       0x00000200
#define SQLITE_OPEN_TRANSIENT_DB  0x00000400
#define SQLITE_OPEN_MAIN_JOURNAL  0x00000800
#define SQLITE_OPEN_TEMP_JOURNAL  0x00001000
#define SQLITE_OPEN_SUBJOURNAL    0x00002000
#define SQLITE_OPEN_SUPER_JOURNAL 0x00004000
#define SQLITE_OPEN_NOMUTEX       0x00008000
#define SQLITE_OPEN_FULLMUTEX     0x00010000
#define SQLITE_OPEN_SHAREDCACHE   0x00020000
#define SQLITE_OPEN_PRIVATECACHE  0x00040000
#define SQLITE_OPEN_WAL           0x00080000
#define SQLITE_OPEN_NOFOLLOW      0x01000000
#define SQLITE_OPEN_EXRESCODE     0x02000000

#define SQLITE_PREPARE_PERSISTENT 0x01
#define SQLITE_PREPARE_NORMALIZE  0x02
#define SQLITE_PREPARE_NO_VTAB    0x04
#define SQLITE_PREPARE_DONT_LOG   0x10

/* ---- authorizer ---- */

#define SQLITE_DENY   1
#define SQLITE_IGNORE 2

#define SQLITE_COPY                0
#define SQLITE_CREATE_INDEX        1
#define SQLITE_CREATE_TABLE        2
#define SQLITE_CREATE_TEMP_INDEX   3
#define SQLITE_CREATE_TEMP_TABLE   4
#define SQLITE_CREATE_TEMP_TRIGGER 5
#define SQLITE_CREATE_TEMP_VIEW    6
#define SQLITE_CREATE_TRIGGER      7
#define SQLITE_CREATE_VIEW         8
#define SQLITE_DELETE              9
#define SQLITE_DROP_INDEX          10
#define SQLITE_DROP_TABLE          11
#define SQLITE_DROP_TEMP_INDEX     12
#define SQLITE_DROP_TEMP_TABLE     13
#define SQLITE_DROP_TEMP_TRIGGER   14
#define SQLITE_DROP_TEMP_VIEW      15
#define SQLITE_DROP_TRIGGER        16
#define SQLITE_DROP_VIEW           17
#define SQLITE_INSERT              18
#define SQLITE_PRAGMA              19
#define SQLITE_READ                20
#define SQLITE_SELECT              21
#define SQLITE_TRANSACTION         22
#define SQLITE_UPDATE              23
#define SQLITE_ATTACH              24
#define SQLITE_DETACH              25
#define SQLITE_ALTER_TABLE         26
#define SQLITE_REINDEX             27
#define SQLITE_ANALYZE             28
#define SQLITE_CREATE_VTABLE       29
#define SQLITE_DROP_VTABLE         30
#define SQLITE_FUNCTION            31
#define SQLITE_SAVEPOINT           32
#define SQLITE_RECURSIVE           33

/* ---- numbers of settings, limits, counters ---- */

#define SQLITE_LIMIT_LENGTH              0
#define SQLITE_LIMIT_SQL_LENGTH          1
#define SQLITE_LIMIT_COLUMN              2
#define SQLITE_LIMIT_EXPR_DEPTH          3
#define SQLITE_LIMIT_COMPOUND_SELECT     4
#define SQLITE_LIMIT_VDBE_OP             5
#define SQLITE_LIMIT_FUNCTION_ARG        6
#define SQLITE_LIMIT_ATTACHED            7
#define SQLITE_LIMIT_LIKE_PATTERN_LENGTH 8
#define SQLITE_LIMIT_VARIABLE_NUMBER     9
#define SQLITE_LIMIT_TRIGGER_DEPTH       10
#define SQLITE_LIMIT_WORKER_THREADS      11

#define SQLITE_CONFIG_SINGLETHREAD        1
#define SQLITE_CONFIG_MULTITHREAD         2
#define SQLITE_CONFIG_SERIALIZED          3
#define SQLITE_CONFIG_MALLOC              4
#define SQLITE_CONFIG_GETMALLOC           5
#define SQLITE_CONFIG_SCRATCH             6
#define SQLITE_CONFIG_PAGECACHE           7
#define SQLITE_CONFIG_HEAP                8
#define SQLITE_CONFIG_MEMSTATUS           9
#define SQLITE_CONFIG_MUTEX               10
#define SQLITE_CONFIG_GETMUTEX            11
#define SQLITE_CONFIG_LOOKASIDE           13
#define SQLITE_CONFIG_LOG                 16
#define SQLITE_CONFIG_URI                 17
#define SQLITE_CONFIG_PCACHE2             18
#define SQLITE_CONFIG_GETPCACHE2          19
#define SQLITE_CONFIG_COVERING_INDEX_SCAN 20
#define SQLITE_CONFIG_SQLLOG              21
#define SQLITE_CONFIG_MMAP_SIZE           22
#define SQLITE_CONFIG_WIN32_HEAPSIZE      23
#define SQLITE_CONFIG_PCACHE_HDRSZ        24
#define SQLITE_CONFIG_PMASZ               25
#define SQLITE_CONFIG_STMTJRNL_SPILL      26
#define SQLITE_CONFIG_SMALL_MALLOC        27
#define SQLITE_CONFIG_SORTERREF_SIZE      28
#define SQLITE_CONFIG_MEMDB_MAXSIZE       29

#define SQLITE_DBCONFIG_MAINDBNAME            1000
#define SQLITE_DBCONFIG_LOOKASIDE             1001
#define SQLITE_DBCONFIG_ENABLE_FKEY           1002
#define SQLITE_DBCONFIG_ENABLE_TRIGGER        1003
#define SQLITE_DBCONFIG_ENABLE_FTS3_TOKENIZER 1004
#define SQLITE_DBCONFIG_ENABLE_LOAD_EXTENSION 1005
#define SQLITE_DBCONFIG_NO_CKPT_ON_CLOSE      1006
#define SQLITE_DBCONFIG_ENABLE_QPSG           1007
#define SQLITE_DBCONFIG_TRIGGER_EQP           1008
#define SQLITE_DBCONFIG_RESET_DATABASE        1009
#define SQLITE_DBCONFIG_DEFENSIVE             1010
#define SQLITE_DBCONFIG_WRITABLE_SCHEMA       1011
#define SQLITE_DBCONFIG_LEGACY_ALTER_TABLE    1012
#define SQLITE_DBCONFIG_DQS_DML               1013
#define SQLITE_DBCONFIG_DQS_DDL               1014
#define SQLITE_DBCONFIG_ENABLE_VIEW           1015
#define SQLITE_DBCONFIG_LEGACY_FILE_FORMAT    1016
#define SQLITE_DBCONFIG_TRUSTED_SCHEMA        1017
#define SQLITE_DBCONFIG_STMT_SCANSTATUS       1018
#define SQLITE_DBCONFIG_REVERSE_SCANORDER     1019
#define SQLITE_DBCONFIG_MAX                   1019

#define SQLITE_STATUS_MEMORY_USED        0
#define SQLITE_STATUS_PAGECACHE_USED     1
#define SQLITE_STATUS_PAGECACHE_OVERFLOW 2
#define SQLITE_STATUS_MALLOC_SIZE        5
#define SQLITE_STATUS_PARSER_STACK       6
#define SQLITE_STATUS_PAGECACHE_SIZE     7
#define SQLITE_STATUS_MALLOC_COUNT       9

#define SQLITE_DBSTATUS_LOOKASIDE_USED      0
#define SQLITE_DBSTATUS_CACHE_USED          1
#define SQLITE_DBSTATUS_SCHEMA_USED         2
#define SQLITE_DBSTATUS_STMT_USED           3
#define SQLITE_DBSTATUS_LOOKASIDE_HIT       4
#define SQLITE_DBSTATUS_LOOKASIDE_MISS_SIZE 5
#define SQLITE_DBSTATUS_LOOKASIDE_MISS_FULL 6
#define SQLITE_DBSTATUS_CACHE_HIT           7
#define SQLITE_DBSTATUS_CACHE_MISS          8
#define SQLITE_DBSTATUS_CACHE_WRITE         9
#define SQLITE_DBSTATUS_DEFERRED_FKS        10
#define SQLITE_DBSTATUS_CACHE_USED_SHARED   11
#define SQLITE_DBSTATUS_CACHE_SPILL         12
#define SQLITE_DBSTATUS_MAX                 12

#define SQLITE_STMTSTATUS_FULLSCAN_STEP 1
#define SQLITE_STMTSTATUS_SORT          2
#define SQLITE_STMTSTATUS_AUTOINDEX     3
#define SQLITE_STMTSTATUS_VM_STEP       4
#define SQLITE_STMTSTATUS_REPREPARE     5
#define SQLITE_STMTSTATUS_RUN           6
#define SQLITE_STMTSTATUS_FILTER_MISS   7
#define SQLITE_STMTSTATUS_FILTER_HIT    8
#define SQLITE_STMTSTATUS_MEMUSED       99

#define SQLITE_TXN_NONE  0
#define SQLITE_TXN_READ  1
#define SQLITE_TXN_WRITE 2

#define SQLITE_TRACE_STMT    0x01
#define SQLITE_TRACE_PROFILE 0x02
#define SQLITE_TRACE_ROW     0x04
#define SQLITE_TRACE_CLOSE   0x08

#define SQLITE_CHECKPOINT_PASSIVE  0
#define SQLITE_CHECKPOINT_FULL     1
#define SQLITE_CHECKPOINT_RESTART  2
#define SQLITE_CHECKPOINT_TRUNCATE 3

#define SQLITE_FCNTL_LOCKSTATE           1
#define SQLITE_FCNTL_SIZE_HINT           5
#define SQLITE_FCNTL_CHUNK_SIZE          6
#define SQLITE_FCNTL_FILE_POINTER        7
#define SQLITE_FCNTL_PERSIST_WAL         10
#define SQLITE_FCNTL_OVERWRITE           11
#define SQLITE_FCNTL_VFSNAME             12
#define SQLITE_FCNTL_POWERSAFE_OVERWRITE 13
#define SQLITE_FCNTL_TEMPFILENAME        16
#define SQLITE_FCNTL_MMAP_SIZE           18
#define SQLITE_FCNTL_HAS_MOVED           20
#define SQLITE_FCNTL_DATA_VERSION        35
#define SQLITE_FCNTL_RESERVE_BYTES       38
#define SQLITE_FCNTL_RESET_CACHE         42

#define SQLITE_SERIALIZE_NOCOPY        0x001
#define SQLITE_SERIALIZE_VELOCIDB      0x10000 /* ours: an image of VelociDB's own format */
#define SQLITE_DESERIALIZE_FREEONCLOSE 1
#define SQLITE_DESERIALIZE_RESIZEABLE  2
#define SQLITE_DESERIALIZE_READONLY    4

#define SQLITE_MUTEX_FAST        0
#define SQLITE_MUTEX_RECURSIVE   1
#define SQLITE_MUTEX_STATIC_MAIN 2
#define SQLITE_MUTEX_STATIC_VFS3 13

#define SQLITE_ACCESS_EXISTS    0
#define SQLITE_ACCESS_READWRITE 1
#define SQLITE_ACCESS_READ      2

#define SQLITE_ROLLBACK 1
#define SQLITE_FAIL     3
#define SQLITE_REPLACE  5

/* How a column of a virtual table is restricted, and what is known of a scan. */
#define SQLITE_INDEX_CONSTRAINT_EQ        2
#define SQLITE_INDEX_CONSTRAINT_GT        4
#define SQLITE_INDEX_CONSTRAINT_LE        8
#define SQLITE_INDEX_CONSTRAINT_LT        16
#define SQLITE_INDEX_CONSTRAINT_GE        32
#define SQLITE_INDEX_CONSTRAINT_MATCH     64
#define SQLITE_INDEX_CONSTRAINT_LIKE      65
#define SQLITE_INDEX_CONSTRAINT_GLOB      66
#define SQLITE_INDEX_CONSTRAINT_REGEXP    67
#define SQLITE_INDEX_CONSTRAINT_NE        68
#define SQLITE_INDEX_CONSTRAINT_ISNOT     69
#define SQLITE_INDEX_CONSTRAINT_ISNOTNULL 70
#define SQLITE_INDEX_CONSTRAINT_ISNULL    71
#define SQLITE_INDEX_CONSTRAINT_IS        72
#define SQLITE_INDEX_CONSTRAINT_LIMIT     73
#define SQLITE_INDEX_CONSTRAINT_OFFSET    74
#define SQLITE_INDEX_CONSTRAINT_FUNCTION  150
#define SQLITE_INDEX_SCAN_UNIQUE          0x00000001
#define SQLITE_INDEX_SCAN_HEX             0x00000002

#define SQLITE_VTAB_CONSTRAINT_SUPPORT 1
#define SQLITE_VTAB_INNOCUOUS          2
#define SQLITE_VTAB_DIRECTONLY         3
#define SQLITE_VTAB_USES_ALL_SCHEMAS   4

/* ---- structs that programs fill in or read ---- */

struct sqlite3_file {
    const struct sqlite3_io_methods *pMethods;
};

typedef struct sqlite3_io_methods {
    int iVersion;
    int (*xClose)(sqlite3_file *);
    int (*xRead)(sqlite3_file *, void *, int amount, sqlite3_int64 offset);
    int (*xWrite)(sqlite3_file *, const void *, int amount, sqlite3_int64 offset);
    int (*xTruncate)(sqlite3_file *, sqlite3_int64 size);
    int (*xSync)(sqlite3_file *, int flags);
    int (*xFileSize)(sqlite3_file *, sqlite3_int64 *size);
    int (*xLock)(sqlite3_file *, int);
    int (*xUnlock)(sqlite3_file *, int);
    int (*xCheckReservedLock)(sqlite3_file *, int *result);
    int (*xFileControl)(sqlite3_file *, int op, void *arg);
    int (*xSectorSize)(sqlite3_file *);
    int (*xDeviceCharacteristics)(sqlite3_file *);
    int (*xShmMap)(sqlite3_file *, int page, int size, int, void volatile **);
    int (*xShmLock)(sqlite3_file *, int offset, int n, int flags);
    void (*xShmBarrier)(sqlite3_file *);
    int (*xShmUnmap)(sqlite3_file *, int delete_flag);
    int (*xFetch)(sqlite3_file *, sqlite3_int64 offset, int amount, void **p);
    int (*xUnfetch)(sqlite3_file *, sqlite3_int64 offset, void *p);
} sqlite3_io_methods;

struct sqlite3_vfs {
    int iVersion;
    int szOsFile;
    int mxPathname;
    sqlite3_vfs *pNext;
    const char *zName;
    void *pAppData;
    int (*xOpen)(sqlite3_vfs *, sqlite3_filename name, sqlite3_file *, int flags, int *out_flags);
    int (*xDelete)(sqlite3_vfs *, const char *name, int sync_folder);
    int (*xAccess)(sqlite3_vfs *, const char *name, int flags, int *result);
    int (*xFullPathname)(sqlite3_vfs *, const char *name, int size, char *out);
    void *(*xDlOpen)(sqlite3_vfs *, const char *filename);
    void (*xDlError)(sqlite3_vfs *, int size, char *message);
    void (*(*xDlSym)(sqlite3_vfs *, void *, const char *symbol))(void);
    void (*xDlClose)(sqlite3_vfs *, void *);
    int (*xRandomness)(sqlite3_vfs *, int size, char *out);
    int (*xSleep)(sqlite3_vfs *, int microseconds);
    int (*xCurrentTime)(sqlite3_vfs *, double *);
    int (*xGetLastError)(sqlite3_vfs *, int, char *);
    int (*xCurrentTimeInt64)(sqlite3_vfs *, sqlite3_int64 *);
    int (*xSetSystemCall)(sqlite3_vfs *, const char *name, sqlite3_syscall_ptr);
    sqlite3_syscall_ptr (*xGetSystemCall)(sqlite3_vfs *, const char *name);
    const char *(*xNextSystemCall)(sqlite3_vfs *, const char *name);
};

typedef struct sqlite3_mem_methods {
    void *(*xMalloc)(int);
    void (*xFree)(void *);
    void *(*xRealloc)(void *, int);
    int (*xSize)(void *);
    int (*xRoundup)(int);
    int (*xInit)(void *);
    void (*xShutdown)(void *);
    void *pAppData;
} sqlite3_mem_methods;

struct sqlite3_module {
    int iVersion;
    int (*xCreate)(sqlite3 *, void *aux, int argc, const char *const *argv, sqlite3_vtab **,
                   char **);
    int (*xConnect)(sqlite3 *, void *aux, int argc, const char *const *argv, sqlite3_vtab **,
                    char **);
    int (*xBestIndex)(sqlite3_vtab *, sqlite3_index_info *);
    int (*xDisconnect)(sqlite3_vtab *);
    int (*xDestroy)(sqlite3_vtab *);
    int (*xOpen)(sqlite3_vtab *, sqlite3_vtab_cursor **);
    int (*xClose)(sqlite3_vtab_cursor *);
    int (*xFilter)(sqlite3_vtab_cursor *, int number, const char *text, int argc,
                   sqlite3_value **argv);
    int (*xNext)(sqlite3_vtab_cursor *);
    int (*xEof)(sqlite3_vtab_cursor *);
    int (*xColumn)(sqlite3_vtab_cursor *, sqlite3_context *, int);
    int (*xRowid)(sqlite3_vtab_cursor *, sqlite3_int64 *rowid);
    int (*xUpdate)(sqlite3_vtab *, int, sqlite3_value **, sqlite3_int64 *);
    int (*xBegin)(sqlite3_vtab *);
    int (*xSync)(sqlite3_vtab *);
    int (*xCommit)(sqlite3_vtab *);
    int (*xRollback)(sqlite3_vtab *);
    int (*xFindFunction)(sqlite3_vtab *, int argc, const char *name,
                         void (**function)(sqlite3_context *, int, sqlite3_value **), void **arg);
    int (*xRename)(sqlite3_vtab *, const char *name);
    int (*xSavepoint)(sqlite3_vtab *, int);
    int (*xRelease)(sqlite3_vtab *, int);
    int (*xRollbackTo)(sqlite3_vtab *, int);
    int (*xShadowName)(const char *);
    int (*xIntegrity)(sqlite3_vtab *, const char *schema, const char *table, int flags,
                      char **error);
};

struct sqlite3_vtab {
    const sqlite3_module *pModule;
    int nRef;
    char *zErrMsg;
};

struct sqlite3_vtab_cursor {
    sqlite3_vtab *pVtab;
};

struct sqlite3_index_info {
    int nConstraint;
    struct sqlite3_index_constraint {
        int iColumn;
        unsigned char op;
        unsigned char usable;
        int iTermOffset;
    } *aConstraint;
    int nOrderBy;
    struct sqlite3_index_orderby {
        int iColumn;
        unsigned char desc;
    } *aOrderBy;
    struct sqlite3_index_constraint_usage {
        int argvIndex;
        unsigned char omit;
    } *aConstraintUsage;
    int idxNum;
    char *idxStr;
    int needToFreeIdxStr;
    int orderByConsumed;
    double estimatedCost;
    sqlite3_int64 estimatedRows;
    int idxFlags;
    sqlite3_uint64 colUsed;
};

/* ---- the library ---- */

SQLITE_API extern const char sqlite3_version[];
SQLITE_API extern char *sqlite3_temp_directory;
SQLITE_API extern char *sqlite3_data_directory;
SQLITE_API const char *sqlite3_libversion(void);
SQLITE_API const char *sqlite3_sourceid(void);
SQLITE_API int sqlite3_libversion_number(void);
SQLITE_API int sqlite3_compileoption_used(const char *name);
SQLITE_API const char *sqlite3_compileoption_get(int index);
SQLITE_API int sqlite3_threadsafe(void);
SQLITE_API int sqlite3_initialize(void);
SQLITE_API int sqlite3_shutdown(void);
SQLITE_API int sqlite3_os_init(void);
SQLITE_API int sqlite3_os_end(void);
SQLITE_API int sqlite3_config(int option, ...);
SQLITE_API void sqlite3_log(int code, const char *format, ...);
SQLITE_API int sqlite3_sleep(int ms);
SQLITE_API void sqlite3_randomness(int size, void *to);
SQLITE_API int sqlite3_enable_shared_cache(int on);
SQLITE_API int sqlite3_release_memory(int size);
SQLITE_API sqlite3_int64 sqlite3_soft_heap_limit64(sqlite3_int64 size);
SQLITE_API sqlite3_int64 sqlite3_hard_heap_limit64(sqlite3_int64 size);
SQLITE_API void sqlite3_soft_heap_limit(int size);
SQLITE_API int sqlite3_status(int op, int *current, int *peak, int reset);
SQLITE_API int sqlite3_status64(int op, sqlite3_int64 *current, sqlite3_int64 *peak, int reset);
SQLITE_API int sqlite3_test_control(int op, ...);
SQLITE_API int sqlite3_keyword_count(void);
SQLITE_API int sqlite3_keyword_name(int index, const char **name, int *size);
SQLITE_API int sqlite3_keyword_check(const char *text, int size);
SQLITE_API int sqlite3_complete(const char *sql);
SQLITE_API int sqlite3_complete16(const void *sql);
SQLITE_API int sqlite3_global_recover(void);
SQLITE_API void sqlite3_thread_cleanup(void);
SQLITE_API int sqlite3_memory_alarm(void (*alarm)(void *, sqlite3_int64, int), void *arg,
                                    sqlite3_int64 threshold);

/* ---- memory and texts ---- */

SQLITE_API void *sqlite3_malloc(int size);
SQLITE_API void *sqlite3_malloc64(sqlite3_uint64 size);
SQLITE_API void *sqlite3_realloc(void *block, int size);
SQLITE_API void *sqlite3_realloc64(void *block, sqlite3_uint64 size);
SQLITE_API void sqlite3_free(void *block);
SQLITE_API sqlite3_uint64 sqlite3_msize(void *block);
SQLITE_API sqlite3_int64 sqlite3_memory_used(void);
SQLITE_API sqlite3_int64 sqlite3_memory_highwater(int reset);
SQLITE_API char *sqlite3_mprintf(const char *format, ...);
SQLITE_API char *sqlite3_vmprintf(const char *format, va_list args);
SQLITE_API char *sqlite3_snprintf(int size, char *to, const char *format, ...);
SQLITE_API char *sqlite3_vsnprintf(int size, char *to, const char *format, va_list args);
SQLITE_API sqlite3_str *sqlite3_str_new(sqlite3 *db);
SQLITE_API char *sqlite3_str_finish(sqlite3_str *str);
SQLITE_API void sqlite3_str_appendf(sqlite3_str *str, const char *format, ...);
SQLITE_API void sqlite3_str_vappendf(sqlite3_str *str, const char *format, va_list args);
SQLITE_API void sqlite3_str_append(sqlite3_str *str, const char *text, int size);
SQLITE_API void sqlite3_str_appendall(sqlite3_str *str, const char *text);
SQLITE_API void sqlite3_str_appendchar(sqlite3_str *str, int count, char c);
SQLITE_API void sqlite3_str_reset(sqlite3_str *str);
SQLITE_API void sqlite3_str_truncate(sqlite3_str *str, int size);
SQLITE_API void sqlite3_str_free(sqlite3_str *str);
SQLITE_API int sqlite3_str_errcode(sqlite3_str *str);
SQLITE_API int sqlite3_str_length(sqlite3_str *str);
SQLITE_API char *sqlite3_str_value(sqlite3_str *str);
SQLITE_API int sqlite3_stricmp(const char *a, const char *b);
SQLITE_API int sqlite3_strnicmp(const char *a, const char *b, int size);
SQLITE_API int sqlite3_strglob(const char *pattern, const char *text);
SQLITE_API int sqlite3_strlike(const char *pattern, const char *text, unsigned int escape);

/* ---- mutexes ---- */

SQLITE_API sqlite3_mutex *sqlite3_mutex_alloc(int kind);
SQLITE_API void sqlite3_mutex_free(sqlite3_mutex *mutex);
SQLITE_API void sqlite3_mutex_enter(sqlite3_mutex *mutex);
SQLITE_API int sqlite3_mutex_try(sqlite3_mutex *mutex);
SQLITE_API void sqlite3_mutex_leave(sqlite3_mutex *mutex);
SQLITE_API sqlite3_mutex *sqlite3_db_mutex(sqlite3 *db);

/* ---- the machine ---- */

SQLITE_API sqlite3_vfs *sqlite3_vfs_find(const char *name);
SQLITE_API int sqlite3_vfs_register(sqlite3_vfs *vfs, int is_default);
SQLITE_API int sqlite3_vfs_unregister(sqlite3_vfs *vfs);
SQLITE_API const char *sqlite3_uri_parameter(sqlite3_filename name, const char *parameter);
SQLITE_API int sqlite3_uri_boolean(sqlite3_filename name, const char *parameter, int otherwise);
SQLITE_API sqlite3_int64 sqlite3_uri_int64(sqlite3_filename name, const char *parameter,
                                           sqlite3_int64 otherwise);
SQLITE_API const char *sqlite3_uri_key(sqlite3_filename name, int index);
SQLITE_API const char *sqlite3_filename_database(sqlite3_filename name);
SQLITE_API const char *sqlite3_filename_journal(sqlite3_filename name);
SQLITE_API const char *sqlite3_filename_wal(sqlite3_filename name);
SQLITE_API sqlite3_file *sqlite3_database_file_object(const char *name);
SQLITE_API sqlite3_filename sqlite3_create_filename(const char *database, const char *journal,
                                                    const char *wal, int count,
                                                    const char **parameters);
SQLITE_API void sqlite3_free_filename(sqlite3_filename name);

/* ---- connections ---- */

SQLITE_API int sqlite3_open(const char *name, sqlite3 **db);
SQLITE_API int sqlite3_open16(const void *name, sqlite3 **db);
SQLITE_API int sqlite3_open_v2(const char *name, sqlite3 **db, int flags, const char *vfs);
SQLITE_API int sqlite3_close(sqlite3 *db);
SQLITE_API int sqlite3_close_v2(sqlite3 *db);
SQLITE_API int sqlite3_errcode(sqlite3 *db);
SQLITE_API int sqlite3_set_errmsg(sqlite3 *db, int code, const char *message);
SQLITE_API int sqlite3_extended_errcode(sqlite3 *db);
SQLITE_API const char *sqlite3_errmsg(sqlite3 *db);
SQLITE_API const void *sqlite3_errmsg16(sqlite3 *db);
SQLITE_API const char *sqlite3_errstr(int code);
SQLITE_API int sqlite3_error_offset(sqlite3 *db);
SQLITE_API int sqlite3_system_errno(sqlite3 *db);
SQLITE_API int sqlite3_extended_result_codes(sqlite3 *db, int on);
SQLITE_API int sqlite3_exec(sqlite3 *db, const char *sql, sqlite3_callback row, void *arg,
                            char **message);
SQLITE_API int sqlite3_get_table(sqlite3 *db, const char *sql, char ***result, int *rows,
                                 int *columns, char **message);
SQLITE_API void sqlite3_free_table(char **result);
SQLITE_API int sqlite3_changes(sqlite3 *db);
SQLITE_API sqlite3_int64 sqlite3_changes64(sqlite3 *db);
SQLITE_API int sqlite3_total_changes(sqlite3 *db);
SQLITE_API sqlite3_int64 sqlite3_total_changes64(sqlite3 *db);
SQLITE_API sqlite3_int64 sqlite3_last_insert_rowid(sqlite3 *db);
SQLITE_API void sqlite3_set_last_insert_rowid(sqlite3 *db, sqlite3_int64 rowid);
SQLITE_API void sqlite3_interrupt(sqlite3 *db);
SQLITE_API int sqlite3_is_interrupted(sqlite3 *db);

#define SQLITE_SETLK_BLOCK_ON_CONNECT 0x01
SQLITE_API int sqlite3_setlk_timeout(sqlite3 *db, int timeout_ms, int flags);
SQLITE_API int sqlite3_busy_timeout(sqlite3 *db, int ms);
SQLITE_API int sqlite3_busy_handler(sqlite3 *db, int (*handler)(void *, int), void *arg);
SQLITE_API int sqlite3_get_autocommit(sqlite3 *db);
SQLITE_API int sqlite3_txn_state(sqlite3 *db, const char *schema);
SQLITE_API int sqlite3_limit(sqlite3 *db, int id, int value);
SQLITE_API int sqlite3_db_config(sqlite3 *db, int op, ...);
SQLITE_API int sqlite3_db_status(sqlite3 *db, int op, int *current, int *peak, int reset);
SQLITE_API int sqlite3_db_status64(sqlite3 *db, int op, sqlite3_int64 *current, sqlite3_int64 *peak,
                                   int reset);
SQLITE_API const char *sqlite3_db_name(sqlite3 *db, int index);
SQLITE_API sqlite3_filename sqlite3_db_filename(sqlite3 *db, const char *schema);
SQLITE_API int sqlite3_db_readonly(sqlite3 *db, const char *schema);
SQLITE_API int sqlite3_db_release_memory(sqlite3 *db);
SQLITE_API int sqlite3_db_cacheflush(sqlite3 *db);
SQLITE_API int sqlite3_file_control(sqlite3 *db, const char *schema, int op, void *arg);
SQLITE_API int sqlite3_table_column_metadata(sqlite3 *db, const char *schema, const char *table,
                                             const char *column, char const **type,
                                             char const **collation, int *not_null,
                                             int *primary_key, int *autoincrement);
SQLITE_API sqlite3_stmt *sqlite3_next_stmt(sqlite3 *db, sqlite3_stmt *stmt);
SQLITE_API int sqlite3_unlock_notify(sqlite3 *db, void (*notify)(void **, int), void *arg);
SQLITE_API int sqlite3_load_extension(sqlite3 *db, const char *file, const char *entry,
                                      char **message);
SQLITE_API int sqlite3_enable_load_extension(sqlite3 *db, int on);
SQLITE_API int sqlite3_auto_extension(void (*entry)(void));
SQLITE_API int sqlite3_cancel_auto_extension(void (*entry)(void));
SQLITE_API void sqlite3_reset_auto_extension(void);
SQLITE_API int sqlite3_wal_checkpoint(sqlite3 *db, const char *schema);
SQLITE_API int sqlite3_wal_checkpoint_v2(sqlite3 *db, const char *schema, int mode, int *log,
                                         int *done);
SQLITE_API int sqlite3_wal_autocheckpoint(sqlite3 *db, int pages);

/* ---- hooks ---- */

SQLITE_API void *sqlite3_wal_hook(sqlite3 *db, int (*hook)(void *, sqlite3 *, const char *, int),
                                  void *arg);
SQLITE_API void *sqlite3_commit_hook(sqlite3 *db, int (*hook)(void *), void *arg);
SQLITE_API void *sqlite3_rollback_hook(sqlite3 *db, void (*hook)(void *), void *arg);
SQLITE_API void *sqlite3_update_hook(
    sqlite3 *db, void (*hook)(void *, int, char const *, char const *, sqlite3_int64), void *arg);
SQLITE_API void *sqlite3_get_clientdata(sqlite3 *db, const char *name);
SQLITE_API int sqlite3_set_clientdata(sqlite3 *db, const char *name, void *data,
                                      void (*destroy)(void *));
SQLITE_API int sqlite3_autovacuum_pages(sqlite3 *db,
                                        unsigned int (*pages)(void *, const char *, unsigned int,
                                                              unsigned int, unsigned int),
                                        void *arg, void (*destroy)(void *));
SQLITE_API void *sqlite3_preupdate_hook(sqlite3 *db,
                                        void (*hook)(void *, sqlite3 *, int, char const *,
                                                     char const *, sqlite3_int64, sqlite3_int64),
                                        void *arg);
SQLITE_API int sqlite3_preupdate_old(sqlite3 *db, int column, sqlite3_value **value);
SQLITE_API int sqlite3_preupdate_new(sqlite3 *db, int column, sqlite3_value **value);
SQLITE_API int sqlite3_preupdate_count(sqlite3 *db);
SQLITE_API int sqlite3_preupdate_depth(sqlite3 *db);
SQLITE_API int sqlite3_preupdate_blobwrite(sqlite3 *db);
SQLITE_API void sqlite3_progress_handler(sqlite3 *db, int steps, int (*handler)(void *), void *arg);
SQLITE_API int sqlite3_trace_v2(sqlite3 *db, unsigned mask,
                                int (*trace)(unsigned, void *, void *, void *), void *arg);
SQLITE_API void *sqlite3_trace(sqlite3 *db, void (*trace)(void *, const char *), void *arg);
SQLITE_API void *sqlite3_profile(sqlite3 *db, void (*profile)(void *, const char *, sqlite3_uint64),
                                 void *arg);
SQLITE_API int sqlite3_set_authorizer(sqlite3 *db,
                                      int (*authorizer)(void *, int, const char *, const char *,
                                                        const char *, const char *),
                                      void *arg);

/* ---- statements ---- */

SQLITE_API int sqlite3_prepare(sqlite3 *db, const char *sql, int size, sqlite3_stmt **stmt,
                               const char **tail);
SQLITE_API int sqlite3_prepare_v2(sqlite3 *db, const char *sql, int size, sqlite3_stmt **stmt,
                                  const char **tail);
SQLITE_API int sqlite3_prepare_v3(sqlite3 *db, const char *sql, int size, unsigned int flags,
                                  sqlite3_stmt **stmt, const char **tail);
SQLITE_API int sqlite3_prepare16(sqlite3 *db, const void *sql, int size, sqlite3_stmt **stmt,
                                 const void **tail);
SQLITE_API int sqlite3_prepare16_v2(sqlite3 *db, const void *sql, int size, sqlite3_stmt **stmt,
                                    const void **tail);
SQLITE_API int sqlite3_prepare16_v3(sqlite3 *db, const void *sql, int size, unsigned int flags,
                                    sqlite3_stmt **stmt, const void **tail);
SQLITE_API int sqlite3_step(sqlite3_stmt *stmt);
SQLITE_API int sqlite3_reset(sqlite3_stmt *stmt);
SQLITE_API int sqlite3_finalize(sqlite3_stmt *stmt);
SQLITE_API const char *sqlite3_sql(sqlite3_stmt *stmt);
SQLITE_API char *sqlite3_expanded_sql(sqlite3_stmt *stmt);
SQLITE_API const char *sqlite3_normalized_sql(sqlite3_stmt *stmt);
SQLITE_API int sqlite3_stmt_explain(sqlite3_stmt *stmt, int mode);
SQLITE_API int sqlite3_stmt_readonly(sqlite3_stmt *stmt);
SQLITE_API int sqlite3_stmt_isexplain(sqlite3_stmt *stmt);
SQLITE_API int sqlite3_stmt_busy(sqlite3_stmt *stmt);
SQLITE_API int sqlite3_stmt_status(sqlite3_stmt *stmt, int op, int reset);
SQLITE_API int sqlite3_expired(sqlite3_stmt *stmt);
SQLITE_API sqlite3 *sqlite3_db_handle(sqlite3_stmt *stmt);
SQLITE_API int sqlite3_data_count(sqlite3_stmt *stmt);
SQLITE_API int sqlite3_transfer_bindings(sqlite3_stmt *from, sqlite3_stmt *to);
SQLITE_API int sqlite3_clear_bindings(sqlite3_stmt *stmt);

SQLITE_API int sqlite3_bind_parameter_count(sqlite3_stmt *stmt);
SQLITE_API const char *sqlite3_bind_parameter_name(sqlite3_stmt *stmt, int index);
SQLITE_API int sqlite3_bind_parameter_index(sqlite3_stmt *stmt, const char *name);
SQLITE_API int sqlite3_bind_null(sqlite3_stmt *stmt, int index);
SQLITE_API int sqlite3_bind_int(sqlite3_stmt *stmt, int index, int value);
SQLITE_API int sqlite3_bind_int64(sqlite3_stmt *stmt, int index, sqlite3_int64 value);
SQLITE_API int sqlite3_bind_double(sqlite3_stmt *stmt, int index, double value);
SQLITE_API int sqlite3_bind_text(sqlite3_stmt *stmt, int index, const char *text, int size,
                                 void (*destroy)(void *));
SQLITE_API int sqlite3_bind_text16(sqlite3_stmt *stmt, int index, const void *text, int size,
                                   void (*destroy)(void *));
SQLITE_API int sqlite3_bind_text64(sqlite3_stmt *stmt, int index, const char *text,
                                   sqlite3_uint64 size, void (*destroy)(void *),
                                   unsigned char encoding);
SQLITE_API int sqlite3_bind_blob(sqlite3_stmt *stmt, int index, const void *data, int size,
                                 void (*destroy)(void *));
SQLITE_API int sqlite3_bind_blob64(sqlite3_stmt *stmt, int index, const void *data,
                                   sqlite3_uint64 size, void (*destroy)(void *));
SQLITE_API int sqlite3_bind_zeroblob(sqlite3_stmt *stmt, int index, int size);
SQLITE_API int sqlite3_bind_zeroblob64(sqlite3_stmt *stmt, int index, sqlite3_uint64 size);
SQLITE_API int sqlite3_bind_value(sqlite3_stmt *stmt, int index, const sqlite3_value *value);
SQLITE_API int sqlite3_bind_pointer(sqlite3_stmt *stmt, int index, void *pointer, const char *type,
                                    void (*destroy)(void *));

SQLITE_API int sqlite3_column_count(sqlite3_stmt *stmt);
SQLITE_API const char *sqlite3_column_name(sqlite3_stmt *stmt, int column);
SQLITE_API const void *sqlite3_column_name16(sqlite3_stmt *stmt, int column);
SQLITE_API const char *sqlite3_column_decltype(sqlite3_stmt *stmt, int column);
SQLITE_API const void *sqlite3_column_decltype16(sqlite3_stmt *stmt, int column);
SQLITE_API const char *sqlite3_column_database_name(sqlite3_stmt *stmt, int column);
SQLITE_API const void *sqlite3_column_database_name16(sqlite3_stmt *stmt, int column);
SQLITE_API const char *sqlite3_column_table_name(sqlite3_stmt *stmt, int column);
SQLITE_API const void *sqlite3_column_table_name16(sqlite3_stmt *stmt, int column);
SQLITE_API const char *sqlite3_column_origin_name(sqlite3_stmt *stmt, int column);
SQLITE_API const void *sqlite3_column_origin_name16(sqlite3_stmt *stmt, int column);
SQLITE_API int sqlite3_column_type(sqlite3_stmt *stmt, int column);
SQLITE_API int sqlite3_column_int(sqlite3_stmt *stmt, int column);
SQLITE_API sqlite3_int64 sqlite3_column_int64(sqlite3_stmt *stmt, int column);
SQLITE_API double sqlite3_column_double(sqlite3_stmt *stmt, int column);
SQLITE_API const unsigned char *sqlite3_column_text(sqlite3_stmt *stmt, int column);
SQLITE_API const void *sqlite3_column_text16(sqlite3_stmt *stmt, int column);
SQLITE_API const void *sqlite3_column_blob(sqlite3_stmt *stmt, int column);
SQLITE_API int sqlite3_column_bytes(sqlite3_stmt *stmt, int column);
SQLITE_API int sqlite3_column_bytes16(sqlite3_stmt *stmt, int column);
SQLITE_API sqlite3_value *sqlite3_column_value(sqlite3_stmt *stmt, int column);

/* ---- values ---- */

SQLITE_API int sqlite3_value_type(sqlite3_value *value);
SQLITE_API int sqlite3_value_numeric_type(sqlite3_value *value);
SQLITE_API int sqlite3_value_int(sqlite3_value *value);
SQLITE_API sqlite3_int64 sqlite3_value_int64(sqlite3_value *value);
SQLITE_API double sqlite3_value_double(sqlite3_value *value);
SQLITE_API const unsigned char *sqlite3_value_text(sqlite3_value *value);
SQLITE_API const void *sqlite3_value_text16(sqlite3_value *value);
SQLITE_API const void *sqlite3_value_text16le(sqlite3_value *value);
SQLITE_API const void *sqlite3_value_text16be(sqlite3_value *value);
SQLITE_API const void *sqlite3_value_blob(sqlite3_value *value);
SQLITE_API int sqlite3_value_bytes(sqlite3_value *value);
SQLITE_API int sqlite3_value_bytes16(sqlite3_value *value);
SQLITE_API void *sqlite3_value_pointer(sqlite3_value *value, const char *type);
SQLITE_API unsigned int sqlite3_value_subtype(sqlite3_value *value);
SQLITE_API int sqlite3_value_nochange(sqlite3_value *value);
SQLITE_API int sqlite3_value_frombind(sqlite3_value *value);
SQLITE_API int sqlite3_value_encoding(sqlite3_value *value);
SQLITE_API sqlite3_value *sqlite3_value_dup(const sqlite3_value *value);
SQLITE_API void sqlite3_value_free(sqlite3_value *value);

/* ---- functions and collations ---- */

typedef void sqlite3_scalar_function(sqlite3_context *, int, sqlite3_value **);
typedef void sqlite3_final_function(sqlite3_context *);

SQLITE_API int sqlite3_create_function(sqlite3 *db, const char *name, int count, int flags,
                                       void *user, sqlite3_scalar_function *function,
                                       sqlite3_scalar_function *step,
                                       sqlite3_final_function *final);
SQLITE_API int sqlite3_create_function16(sqlite3 *db, const void *name, int count, int flags,
                                         void *user, sqlite3_scalar_function *function,
                                         sqlite3_scalar_function *step,
                                         sqlite3_final_function *final);
SQLITE_API int sqlite3_create_function_v2(sqlite3 *db, const char *name, int count, int flags,
                                          void *user, sqlite3_scalar_function *function,
                                          sqlite3_scalar_function *step,
                                          sqlite3_final_function *final, void (*destroy)(void *));
SQLITE_API int sqlite3_create_window_function(sqlite3 *db, const char *name, int count, int flags,
                                              void *user, sqlite3_scalar_function *step,
                                              sqlite3_final_function *final,
                                              sqlite3_final_function *value,
                                              sqlite3_scalar_function *inverse,
                                              void (*destroy)(void *));
SQLITE_API int sqlite3_overload_function(sqlite3 *db, const char *name, int count);
SQLITE_API void *sqlite3_aggregate_context(sqlite3_context *context, int size);
SQLITE_API int sqlite3_aggregate_count(sqlite3_context *context);
SQLITE_API void *sqlite3_user_data(sqlite3_context *context);
SQLITE_API sqlite3 *sqlite3_context_db_handle(sqlite3_context *context);
SQLITE_API void *sqlite3_get_auxdata(sqlite3_context *context, int index);
SQLITE_API void sqlite3_set_auxdata(sqlite3_context *context, int index, void *data,
                                    void (*destroy)(void *));
SQLITE_API void sqlite3_result_null(sqlite3_context *context);
SQLITE_API void sqlite3_result_int(sqlite3_context *context, int value);
SQLITE_API void sqlite3_result_int64(sqlite3_context *context, sqlite3_int64 value);
SQLITE_API void sqlite3_result_double(sqlite3_context *context, double value);
SQLITE_API void sqlite3_result_text(sqlite3_context *context, const char *text, int size,
                                    void (*destroy)(void *));
SQLITE_API void sqlite3_result_text64(sqlite3_context *context, const char *text,
                                      sqlite3_uint64 size, void (*destroy)(void *),
                                      unsigned char encoding);
SQLITE_API void sqlite3_result_text16(sqlite3_context *context, const void *text, int size,
                                      void (*destroy)(void *));
SQLITE_API void sqlite3_result_text16le(sqlite3_context *context, const void *text, int size,
                                        void (*destroy)(void *));
SQLITE_API void sqlite3_result_text16be(sqlite3_context *context, const void *text, int size,
                                        void (*destroy)(void *));
SQLITE_API void sqlite3_result_blob(sqlite3_context *context, const void *data, int size,
                                    void (*destroy)(void *));
SQLITE_API void sqlite3_result_blob64(sqlite3_context *context, const void *data,
                                      sqlite3_uint64 size, void (*destroy)(void *));
SQLITE_API void sqlite3_result_zeroblob(sqlite3_context *context, int size);
SQLITE_API int sqlite3_result_zeroblob64(sqlite3_context *context, sqlite3_uint64 size);
SQLITE_API void sqlite3_result_value(sqlite3_context *context, sqlite3_value *value);
SQLITE_API void sqlite3_result_pointer(sqlite3_context *context, void *pointer, const char *type,
                                       void (*destroy)(void *));
SQLITE_API void sqlite3_result_subtype(sqlite3_context *context, unsigned int subtype);
SQLITE_API void sqlite3_result_error(sqlite3_context *context, const char *text, int size);
SQLITE_API void sqlite3_result_error16(sqlite3_context *context, const void *text, int size);
SQLITE_API void sqlite3_result_error_code(sqlite3_context *context, int code);
SQLITE_API void sqlite3_result_error_nomem(sqlite3_context *context);
SQLITE_API void sqlite3_result_error_toobig(sqlite3_context *context);

SQLITE_API int sqlite3_create_collation(sqlite3 *db, const char *name, int encoding, void *user,
                                        int (*compare)(void *, int, const void *, int,
                                                       const void *));
SQLITE_API int sqlite3_create_collation16(sqlite3 *db, const void *name, int encoding, void *user,
                                          int (*compare)(void *, int, const void *, int,
                                                         const void *));
SQLITE_API int sqlite3_create_collation_v2(sqlite3 *db, const char *name, int encoding, void *user,
                                           int (*compare)(void *, int, const void *, int,
                                                          const void *),
                                           void (*destroy)(void *));
SQLITE_API int sqlite3_collation_needed(sqlite3 *db, void *arg,
                                        void (*needed)(void *, sqlite3 *, int, const char *));
SQLITE_API int sqlite3_collation_needed16(sqlite3 *db, void *arg,
                                          void (*needed)(void *, sqlite3 *, int, const void *));

/* ---- virtual tables ---- */

SQLITE_API int sqlite3_create_module(sqlite3 *db, const char *name, const sqlite3_module *module,
                                     void *aux);
SQLITE_API int sqlite3_create_module_v2(sqlite3 *db, const char *name, const sqlite3_module *module,
                                        void *aux, void (*destroy)(void *));
SQLITE_API int sqlite3_drop_modules(sqlite3 *db, const char **keep);
SQLITE_API int sqlite3_declare_vtab(sqlite3 *db, const char *sql);
SQLITE_API int sqlite3_vtab_config(sqlite3 *db, int op, ...);
SQLITE_API int sqlite3_vtab_on_conflict(sqlite3 *db);
SQLITE_API int sqlite3_vtab_nochange(sqlite3_context *context);
SQLITE_API const char *sqlite3_vtab_collation(sqlite3_index_info *info, int constraint);
SQLITE_API int sqlite3_vtab_distinct(sqlite3_index_info *info);
SQLITE_API int sqlite3_vtab_in(sqlite3_index_info *info, int constraint, int handle);
SQLITE_API int sqlite3_vtab_in_first(sqlite3_value *list, sqlite3_value **value);
SQLITE_API int sqlite3_vtab_in_next(sqlite3_value *list, sqlite3_value **value);
SQLITE_API int sqlite3_vtab_rhs_value(sqlite3_index_info *info, int constraint,
                                      sqlite3_value **value);
SQLITE_API int sqlite3_rtree_geometry_callback(sqlite3 *db, const char *name,
                                               int (*geometry)(sqlite3_rtree_geometry *, int,
                                                               sqlite3_rtree_dbl *, int *),
                                               void *arg);
SQLITE_API int sqlite3_rtree_query_callback(sqlite3 *db, const char *name,
                                            int (*query)(sqlite3_rtree_query_info *), void *arg,
                                            void (*destroy)(void *));

/* ---- blobs, backup, images ---- */

SQLITE_API int sqlite3_blob_open(sqlite3 *db, const char *schema, const char *table,
                                 const char *column, sqlite3_int64 rowid, int is_writing,
                                 sqlite3_blob **blob);
SQLITE_API int sqlite3_blob_reopen(sqlite3_blob *blob, sqlite3_int64 rowid);
SQLITE_API int sqlite3_blob_close(sqlite3_blob *blob);
SQLITE_API int sqlite3_blob_bytes(sqlite3_blob *blob);
SQLITE_API int sqlite3_blob_read(sqlite3_blob *blob, void *to, int size, int offset);
SQLITE_API int sqlite3_blob_write(sqlite3_blob *blob, const void *from, int size, int offset);
SQLITE_API sqlite3_backup *sqlite3_backup_init(sqlite3 *to, const char *to_schema, sqlite3 *from,
                                               const char *from_schema);
SQLITE_API int sqlite3_backup_step(sqlite3_backup *backup, int pages);
SQLITE_API int sqlite3_backup_finish(sqlite3_backup *backup);
SQLITE_API int sqlite3_backup_remaining(sqlite3_backup *backup);
SQLITE_API int sqlite3_backup_pagecount(sqlite3_backup *backup);
SQLITE_API unsigned char *sqlite3_serialize(sqlite3 *db, const char *schema, sqlite3_int64 *size,
                                            unsigned int flags);
SQLITE_API int sqlite3_deserialize(sqlite3 *db, const char *schema, unsigned char *data,
                                   sqlite3_int64 size, sqlite3_int64 buffer_size, unsigned flags);

/* ---- sessions: refused, see docs/sqlite-compatibility.md ---- */

typedef int sqlite3_session_filter(void *, const char *);
typedef int sqlite3_session_conflict(void *, int, sqlite3_changeset_iter *);
typedef int sqlite3_session_input(void *, void *, int *);
typedef int sqlite3_session_output(void *, const void *, int);

SQLITE_API int sqlite3session_create(sqlite3 *db, const char *schema, sqlite3_session **session);
SQLITE_API void sqlite3session_delete(sqlite3_session *session);
SQLITE_API int sqlite3session_object_config(sqlite3_session *session, int op, void *arg);
SQLITE_API int sqlite3session_enable(sqlite3_session *session, int on);
SQLITE_API int sqlite3session_indirect(sqlite3_session *session, int on);
SQLITE_API int sqlite3session_attach(sqlite3_session *session, const char *table);
SQLITE_API void sqlite3session_table_filter(sqlite3_session *session,
                                            sqlite3_session_filter *filter, void *arg);
SQLITE_API int sqlite3session_changeset(sqlite3_session *session, int *size, void **changes);
SQLITE_API sqlite3_int64 sqlite3session_changeset_size(sqlite3_session *session);
SQLITE_API int sqlite3session_diff(sqlite3_session *session, const char *from, const char *table,
                                   char **message);
SQLITE_API int sqlite3session_patchset(sqlite3_session *session, int *size, void **changes);
SQLITE_API int sqlite3session_isempty(sqlite3_session *session);
SQLITE_API sqlite3_int64 sqlite3session_memory_used(sqlite3_session *session);
SQLITE_API int sqlite3session_changeset_strm(sqlite3_session *session,
                                             sqlite3_session_output *output, void *arg);
SQLITE_API int sqlite3session_patchset_strm(sqlite3_session *session,
                                            sqlite3_session_output *output, void *arg);
SQLITE_API int sqlite3session_config(int op, void *arg);
SQLITE_API int sqlite3changeset_start(sqlite3_changeset_iter **iterator, int size, void *changes);
SQLITE_API int sqlite3changeset_start_v2(sqlite3_changeset_iter **iterator, int size, void *changes,
                                         int flags);
SQLITE_API int sqlite3changeset_start_strm(sqlite3_changeset_iter **iterator,
                                           sqlite3_session_input *input, void *arg);
SQLITE_API int sqlite3changeset_start_v2_strm(sqlite3_changeset_iter **iterator,
                                              sqlite3_session_input *input, void *arg, int flags);
SQLITE_API int sqlite3changeset_next(sqlite3_changeset_iter *iterator);
SQLITE_API int sqlite3changeset_op(sqlite3_changeset_iter *iterator, const char **table,
                                   int *columns, int *op, int *indirect);
SQLITE_API int sqlite3changeset_pk(sqlite3_changeset_iter *iterator, unsigned char **key,
                                   int *columns);
SQLITE_API int sqlite3changeset_old(sqlite3_changeset_iter *iterator, int column,
                                    sqlite3_value **value);
SQLITE_API int sqlite3changeset_new(sqlite3_changeset_iter *iterator, int column,
                                    sqlite3_value **value);
SQLITE_API int sqlite3changeset_conflict(sqlite3_changeset_iter *iterator, int column,
                                         sqlite3_value **value);
SQLITE_API int sqlite3changeset_fk_conflicts(sqlite3_changeset_iter *iterator, int *count);
SQLITE_API int sqlite3changeset_finalize(sqlite3_changeset_iter *iterator);
SQLITE_API int sqlite3changeset_invert(int size, const void *changes, int *out_size, void **out);
SQLITE_API int sqlite3changeset_invert_strm(sqlite3_session_input *input, void *in_arg,
                                            sqlite3_session_output *output, void *out_arg);
SQLITE_API int sqlite3changeset_concat(int size_a, void *a, int size_b, void *b, int *out_size,
                                       void **out);
SQLITE_API int sqlite3changeset_concat_strm(sqlite3_session_input *a, void *a_arg,
                                            sqlite3_session_input *b, void *b_arg,
                                            sqlite3_session_output *output, void *out_arg);
SQLITE_API int sqlite3changeset_apply(sqlite3 *db, int size, void *changes,
                                      sqlite3_session_filter *filter,
                                      sqlite3_session_conflict *conflict, void *arg);
SQLITE_API int sqlite3changeset_apply_v2(sqlite3 *db, int size, void *changes,
                                         sqlite3_session_filter *filter,
                                         sqlite3_session_conflict *conflict, void *arg,
                                         void **rebase, int *rebase_size, int flags);
SQLITE_API int sqlite3changeset_apply_strm(sqlite3 *db, sqlite3_session_input *input, void *in_arg,
                                           sqlite3_session_filter *filter,
                                           sqlite3_session_conflict *conflict, void *arg);
SQLITE_API int sqlite3changeset_apply_v2_strm(sqlite3 *db, sqlite3_session_input *input,
                                              void *in_arg, sqlite3_session_filter *filter,
                                              sqlite3_session_conflict *conflict, void *arg,
                                              void **rebase, int *rebase_size, int flags);
SQLITE_API int sqlite3changegroup_new(sqlite3_changegroup **group);
SQLITE_API int sqlite3changegroup_add(sqlite3_changegroup *group, int size, void *data);
SQLITE_API int sqlite3changegroup_add_strm(sqlite3_changegroup *group, sqlite3_session_input *input,
                                           void *arg);
SQLITE_API int sqlite3changegroup_output(sqlite3_changegroup *group, int *size, void **data);
SQLITE_API int sqlite3changegroup_output_strm(sqlite3_changegroup *group,
                                              sqlite3_session_output *output, void *arg);
SQLITE_API void sqlite3changegroup_delete(sqlite3_changegroup *group);
SQLITE_API int sqlite3rebaser_create(sqlite3_rebaser **rebaser);
SQLITE_API int sqlite3rebaser_configure(sqlite3_rebaser *rebaser, int size, const void *rebase);
SQLITE_API int sqlite3rebaser_rebase(sqlite3_rebaser *rebaser, int size, const void *in,
                                     int *out_size, void **out);
SQLITE_API int sqlite3rebaser_rebase_strm(sqlite3_rebaser *rebaser, sqlite3_session_input *input,
                                          void *in_arg, sqlite3_session_output *output,
                                          void *out_arg);
SQLITE_API void sqlite3rebaser_delete(sqlite3_rebaser *rebaser);

#ifdef __cplusplus
}
#endif

#endif
