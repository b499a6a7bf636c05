/* ast.h - the syntax tree of one SQL statement.
 *
 * Every node has the same head: a type, an operator or two, flags, the place in the text, a text,
 * and as many kids as its type says. Lists are nodes whose elements are chained through `next`, so
 * an element is in one list at most. The tree says what was written, not what it means: names are
 * not resolved, literals not converted, parentheses around one expression leave no node. The place
 * of the QUERY of CREATE TABLE AS is that of the word AS.
 *
 * Ownership: nodes are in the arena given to vl_parse. `text` points into the SQL text where it
 * stood there as it is, and into the arena where quotes had to be taken off: both must outlive the
 * tree. Threads: a finished tree is not changed and may be read by many. */
#ifndef VL_SQL_AST_H
#define VL_SQL_AST_H

#include "base/platform.h"

/* Node types: name, number of kids, and what text, op, op2, flags and kids mean; "?" marks what may
 * be missing (NULL). Types up to VL_AST_RAISE are expressions. */
#define VL_AST_TYPES(X)                                                                            \
    X(NULL, 0)    /* the literal NULL */                                                           \
    X(INTEGER, 0) /* text: digits with separators, or 0x and digits */                             \
    X(REAL, 0)    /* text: as written */                                                           \
    X(STRING, 0)  /* text: without quotes */                                                       \
    X(BLOB, 0)    /* text: the hex digits, an even count */                                        \
    X(NOW, 0)     /* op: CURRENT_TIME, _DATE or _TIMESTAMP */                                      \
    X(PARAM, 0)   /* text: as written; count: its number, from 1 */                                \
    X(COLUMN, 2)  /* text: column; table?, schema? */                                              \
    X(STAR, 1)    /* a star among result columns; table? */                                        \
    X(UNARY, 1)   /* op; operand */                                                                \
    X(BINARY, 2)  /* op; left, right */                                                            \
    X(LIKE, 3)    /* op, NOT; left, pattern, escape? */                                            \
    X(BETWEEN, 3) /* NOT; operand, low, high */                                                    \
    X(IN, 2)      /* NOT; operand, then LIST, QUERY or SOURCE (a table, perhaps with arguments) */ \
    X(CASE, 3)    /* operand?, list of WHEN, else? */                                              \
    X(CAST, 2)    /* operand, TYPE? */                                                             \
    X(COLLATE, 1) /* text: collation; operand */                                                   \
    X(FUNCTION, 4) /* text: name; DISTINCT, ALL, STAR; */                                          \
    /* arguments?, order?, filter?, over? (WINDOW or NAME) */                                      \
    X(EXISTS, 1)   /* QUERY */                                                                     \
    X(SUBQUERY, 1) /* QUERY */                                                                     \
    X(ROW, 1)      /* a row value or a row of VALUES; list of expressions */                       \
    X(RAISE, 1)    /* op: IGNORE, ABORT, FAIL or ROLLBACK; message? */                             \
    X(LIST, 2)     /* count: elements; first?, last? */                                            \
    X(NAME, 0)     /* text */                                                                      \
    X(QNAME, 1)    /* text: name; schema? */                                                       \
    X(TYPE, 0)     /* text: a declared type as written */                                          \
    X(RAW, 0)      /* text: an argument of a virtual table as written, may be empty */             \
    X(WHEN, 2)     /* condition, result */                                                         \
    X(TERM, 1)     /* of ORDER BY or an index; ASC, DESC, NULLS_FIRST, NULLS_LAST; expression */   \
    X(RESULT, 2)   /* a result column; expression, alias? */                                       \
    X(QUERY, 5)    /* with?, list of SELECT and VALUES, order?, limit?, offset? */                 \
    X(SELECT, 6)   /* op: how it joins those before; DISTINCT, ALL; */                             \
    /* results, from?, where?, group?, having?, windows? */                                        \
    X(VALUES, 1) /* op as SELECT; list of ROW */                                                   \
    X(WITH, 1)   /* RECURSIVE; list of CTE */                                                      \
    X(CTE, 2)    /* text: name; MATERIALIZED, NOT_MATERIALIZED; columns?, QUERY */                 \
    X(SOURCE, 6) /* of FROM, op2: bits of its join with those before, 0 for a comma or the */      \
                 /* first; INDEXED, NOT_INDEXED, CALL; QNAME, QUERY or list of SOURCE, */          \
                 /* arguments?, alias?, on?, using?, index? */                                     \
    X(WINDOW, 4) /* text?: base window; partition?, order?, FRAME?, name? in WINDOW clause */      \
    X(FRAME, 2)  /* op: unit; op2: exclusion or 0; BOUND, BOUND? without BETWEEN */                \
    X(BOUND, 1)  /* op: of the five bounds; distance? */                                           \
    X(CREATE_TABLE, 4) /* TEMP, IF_EXISTS, STRICT, WITHOUT_ROWID; */                               \
    /* QNAME, columns?, constraints?, QUERY? */                                                    \
    X(COLUMN_DEF, 2)   /* text: name; TYPE?, list of CONSTRAINT? */                                \
    X(CONSTRAINT, 2)   /* op: kind; op2: conflict action; text: its name or collation; flags by */ \
                       /* kind; expression or list?, REFERENCES? */                                \
    X(REFERENCES, 1)   /* text: table; op: on delete, op2: on update, 0 when unsaid; columns? */   \
    X(CREATE_INDEX, 4) /* UNIQUE, IF_EXISTS; QNAME, table NAME, list of TERM, where? */            \
    X(CREATE_VIEW, 3)  /* TEMP, IF_EXISTS; QNAME, columns?, QUERY */                               \
    X(CREATE_TRIGGER, 5) /* TEMP, IF_EXISTS, EACH_ROW; op: time or 0; op2: event; QNAME, table */  \
                         /* QNAME, columns?, when?, list of statements */                          \
    X(CREATE_VIRTUAL, 2) /* IF_EXISTS, CALL; text: module; QNAME, list of RAW? */                  \
    X(DROP, 1)           /* op: what; IF_EXISTS; QNAME */                                          \
    X(ALTER, 3)          /* op: how; QNAME, then NAME, COLUMN_DEF or CONSTRAINT, new NAME? */      \
    X(INSERT, 7)    /* op2: conflict action, REPLACE; with?, QNAME, alias?, columns?, QUERY? */    \
                    /* (NULL for DEFAULT VALUES), list of UPSERT?, returning? */                   \
    X(UPSERT, 4)    /* target?, target's where?, sets? (NULL: NOTHING), where? */                  \
    X(UPDATE, 9)    /* op2: conflict action; with?, SOURCE, sets, from?, where?, returning?, */    \
                    /* order?, limit?, offset? */                                                  \
    X(SET, 2)       /* text: column, or list of NAME?; value */                                    \
    X(DELETE, 7)    /* with?, SOURCE, where?, returning?, order?, limit?, offset? */               \
    X(BEGIN, 0)     /* op: kind or 0 */                                                            \
    X(COMMIT, 0)    /* also END */                                                                 \
    X(ROLLBACK, 0)  /* text?: savepoint */                                                         \
    X(SAVEPOINT, 0) /* text */                                                                     \
    X(RELEASE, 0)   /* text */                                                                     \
    X(PRAGMA, 2)    /* CALL for the form with parentheses; QNAME, NAME or number? */               \
    X(EXPLAIN, 1)   /* QUERY_PLAN, RUN; statement */                                               \
    X(ANALYZE, 1)   /* QNAME? */                                                                   \
    X(REINDEX, 1)   /* QNAME? */                                                                   \
    X(VACUUM, 2)    /* schema NAME?, into? */                                                      \
    X(ATTACH, 3)    /* file, schema, key? */                                                       \
    X(DETACH, 1)    /* schema */

typedef enum vl_ast_type {
#define AST_ENUM(name, kids) VL_AST_##name,
    VL_AST_TYPES(AST_ENUM)
#undef AST_ENUM
    VL_AST_TYPE_COUNT
} vl_ast_type;

/* What `op` and `op2` hold: name, and the words that the printer writes. */
#define VL_AST_OPS(X)                                                                              \
    X(NONE, "")                                                                                    \
    /* BINARY, loosest first */                                                                    \
    X(OR, "OR")                                                                                    \
    X(AND, "AND")                                                                                  \
    X(IS, "IS")                                                                                    \
    X(IS_NOT, "IS NOT")                                                                            \
    X(EQ, "=")                                                                                     \
    X(NE, "<>")                                                                                    \
    X(LT, "<")                                                                                     \
    X(LE, "<=")                                                                                    \
    X(GT, ">")                                                                                     \
    X(GE, ">=")                                                                                    \
    X(BIT_AND, "&")                                                                                \
    X(BIT_OR, "|")                                                                                 \
    X(SHIFT_LEFT, "<<")                                                                            \
    X(SHIFT_RIGHT, ">>")                                                                           \
    X(ADD, "+")                                                                                    \
    X(SUB, "-")                                                                                    \
    X(MUL, "*")                                                                                    \
    X(DIV, "/")                                                                                    \
    X(MOD, "%")                                                                                    \
    X(CONCAT, "||")                                                                                \
    X(ARROW, "->")                                                                                 \
    X(ARROW_TEXT, "->>")                                                                           \
    /* UNARY */                                                                                    \
    X(NOT, "NOT")                                                                                  \
    X(MINUS, "-")                                                                                  \
    X(PLUS, "+")                                                                                   \
    X(BIT_NOT, "~")                                                                                \
    X(ISNULL, "ISNULL")                                                                            \
    X(NOTNULL, "NOTNULL")                                                                          \
    /* LIKE */                                                                                     \
    X(LIKE, "LIKE")                                                                                \
    X(GLOB, "GLOB")                                                                                \
    X(REGEXP, "REGEXP")                                                                            \
    X(MATCH, "MATCH")                                                                              \
    /* NOW */                                                                                      \
    X(CURRENT_TIME, "CURRENT_TIME")                                                                \
    X(CURRENT_DATE, "CURRENT_DATE")                                                                \
    X(CURRENT_TIMESTAMP, "CURRENT_TIMESTAMP")                                                      \
    /* conflict actions, RAISE */                                                                  \
    X(ROLLBACK, "ROLLBACK")                                                                        \
    X(ABORT, "ABORT")                                                                              \
    X(FAIL, "FAIL")                                                                                \
    X(IGNORE, "IGNORE")                                                                            \
    X(REPLACE, "REPLACE")                                                                          \
    /* SELECT, VALUES */                                                                           \
    X(UNION, "UNION")                                                                              \
    X(UNION_ALL, "UNION ALL")                                                                      \
    X(EXCEPT, "EXCEPT")                                                                            \
    X(INTERSECT, "INTERSECT")                                                                      \
    /* FRAME: units, exclusions */                                                                 \
    X(RANGE, "RANGE")                                                                              \
    X(ROWS, "ROWS")                                                                                \
    X(GROUPS, "GROUPS")                                                                            \
    X(NO_OTHERS, "NO OTHERS")                                                                      \
    X(CURRENT_ROW, "CURRENT ROW") /* also a BOUND */                                               \
    X(GROUP, "GROUP")                                                                              \
    X(TIES, "TIES")                                                                                \
    /* BOUND */                                                                                    \
    X(UNBOUNDED_PRECEDING, "UNBOUNDED PRECEDING")                                                  \
    X(PRECEDING, "PRECEDING")                                                                      \
    X(FOLLOWING, "FOLLOWING")                                                                      \
    X(UNBOUNDED_FOLLOWING, "UNBOUNDED FOLLOWING")                                                  \
    /* CONSTRAINT: kinds */                                                                        \
    X(CONSTRAINT_NAME, "CONSTRAINT") /* text: name of the constraint that follows */               \
    X(DEFAULT, "DEFAULT")            /* CALL if in parentheses; expression, COLUMN for a word */   \
    X(NULL, "NULL")                                                                                \
    X(NOT_NULL, "NOT NULL")                                                                        \
    X(PRIMARY_KEY, "PRIMARY KEY") /* ASC, DESC, AUTOINCREMENT; list of TERM of a table's */        \
    X(UNIQUE, "UNIQUE")           /* list of TERM of a table's */                                  \
    X(CHECK, "CHECK")             /* expression */                                                 \
    X(REFERENCES, "REFERENCES")   /* REFERENCES */                                                 \
    X(FOREIGN_KEY, "FOREIGN KEY") /* DEFERRABLE...; list of NAME, REFERENCES */                    \
    X(DEFER, "")                  /* DEFERRABLE...; of the column's REFERENCES before it */        \
    X(COLLATE, "COLLATE")         /* text: collation */                                            \
    X(GENERATED, "AS")            /* expression; text: STORED, VIRTUAL or nothing */               \
    /* REFERENCES */                                                                               \
    X(SET_NULL, "SET NULL")                                                                        \
    X(SET_DEFAULT, "SET DEFAULT")                                                                  \
    X(CASCADE, "CASCADE")                                                                          \
    X(RESTRICT, "RESTRICT")                                                                        \
    X(NO_ACTION, "NO ACTION")                                                                      \
    /* CREATE_TRIGGER */                                                                           \
    X(BEFORE, "BEFORE")                                                                            \
    X(AFTER, "AFTER")                                                                              \
    X(INSTEAD_OF, "INSTEAD OF")                                                                    \
    X(INSERT, "INSERT")                                                                            \
    X(UPDATE, "UPDATE")                                                                            \
    X(DELETE, "DELETE")                                                                            \
    /* DROP */                                                                                     \
    X(TABLE, "TABLE")                                                                              \
    X(INDEX, "INDEX")                                                                              \
    X(VIEW, "VIEW")                                                                                \
    X(TRIGGER, "TRIGGER")                                                                          \
    /* ALTER */                                                                                    \
    X(RENAME_TABLE, "RENAME TO")                                                                   \
    X(RENAME_COLUMN, "RENAME COLUMN")                                                              \
    X(ADD_COLUMN, "ADD COLUMN")                                                                    \
    X(DROP_COLUMN, "DROP COLUMN")                                                                  \
    X(ADD_CONSTRAINT, "ADD") /* CONSTRAINT, and its NAME? */                                       \
    X(DROP_CONSTRAINT, "DROP CONSTRAINT")                                                          \
    X(SET_NOT_NULL, "SET NOT NULL") /* op2: conflict action */                                     \
    X(DROP_NOT_NULL, "DROP NOT NULL")                                                              \
    /* BEGIN */                                                                                    \
    X(DEFERRED, "DEFERRED")                                                                        \
    X(IMMEDIATE, "IMMEDIATE")                                                                      \
    X(EXCLUSIVE, "EXCLUSIVE")                                                                      \
    X(CONCURRENT, "CONCURRENT")

typedef enum vl_ast_op {
#define AST_ENUM(name, words) VL_OP_##name,
    VL_AST_OPS(AST_ENUM)
#undef AST_ENUM
    VL_OP_COUNT
} vl_ast_op;

/* Flags; each has a meaning only with the types that name it above. */
enum {
    VL_AST_IS_NOT = 1U << 0,            /* LIKE, BETWEEN, IN: negated */
    VL_AST_DISTINCT = 1U << 1,          /* of rows or arguments */
    VL_AST_ALL = 1U << 2,               /* the word ALL, which is the default */
    VL_AST_HAS_STAR = 1U << 3,          /* FUNCTION: count(*) */
    VL_AST_ASC = 1U << 4,               /* the word ASC was there */
    VL_AST_DESC = 1U << 5,              /* descending */
    VL_AST_NULLS_FIRST = 1U << 6,       /* as said */
    VL_AST_NULLS_LAST = 1U << 7,        /* as said */
    VL_AST_RECURSIVE = 1U << 8,         /* WITH RECURSIVE */
    VL_AST_MATERIALIZED = 1U << 9,      /* AS MATERIALIZED */
    VL_AST_NOT_MATERIALIZED = 1U << 10, /* AS NOT MATERIALIZED */
    VL_AST_INDEXED = 1U << 11,          /* INDEXED BY kid 5 */
    VL_AST_NOT_INDEXED = 1U << 12,      /* NOT INDEXED */
    VL_AST_CALL = 1U << 13,             /* parentheses were there, perhaps with nothing in them */
    VL_AST_TEMP = 1U << 14,             /* CREATE TEMP */
    VL_AST_IF_EXISTS = 1U << 15,        /* IF EXISTS, IF NOT EXISTS */
    VL_AST_STRICT = 1U << 16,           /* a STRICT table */
    VL_AST_WITHOUT_ROWID = 1U << 17,    /* a table without rowids */
    VL_AST_AUTOINCREMENT = 1U << 18,    /* PRIMARY KEY AUTOINCREMENT */
    VL_AST_DEFERRABLE = 1U << 19,       /* DEFERRABLE */
    VL_AST_NOT_DEFERRABLE = 1U << 20,   /* NOT DEFERRABLE */
    VL_AST_INIT_DEFERRED = 1U << 21,    /* INITIALLY DEFERRED */
    VL_AST_INIT_IMMEDIATE = 1U << 22,   /* INITIALLY IMMEDIATE */
    VL_AST_IS_UNIQUE = 1U << 23,        /* CREATE UNIQUE INDEX */
    VL_AST_EACH_ROW = 1U << 24,         /* FOR EACH ROW, which is the only kind */
    VL_AST_QUERY_PLAN = 1U << 25,       /* EXPLAIN QUERY PLAN */
    VL_AST_QUOTED = 1U << 26,           /* text was in quotes of any kind */
    VL_AST_DOUBLE_QUOTED = 1U << 27,    /* in double quotes: a column that may be a string */
    VL_AST_RUN = 1U << 28,              /* EXPLAIN ANALYZE */
};

/* How a SOURCE joins those before it: op2, a set of bits. None is a comma or the first. */
enum {
    VL_JOIN_INNER = 1U << 0,   /* any join by a word */
    VL_JOIN_CROSS = 1U << 1,   /* CROSS: keep the order */
    VL_JOIN_NATURAL = 1U << 2, /* NATURAL */
    VL_JOIN_LEFT = 1U << 3,    /* keeps rows of the left side; with RIGHT: FULL */
    VL_JOIN_RIGHT = 1U << 4,   /* keeps rows of the right side */
    VL_JOIN_OUTER = 1U << 5,   /* outer of either kind */
};

typedef struct vl_ast vl_ast;

struct vl_ast {
    uint8_t type;       /* vl_ast_type */
    uint8_t op;         /* vl_ast_op */
    uint8_t op2;        /* vl_ast_op, or bits of a join */
    uint8_t kid_count;  /* as the type says */
    uint32_t flags;     /* VL_AST_... bits */
    uint32_t offset;    /* where it begins in the text; expressions include their parentheses;
                           what is neither a statement, an expression nor a NAME, QNAME or TYPE has
                           the place of its text, if any */
    uint32_t length;    /* bytes of the text it covers */
    uint32_t height;    /* expressions on the longest way down, itself included */
    uint32_t count;     /* elements of a LIST; number of a PARAM */
    uint32_t text_size; /* bytes of text */
    const char *text;   /* not ended by a 0 byte; NULL when there is none */
    vl_ast *next;       /* the next element of the list it is in */
    vl_ast *kid[];      /* kid_count of them */
};

/* Number of kids of a type. */
unsigned vl_ast_kid_count(vl_ast_type type);

/* Name of a type, for messages and tests: "BINARY". */
const char *vl_ast_type_name(vl_ast_type type);

/* Words of an operator: "IS NOT". */
const char *vl_ast_op_words(vl_ast_op op);

/* Whether a type is an expression. */
static inline int
vl_ast_is_expression(vl_ast_type type)
{
    return type <= VL_AST_RAISE;
}

/* Whether a type of statement changes the schema. */
static inline int
vl_ast_is_ddl(vl_ast_type type)
{
    switch (type) {
    case VL_AST_CREATE_TABLE:
    case VL_AST_CREATE_INDEX:
    case VL_AST_CREATE_VIEW:
    case VL_AST_CREATE_TRIGGER:
    case VL_AST_CREATE_VIRTUAL:
    case VL_AST_DROP:
    case VL_AST_ALTER:
    case VL_AST_REINDEX:
    case VL_AST_ANALYZE:
        return 1;
    default:
        return 0;
    }
}

/* The first element of a list, which may be NULL; go on with ->next. */
static inline const vl_ast *
vl_ast_first(const vl_ast *list)
{
    return list != NULL ? list->kid[0] : NULL;
}

#endif
