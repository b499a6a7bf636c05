/* grammar.y - the grammar of SQL; lemon makes grammar.c and grammar.h of it.
 *
 * The language is SQLite's; rules that look roundabout keep its choices where the text is ambiguous
 * to a parser that sees one token ahead. Actions only build nodes: src/sql/ast.h says which. */
%include {
#include "sql/parse_int.h"

#include <assert.h>
#include <string.h>

#define NODE(type, ...)                                                                            \
    vl_node(P, VL_AST_##type, sizeof((vl_ast *const[]){__VA_ARGS__}) / sizeof(vl_ast *),           \
            (vl_ast *const[]){__VA_ARGS__})
#define NODE_OP(type, op, ...)                                                                     \
    vl_node_op(P, VL_AST_##type, op, sizeof((vl_ast *const[]){__VA_ARGS__}) / sizeof(vl_ast *),    \
               (vl_ast *const[]){__VA_ARGS__})
#define LEAF(type)          vl_node(P, VL_AST_##type, 0, NULL)
#define NAME(token)         vl_node_name(P, VL_AST_NAME, token)
#define TEXT(node, token)   vl_node_set_text(P, node, token)
#define FLAGS(node, flags)  vl_node_set_flags(node, (unsigned)(flags))
#define OPS(node, op, op2)  vl_node_set_ops(node, op, op2)
#define KID(node, at, kid)  vl_node_set_kid(node, at, kid)
#define SPAN(node, a, b)    vl_node_span(P, node, a, b)
#define AT(node)            vl_node_token(P, node)
#define ADD(list, element)  vl_list_add(P, list, element)
#define CHECK(list, what)   vl_list_check(P, list, what)
#define INTO(insert, with, to)                                                                     \
    vl_node_set_kid(KID(KID(insert, 0, with), 1, (to).table), 2, (to).alias)
#define BINARY(op, a, b) SPAN(NODE_OP(BINARY, VL_OP_##op, a, b), AT(a), AT(b))
#define PREFIX(op, from, e) SPAN(NODE_OP(UNARY, VL_OP_##op, e), from, AT(e))
#define POSTFIX(op, e, to) SPAN(NODE_OP(UNARY, VL_OP_##op, e), AT(e), to)
}
%name vl_lemon
%token_prefix VL_TK_
%token_type {vl_token}
%default_type {vl_ast *}
%extra_argument {vl_parser *P}
%stack_size 2500
%stack_overflow { vl_parser_fail(P, VELO_ERROR, UINT32_MAX, "parser stack overflow"); }
%syntax_error { (void)yymajor; vl_parser_syntax_error(P, TOKEN); }

/* Words that are names wherever they fit no rule. */
%fallback ID
    ABORT ACTION AFTER ALWAYS ANALYZE ASC ATTACH BEFORE BEGIN BY CASCADE CAST COLUMN CONCURRENT
    CONFLICT CURRENT DATABASE DEFERRED DESC DETACH DO EACH END EXCLUDE EXCLUSIVE EXPLAIN FAIL FIRST
    FOLLOWING FOR GENERATED GROUPS IF IGNORE IMMEDIATE INITIALLY INSTEAD KEY LAST LIKE_KW MATCH
    MATERIALIZED NO NULLS OF OFFSET OTHERS PARTITION PLAN PRAGMA PRECEDING QUERY RAISE RANGE
    RECURSIVE REINDEX RELEASE RENAME REPLACE RESTRICT ROLLBACK ROW ROWS SAVEPOINT TEMP TIES TRIGGER
    UNBOUNDED VACUUM VIEW VIRTUAL WITH WITHOUT CTIME_KW.
%start_symbol input
%wildcard ANY.

%left OR.
%left AND.
%right NOT.
%left IS MATCH LIKE_KW BETWEEN IN ISNULL NOTNULL NE EQ.
%left GT LE LT GE.
%right ESCAPE.
%left BITAND BITOR LSHIFT RSHIFT.
%left PLUS MINUS.
%left STAR SLASH REM.
%left CONCAT PTR.
%left COLLATE.
%right BITNOT.
%nonassoc ON.

%token_class id   ID|INDEXED.
%token_class ids  ID|STRING.
%token_class idj  ID|INDEXED|JOIN_KW.
%token_class number INTEGER|FLOAT.

%type flags {int}
%type distinct {int}
%type conflict {int}
%type or_conflict {int}
%type resolve {int}

/* ---- a statement ---- */

%type nm {vl_token}
nm(A) ::= idj(B). { A = B; }
nm(A) ::= STRING(B). { A = B; }

input ::= statement SEMI.
statement(A) ::= explained(B). { A = B; P->statement = B; P->done = 1; }
explained(A) ::= command(B). { A = B; }
explained(A) ::= EXPLAIN command(B). { A = NODE(EXPLAIN, B); }
explained(A) ::= EXPLAIN QUERY PLAN command(B). { A = FLAGS(NODE(EXPLAIN, B), VL_AST_QUERY_PLAN); }
explained(A) ::= EXPLAIN ANALYZE data_command(B). { A = FLAGS(NODE(EXPLAIN, B), VL_AST_RUN); }

qualified(A) ::= nm(B). { A = SPAN(TEXT(LEAF(QNAME), B), B, B); }
qualified(A) ::= nm(B) DOT nm(C). { A = SPAN(TEXT(NODE(QNAME, NAME(B)), C), B, C); }

%type if_exists {int}
if_exists(A) ::= . { A = 0; }
if_exists(A) ::= IF EXISTS. { A = (int)VL_AST_IF_EXISTS; }
%type if_not_exists {int}
if_not_exists(A) ::= . { A = 0; }
if_not_exists(A) ::= IF NOT EXISTS. { A = (int)VL_AST_IF_EXISTS; }
%type temp {int}
temp(A) ::= . { A = 0; }
temp(A) ::= TEMP. { A = (int)VL_AST_TEMP; }

/* ---- transactions ---- */

%type begin_kind {int}
begin_kind(A) ::= . { A = VL_OP_NONE; }
begin_kind(A) ::= DEFERRED. { A = VL_OP_DEFERRED; }
begin_kind(A) ::= IMMEDIATE. { A = VL_OP_IMMEDIATE; }
begin_kind(A) ::= EXCLUSIVE. { A = VL_OP_EXCLUSIVE; }
begin_kind(A) ::= CONCURRENT. { A = VL_OP_CONCURRENT; }
transaction ::= .
transaction ::= TRANSACTION.
transaction ::= TRANSACTION nm.
savepoint ::= .
savepoint ::= SAVEPOINT.
command(A) ::= BEGIN begin_kind(B) transaction. { A = OPS(LEAF(BEGIN), B, 0); }
command(A) ::= COMMIT|END transaction. { A = LEAF(COMMIT); }
command(A) ::= ROLLBACK transaction. { A = LEAF(ROLLBACK); }
command(A) ::= ROLLBACK transaction TO savepoint nm(B). { A = TEXT(LEAF(ROLLBACK), B); }
command(A) ::= SAVEPOINT nm(B). { A = TEXT(LEAF(SAVEPOINT), B); }
command(A) ::= RELEASE savepoint nm(B). { A = TEXT(LEAF(RELEASE), B); }

/* ---- CREATE TABLE ---- */

command(A) ::= CREATE temp(T) TABLE if_not_exists(I) qualified(N) table_body(B). {
    A = vl_table_check(P, FLAGS(KID(B, 0, N), T | I));
}
table_body(A) ::= LP column_defs(C) table_constraints(D) RP table_options(F). {
    A = FLAGS(NODE(CREATE_TABLE, NULL, C, D), F);
}
table_body(A) ::= AS(T) select(Q). { A = NODE(CREATE_TABLE, NULL, NULL, NULL, SPAN(Q, T, T)); }
%type table_options {int}
%type table_option {int}
table_options(A) ::= . { A = 0; }
table_options(A) ::= some_options(B). { A = B; }
%type some_options {int}
some_options(A) ::= table_option(B). { A = B; }
some_options(A) ::= some_options(B) COMMA table_option(C). { A = B | C; }
table_option(A) ::= WITHOUT nm(N). { A = (int)vl_word_table_option(P, N, 1); }
table_option(A) ::= nm(N). { A = (int)vl_word_table_option(P, N, 0); }

column_defs(A) ::= column_def(B). { A = ADD(NULL, B); }
column_defs(A) ::= column_defs(B) COMMA column_def(C). { A = ADD(B, C); }
column_def(A) ::= nm(N) type(T) column_constraints(C). { A = TEXT(NODE(COLUMN_DEF, T, C), N); }
type(A) ::= . { A = NULL; }
type(A) ::= type_words(W). { A = vl_node_type(P, W); }
type(A) ::= type_words(W) LP signed RP(E). { A = vl_node_raw(P, VL_AST_TYPE, vl_token_join(W, E)); }
type(A) ::= type_words(W) LP signed COMMA signed RP(E). {
    A = vl_node_raw(P, VL_AST_TYPE, vl_token_join(W, E));
}
%type type_words {vl_token}
type_words(A) ::= ids(B). { A = B; }
type_words(A) ::= type_words(B) ids(C). { A = vl_token_join(B, C); }
%type signed {vl_token}
signed(A) ::= plus_number(B). { A = B; }
signed(A) ::= minus_number(B). { A = B; }
%type plus_number {vl_token}
plus_number(A) ::= PLUS(B) number(C). { A = vl_token_join(B, C); }
plus_number(A) ::= number(B). { A = B; }
%type minus_number {vl_token}
minus_number(A) ::= MINUS(B) number(C). { A = vl_token_join(B, C); }

column_constraints(A) ::= . { A = NULL; }
column_constraints(A) ::= column_constraints(B) column_constraint(C). { A = ADD(B, C); }
column_constraint(A) ::= CONSTRAINT nm(N). { A = TEXT(OPS(LEAF(CONSTRAINT), VL_OP_CONSTRAINT_NAME, 0), N); }
column_constraint(A) ::= DEFAULT term(E). { A = NODE_OP(CONSTRAINT, VL_OP_DEFAULT, E); }
column_constraint(A) ::= DEFAULT LP(B) expr(E) RP(C). {
    A = FLAGS(NODE_OP(CONSTRAINT, VL_OP_DEFAULT, SPAN(E, B, C)), VL_AST_CALL);
}
column_constraint(A) ::= DEFAULT PLUS(B) term(E). {
    A = NODE_OP(CONSTRAINT, VL_OP_DEFAULT, PREFIX(PLUS, B, E));
}
column_constraint(A) ::= DEFAULT MINUS(B) term(E). {
    A = NODE_OP(CONSTRAINT, VL_OP_DEFAULT, PREFIX(MINUS, B, E));
}
column_constraint(A) ::= DEFAULT id(B). {
    A = NODE_OP(CONSTRAINT, VL_OP_DEFAULT, vl_node_name(P, VL_AST_COLUMN, B));
}
column_constraint(A) ::= NULL conflict(C). { A = OPS(LEAF(CONSTRAINT), VL_OP_NULL, C); }
column_constraint(A) ::= NOT NULL conflict(C). { A = OPS(LEAF(CONSTRAINT), VL_OP_NOT_NULL, C); }
column_constraint(A) ::= PRIMARY KEY direction(D) conflict(C) autoincrement(I). {
    A = FLAGS(OPS(LEAF(CONSTRAINT), VL_OP_PRIMARY_KEY, C), D | I);
}
column_constraint(A) ::= UNIQUE conflict(C). { A = OPS(LEAF(CONSTRAINT), VL_OP_UNIQUE, C); }
column_constraint(A) ::= CHECK LP(B) expr(E) RP(C). {
    A = NODE_OP(CONSTRAINT, VL_OP_CHECK, SPAN(E, B, C));
}
column_constraint(A) ::= REFERENCES nm(T) name_list_opt(L) reference_actions(R). {
    A = NODE_OP(CONSTRAINT, VL_OP_REFERENCES, NULL, TEXT(KID(R, 0, L), T));
}
column_constraint(A) ::= defer(F). { A = FLAGS(OPS(LEAF(CONSTRAINT), VL_OP_DEFER, 0), F); }
column_constraint(A) ::= COLLATE ids(N). { A = TEXT(OPS(LEAF(CONSTRAINT), VL_OP_COLLATE, 0), N); }
column_constraint(A) ::= GENERATED ALWAYS AS generated(G). { A = G; }
column_constraint(A) ::= AS generated(G). { A = G; }
generated(A) ::= LP(B) expr(E) RP(C). { A = NODE_OP(CONSTRAINT, VL_OP_GENERATED, SPAN(E, B, C)); }
generated(A) ::= LP(B) expr(E) RP(C) ID(N). {
    A = TEXT(NODE_OP(CONSTRAINT, VL_OP_GENERATED, SPAN(E, B, C)), N);
}
%type autoincrement {int}
autoincrement(A) ::= . { A = 0; }
autoincrement(A) ::= AUTOINCR. { A = (int)VL_AST_AUTOINCREMENT; }

reference_actions(A) ::= . { A = NODE(REFERENCES, NULL); }
reference_actions(A) ::= reference_actions(B) MATCH nm. { A = B; }
reference_actions(A) ::= reference_actions(B) ON INSERT reference_action. { A = B; }
reference_actions(A) ::= reference_actions(B) ON DELETE reference_action(C). { A = OPS(B, C, -1); }
reference_actions(A) ::= reference_actions(B) ON UPDATE reference_action(C). { A = OPS(B, -1, C); }
%type reference_action {int}
reference_action(A) ::= SET NULL. { A = VL_OP_SET_NULL; }
reference_action(A) ::= SET DEFAULT. { A = VL_OP_SET_DEFAULT; }
reference_action(A) ::= CASCADE. { A = VL_OP_CASCADE; }
reference_action(A) ::= RESTRICT. { A = VL_OP_RESTRICT; }
reference_action(A) ::= NO ACTION. { A = VL_OP_NO_ACTION; }
%type defer {int}
defer(A) ::= NOT DEFERRABLE initially(B). { A = (int)VL_AST_NOT_DEFERRABLE | B; }
defer(A) ::= DEFERRABLE initially(B). { A = (int)VL_AST_DEFERRABLE | B; }
%type defer_opt {int}
defer_opt(A) ::= . { A = 0; }
defer_opt(A) ::= defer(B). { A = B; }
%type initially {int}
initially(A) ::= . { A = 0; }
initially(A) ::= INITIALLY DEFERRED. { A = (int)VL_AST_INIT_DEFERRED; }
initially(A) ::= INITIALLY IMMEDIATE. { A = (int)VL_AST_INIT_IMMEDIATE; }

table_constraints(A) ::= . { A = NULL; }
table_constraints(A) ::= COMMA some_constraints(B). { A = B; }
some_constraints(A) ::= some_constraints(B) comma_opt table_constraint(C). { A = ADD(B, C); }
some_constraints(A) ::= table_constraint(B). { A = ADD(NULL, B); }
comma_opt ::= .
comma_opt ::= COMMA.
table_constraint(A) ::= CONSTRAINT nm(N). { A = TEXT(OPS(LEAF(CONSTRAINT), VL_OP_CONSTRAINT_NAME, 0), N); }
table_constraint(A) ::= PRIMARY KEY LP terms(L) autoincrement(I) RP conflict(C). {
    A = FLAGS(OPS(NODE(CONSTRAINT, CHECK(L, "columns in index")), VL_OP_PRIMARY_KEY, C), I);
}
table_constraint(A) ::= UNIQUE LP terms(L) RP conflict(C). {
    A = OPS(NODE(CONSTRAINT, CHECK(L, "columns in index")), VL_OP_UNIQUE, C);
}
table_constraint(A) ::= CHECK LP(B) expr(E) RP(D) conflict(C). {
    A = OPS(NODE(CONSTRAINT, SPAN(E, B, D)), VL_OP_CHECK, C);
}
table_constraint(A) ::= FOREIGN KEY LP name_list(L) RP REFERENCES nm(T) name_list_opt(M)
                        reference_actions(R) defer_opt(F). {
    A = FLAGS(NODE_OP(CONSTRAINT, VL_OP_FOREIGN_KEY, L, TEXT(KID(R, 0, M), T)), F);
}
conflict(A) ::= . { A = VL_OP_NONE; }
conflict(A) ::= ON CONFLICT resolve(B). { A = B; }
or_conflict(A) ::= . { A = VL_OP_NONE; }
or_conflict(A) ::= OR resolve(B). { A = B; }
resolve(A) ::= raise_kind(B). { A = B; }
resolve(A) ::= IGNORE. { A = VL_OP_IGNORE; }
resolve(A) ::= REPLACE. { A = VL_OP_REPLACE; }
%type raise_kind {int}
raise_kind(A) ::= ROLLBACK. { A = VL_OP_ROLLBACK; }
raise_kind(A) ::= ABORT. { A = VL_OP_ABORT; }
raise_kind(A) ::= FAIL. { A = VL_OP_FAIL; }

/* Names that might be indexed expressions elsewhere: what follows a name here is an error of its
 * own. */
name_list_opt(A) ::= . { A = NULL; }
name_list_opt(A) ::= LP name_list(B) RP. { A = B; }
name_list(A) ::= name_list(B) COMMA plain_name(C). { A = ADD(B, C); }
name_list(A) ::= plain_name(B). { A = ADD(NULL, B); }
plain_name(A) ::= nm(N) collate_opt(C) direction(D). {
    if (C || D)
        vl_parser_fail(P, VELO_ERROR, (uint32_t)(N.text - P->sql),
                       "syntax error after column name \"%.*s\"", (int)N.size, N.text);
    A = NAME(N);
}
%type collate_opt {int}
collate_opt(A) ::= . { A = 0; }
collate_opt(A) ::= COLLATE ids. { A = 1; }
%type direction {int}
direction(A) ::= . { A = 0; }
direction(A) ::= ASC. { A = (int)VL_AST_ASC; }
direction(A) ::= DESC. { A = (int)VL_AST_DESC; }

/* ---- DROP, views, indexes, triggers, virtual tables ---- */

command(A) ::= DROP TABLE if_exists(I) qualified(N). { A = FLAGS(NODE_OP(DROP, VL_OP_TABLE, N), I); }
command(A) ::= DROP VIEW if_exists(I) qualified(N). { A = FLAGS(NODE_OP(DROP, VL_OP_VIEW, N), I); }
command(A) ::= DROP INDEX if_exists(I) qualified(N). { A = FLAGS(NODE_OP(DROP, VL_OP_INDEX, N), I); }
command(A) ::= DROP TRIGGER if_exists(I) qualified(N). {
    A = FLAGS(NODE_OP(DROP, VL_OP_TRIGGER, N), I);
}
command(A) ::= CREATE temp(T) VIEW if_not_exists(I) qualified(N) name_list_opt(L) AS select(Q). {
    A = FLAGS(NODE(CREATE_VIEW, N, CHECK(L, "columns in view"), Q), T | I);
}
command(A) ::= CREATE unique(U) INDEX if_not_exists(I) qualified(N) ON nm(T) LP terms(L) RP where(W). {
    A = FLAGS(NODE(CREATE_INDEX, N, NAME(T), CHECK(L, "columns in index"), W), U | I);
}
%type unique {int}
unique(A) ::= . { A = 0; }
unique(A) ::= UNIQUE. { A = (int)VL_AST_IS_UNIQUE; }

command(A) ::= CREATE temp(T) TRIGGER if_not_exists(I) qualified(N) trigger_time(B) trigger_event(E)
               ON qualified(O) each_row(R) when(W) BEGIN trigger_steps(S) END. {
    A = FLAGS(OPS(KID(KID(KID(KID(E, 0, N), 1, O), 3, W), 4, S), B, -1), T | I | R);
}
%type trigger_time {int}
trigger_time(A) ::= . { A = VL_OP_NONE; }
trigger_time(A) ::= BEFORE. { A = VL_OP_BEFORE; }
trigger_time(A) ::= AFTER. { A = VL_OP_AFTER; }
trigger_time(A) ::= INSTEAD OF. { A = VL_OP_INSTEAD_OF; }
trigger_event(A) ::= DELETE. { A = OPS(LEAF(CREATE_TRIGGER), 0, VL_OP_DELETE); }
trigger_event(A) ::= INSERT. { A = OPS(LEAF(CREATE_TRIGGER), 0, VL_OP_INSERT); }
trigger_event(A) ::= UPDATE. { A = OPS(LEAF(CREATE_TRIGGER), 0, VL_OP_UPDATE); }
trigger_event(A) ::= UPDATE OF names(L). {
    A = OPS(NODE(CREATE_TRIGGER, NULL, NULL, L), 0, VL_OP_UPDATE);
}
%type each_row {int}
each_row(A) ::= . { A = 0; }
each_row(A) ::= FOR EACH ROW. { A = (int)VL_AST_EACH_ROW; }
when(A) ::= . { A = NULL; }
when(A) ::= WHEN expr(E). { A = E; }
trigger_steps(A) ::= trigger_steps(B) trigger_step(C) SEMI. { A = ADD(B, C); }
trigger_steps(A) ::= trigger_step(B) SEMI. { A = ADD(NULL, B); }
trigger_step(A) ::= UPDATE or_conflict(C) qualified(T) indexed(I) SET sets(S) from(F) where(W). {
    A = OPS(NODE(UPDATE, NULL, KID(I, 0, T), S, F, W), 0, C);
}
trigger_step(A) ::= insert_word(B) INTO qualified(T) names_opt(L) select(Q) upsert(U). {
    A = KID(KID(KID(KID(B, 1, T), 3, L), 4, Q), 5, U.list);
    if (U.returning != NULL)
        vl_parser_fail(P, VELO_ERROR, UINT32_MAX, "cannot use RETURNING in a trigger");
}
trigger_step(A) ::= DELETE FROM qualified(T) indexed(I) where(W). {
    A = NODE(DELETE, NULL, KID(I, 0, T), W);
}
trigger_step(A) ::= select(Q). { A = Q; }

command(A) ::= CREATE VIRTUAL TABLE if_not_exists(I) qualified(N) USING nm(M). {
    A = FLAGS(TEXT(NODE(CREATE_VIRTUAL, N), M), I);
}
command(A) ::= CREATE VIRTUAL TABLE if_not_exists(I) qualified(N) USING nm(M) LP module_arguments(L) RP. {
    A = FLAGS(TEXT(NODE(CREATE_VIRTUAL, N, L), M), I | (int)VL_AST_CALL);
}
module_arguments(A) ::= module_argument(T). { A = ADD(NULL, vl_node_raw(P, VL_AST_RAW, T)); }
module_arguments(A) ::= module_arguments(B) COMMA module_argument(T). {
    A = ADD(B, vl_node_raw(P, VL_AST_RAW, T));
}
%type module_argument {vl_token}
%type module_token {vl_token}
module_argument(A) ::= . { A.text = P->last.text; A.size = 0; }
module_argument(A) ::= module_argument(B) module_token(C). { A = vl_token_join(B, C); }
module_token(A) ::= ANY(B). { A = B; }
module_token(A) ::= LP(B) any_list RP(C). { A = vl_token_join(B, C); }
any_list ::= .
any_list ::= any_list LP any_list RP.
any_list ::= any_list ANY.

/* ---- ALTER TABLE ---- */

column_word ::= .
column_word ::= COLUMN.
command(A) ::= ALTER TABLE qualified(T) RENAME TO nm(N). {
    A = NODE_OP(ALTER, VL_OP_RENAME_TABLE, T, NAME(N));
}
command(A) ::= ALTER TABLE qualified(T) RENAME column_word nm(N) TO nm(M). {
    A = NODE_OP(ALTER, VL_OP_RENAME_COLUMN, T, NAME(N), NAME(M));
}
command(A) ::= ALTER TABLE qualified(T) ADD column_word column_def(C). {
    A = NODE_OP(ALTER, VL_OP_ADD_COLUMN, T, C);
}
command(A) ::= ALTER TABLE qualified(T) DROP column_word nm(N). {
    A = NODE_OP(ALTER, VL_OP_DROP_COLUMN, T, NAME(N));
}
command(A) ::= ALTER TABLE qualified(T) ADD CONSTRAINT nm(N) CHECK LP(B) expr(E) RP(D) conflict(C). {
    A = NODE_OP(ALTER, VL_OP_ADD_CONSTRAINT, T,
                OPS(NODE(CONSTRAINT, SPAN(E, B, D)), VL_OP_CHECK, C), NAME(N));
}
command(A) ::= ALTER TABLE qualified(T) ADD CHECK LP(B) expr(E) RP(D) conflict(C). {
    A = NODE_OP(ALTER, VL_OP_ADD_CONSTRAINT, T,
                OPS(NODE(CONSTRAINT, SPAN(E, B, D)), VL_OP_CHECK, C));
}
command(A) ::= ALTER TABLE qualified(T) DROP CONSTRAINT nm(N). {
    A = NODE_OP(ALTER, VL_OP_DROP_CONSTRAINT, T, NAME(N));
}
command(A) ::= ALTER TABLE qualified(T) ALTER column_word nm(N) SET NOT NULL conflict(C). {
    A = OPS(NODE(ALTER, T, NAME(N)), VL_OP_SET_NOT_NULL, C);
}
command(A) ::= ALTER TABLE qualified(T) ALTER column_word nm(N) DROP NOT NULL. {
    A = NODE_OP(ALTER, VL_OP_DROP_NOT_NULL, T, NAME(N));
}

/* ---- SELECT ---- */

command(A) ::= data_command(B). { A = B; }
data_command(A) ::= select(B). { A = B; }
select(A) ::= WITH ctes(W) bare_select(Q). { A = KID(Q, 0, NODE(WITH, W)); }
select(A) ::= WITH RECURSIVE ctes(W) bare_select(Q). {
    A = KID(Q, 0, FLAGS(NODE(WITH, W), VL_AST_RECURSIVE));
}
select(A) ::= bare_select(B). { A = B; }
bare_select(A) ::= one_select(B). { A = B; }
bare_select(A) ::= bare_select(B) compound(O) one_select(C). { A = vl_query_add(P, B, O, C); }
%type compound {int}
compound(A) ::= UNION. { A = VL_OP_UNION; }
compound(A) ::= UNION ALL. { A = VL_OP_UNION_ALL; }
compound(A) ::= EXCEPT. { A = VL_OP_EXCEPT; }
compound(A) ::= INTERSECT. { A = VL_OP_INTERSECT; }
one_select(A) ::= SELECT distinct(D) results(R) from(F) where(W) group_by(G) having(H) order_by(O)
                  limit(L). {
    A = KID(KID(NODE(QUERY, NULL, ADD(NULL, FLAGS(NODE(SELECT, R, F, W, G, H), D)), O), 3, L.limit),
            4, L.offset);
}
one_select(A) ::= SELECT distinct(D) results(R) from(F) where(W) group_by(G) having(H) windows(N)
                  order_by(O) limit(L). {
    A = KID(KID(NODE(QUERY, NULL, ADD(NULL, FLAGS(NODE(SELECT, R, F, W, G, H, N), D)), O), 3,
                L.limit), 4, L.offset);
}
one_select(A) ::= values(V). { A = NODE(QUERY, NULL, ADD(NULL, NODE(VALUES, V))); }
values(A) ::= VALUES row(R). { A = ADD(NULL, R); }
values(A) ::= values(B) COMMA row(R). { A = ADD(B, R); }
row(A) ::= LP(B) exprs(L) RP(C). { A = SPAN(NODE(ROW, L), B, C); }
distinct(A) ::= . { A = 0; }
distinct(A) ::= DISTINCT. { A = (int)VL_AST_DISTINCT; }
distinct(A) ::= ALL. { A = (int)VL_AST_ALL; }
results(A) ::= some_results(B). { A = CHECK(B, "columns in result set"); }
some_results(A) ::= result(B). { A = ADD(NULL, B); }
some_results(A) ::= some_results(B) COMMA result(C). { A = ADD(B, C); }
result(A) ::= expr(E) alias(N). { A = SPAN(NODE(RESULT, E, N), AT(E), AT(E)); }
result(A) ::= STAR(S). { A = SPAN(LEAF(STAR), S, S); }
result(A) ::= nm(N) DOT STAR(S). { A = SPAN(NODE(STAR, NAME(N)), N, S); }
alias(A) ::= . { A = NULL; }
alias(A) ::= AS nm(N). { A = NAME(N); }
alias(A) ::= ids(N). { A = NAME(N); }

ctes(A) ::= cte(B). { A = ADD(NULL, B); }
ctes(A) ::= ctes(B) COMMA cte(C). { A = ADD(B, C); }
cte(A) ::= nm(N) name_list_opt(L) materialized(M) LP select(Q) RP. {
    A = FLAGS(TEXT(NODE(CTE, L, Q), N), M);
}
%type materialized {int}
materialized(A) ::= AS. { A = 0; }
materialized(A) ::= AS MATERIALIZED. { A = (int)VL_AST_MATERIALIZED; }
materialized(A) ::= AS NOT MATERIALIZED. { A = (int)VL_AST_NOT_MATERIALIZED; }
with(A) ::= . { A = NULL; }
with(A) ::= with_given(B). { A = B; }
with_given(A) ::= WITH ctes(W). { A = NODE(WITH, W); }
with_given(A) ::= WITH RECURSIVE ctes(W). { A = FLAGS(NODE(WITH, W), VL_AST_RECURSIVE); }

from(A) ::= . { A = NULL; }
from(A) ::= FROM sources(B). { A = B; }
sources(A) ::= joined(J) source(S) join_condition(C). {
    if (J.list == NULL && C.word.size > 0)
        vl_parser_fail(P, VELO_ERROR, (uint32_t)(C.word.text - P->sql),
                       "a JOIN clause is required before %s", C.on != NULL ? "ON" : "USING");
    A = ADD(J.list, KID(KID(OPS(S, -1, J.bits), 3, C.on), 4, C.names));
}
%type joined {struct { vl_ast *list; int bits; }}
joined(A) ::= . { A.list = NULL; A.bits = 0; }
joined(A) ::= sources(B) join(J). { A.list = B; A.bits = J; }
%type join {int}
join(A) ::= COMMA. { A = 0; }
join(A) ::= JOIN. { A = VL_JOIN_INNER; }
join(A) ::= JOIN_KW(B) JOIN. { A = vl_word_join(P, B, (vl_token){0}, (vl_token){0}); }
join(A) ::= JOIN_KW(B) nm(C) JOIN. { A = vl_word_join(P, B, C, (vl_token){0}); }
join(A) ::= JOIN_KW(B) nm(C) nm(D) JOIN. { A = vl_word_join(P, B, C, D); }
%type join_condition {struct { vl_token word; vl_ast *on; vl_ast *names; }}
join_condition(A) ::= ON(W) expr(E). { A.word = W; A.on = E; A.names = NULL; }
join_condition(A) ::= USING(W) LP names(L) RP. { A.word = W; A.on = NULL; A.names = L; }
join_condition(A) ::= . [OR] { memset(&A, 0, sizeof A); }
source(A) ::= qualified(T) alias(N). { A = NODE(SOURCE, T, NULL, N); }
source(A) ::= qualified(T) alias(N) index_choice(I). { A = KID(KID(I, 0, T), 2, N); }
source(A) ::= qualified(T) LP exprs_opt(L) RP alias(N). {
    A = FLAGS(NODE(SOURCE, T, L, N), VL_AST_CALL);
}
source(A) ::= LP select(Q) RP alias(N). { A = NODE(SOURCE, Q, NULL, N); }
source(A) ::= LP sources(L) RP alias(N). { A = NODE(SOURCE, L, NULL, N); }
index_choice(A) ::= INDEXED BY nm(N). {
    A = FLAGS(KID(LEAF(SOURCE), 5, NAME(N)), VL_AST_INDEXED);
}
index_choice(A) ::= NOT INDEXED. { A = FLAGS(LEAF(SOURCE), VL_AST_NOT_INDEXED); }
indexed(A) ::= . { A = LEAF(SOURCE); }
indexed(A) ::= index_choice(B). { A = B; }

where(A) ::= . { A = NULL; }
where(A) ::= WHERE expr(E). { A = E; }
group_by(A) ::= . { A = NULL; }
group_by(A) ::= GROUP BY exprs(L). { A = CHECK(L, "terms in GROUP BY clause"); }
having(A) ::= . { A = NULL; }
having(A) ::= HAVING expr(E). { A = E; }
order_by(A) ::= . { A = NULL; }
order_by(A) ::= ORDER BY terms(L). { A = CHECK(L, "terms in ORDER BY clause"); }
terms(A) ::= terms(B) COMMA sort_term(C). { A = ADD(B, C); }
terms(A) ::= sort_term(B). { A = ADD(NULL, B); }
sort_term(A) ::= expr(E) direction(D) nulls(N). { A = FLAGS(NODE(TERM, E), D | N); }
%type nulls {int}
nulls(A) ::= . { A = 0; }
nulls(A) ::= NULLS FIRST. { A = (int)VL_AST_NULLS_FIRST; }
nulls(A) ::= NULLS LAST. { A = (int)VL_AST_NULLS_LAST; }
%type limit {struct { vl_ast *limit; vl_ast *offset; }}
limit(A) ::= . { A.limit = NULL; A.offset = NULL; }
limit(A) ::= LIMIT expr(E). { A.limit = E; A.offset = NULL; }
limit(A) ::= LIMIT expr(E) OFFSET expr(F). { A.limit = E; A.offset = F; }
limit(A) ::= LIMIT expr(F) COMMA expr(E). { A.limit = E; A.offset = F; }

/* ---- windows ---- */

windows(A) ::= WINDOW some_windows(B). { A = B; }
some_windows(A) ::= window_def(B). { A = ADD(NULL, B); }
some_windows(A) ::= some_windows(B) COMMA window_def(C). { A = ADD(B, C); }
window_def(A) ::= nm(N) AS LP window(W) RP. { A = KID(W, 3, NAME(N)); }
window(A) ::= partition(B). { A = B; }
window(A) ::= nm(N) partition(B). { A = TEXT(B, N); }
partition(A) ::= PARTITION BY exprs(L) order_by(O) frame(F). { A = NODE(WINDOW, L, O, F); }
partition(A) ::= ORDER BY terms(O) frame(F). { A = NODE(WINDOW, NULL, O, F); }
partition(A) ::= frame(F). { A = NODE(WINDOW, NULL, NULL, F); }
frame(A) ::= . { A = NULL; }
frame(A) ::= frame_unit(U) first_bound(B) exclusion(X). {
    A = vl_node_frame(P, OPS(NODE(FRAME, B), U, X));
}
frame(A) ::= frame_unit(U) BETWEEN first_bound(B) AND last_bound(C) exclusion(X). {
    A = vl_node_frame(P, OPS(NODE(FRAME, B, C), U, X));
}
%type frame_unit {int}
frame_unit(A) ::= RANGE. { A = VL_OP_RANGE; }
frame_unit(A) ::= ROWS. { A = VL_OP_ROWS; }
frame_unit(A) ::= GROUPS. { A = VL_OP_GROUPS; }
first_bound(A) ::= bound(B). { A = B; }
first_bound(A) ::= UNBOUNDED PRECEDING. { A = OPS(LEAF(BOUND), VL_OP_UNBOUNDED_PRECEDING, 0); }
last_bound(A) ::= bound(B). { A = B; }
last_bound(A) ::= UNBOUNDED FOLLOWING. { A = OPS(LEAF(BOUND), VL_OP_UNBOUNDED_FOLLOWING, 0); }
bound(A) ::= expr(E) PRECEDING. { A = NODE_OP(BOUND, VL_OP_PRECEDING, E); }
bound(A) ::= expr(E) FOLLOWING. { A = NODE_OP(BOUND, VL_OP_FOLLOWING, E); }
bound(A) ::= CURRENT ROW. { A = OPS(LEAF(BOUND), VL_OP_CURRENT_ROW, 0); }
%type exclusion {int}
exclusion(A) ::= . { A = VL_OP_NONE; }
exclusion(A) ::= EXCLUDE NO OTHERS. { A = VL_OP_NO_OTHERS; }
exclusion(A) ::= EXCLUDE CURRENT ROW. { A = VL_OP_CURRENT_ROW; }
exclusion(A) ::= EXCLUDE GROUP. { A = VL_OP_GROUP; }
exclusion(A) ::= EXCLUDE TIES. { A = VL_OP_TIES; }
%type after_call {struct { vl_ast *filter; vl_ast *over; vl_token end; }}
after_call(A) ::= filter(F) over(O). { A.filter = F.node; A.over = O.node; A.end = O.end; }
after_call(A) ::= over(O). { A.filter = NULL; A.over = O.node; A.end = O.end; }
after_call(A) ::= filter(F). { A.filter = F.node; A.over = NULL; A.end = F.end; }
%type over {struct { vl_ast *node; vl_token end; }}
%type filter {struct { vl_ast *node; vl_token end; }}
over(A) ::= OVER LP window(W) RP(E). { A.node = W; A.end = E; }
over(A) ::= OVER nm(N). { A.node = NAME(N); A.end = N; }
filter(A) ::= FILTER LP WHERE expr(E) RP(B). { A.node = E; A.end = B; }

/* ---- INSERT, UPDATE, DELETE ---- */

%type target {struct { vl_ast *table; vl_ast *alias; }}
target(A) ::= qualified(T). { A.table = T; A.alias = NULL; }
target(A) ::= qualified(T) AS nm(N). { A.table = T; A.alias = NAME(N); }
target_indexed(A) ::= target(T) indexed(I). { A = KID(KID(I, 0, T.table), 2, T.alias); }
where_returning(A) ::= where(W). { A.where = W; A.returning = NULL; }
where_returning(A) ::= where(W) RETURNING results(R). { A.where = W; A.returning = R; }
%type where_returning {struct { vl_ast *where; vl_ast *returning; }}
data_command(A) ::= with(C) DELETE FROM target_indexed(T) where_returning(W) order_by(O) limit(L). {
    A = NODE(DELETE, C, T, W.where, W.returning, O, L.limit, L.offset);
}
data_command(A) ::= with(C) UPDATE or_conflict(R) target_indexed(T) SET sets(S) from(F)
                    where_returning(W) order_by(O) limit(L). {
    A = OPS(NODE(UPDATE, C, T, CHECK(S, "columns in set list"), F, W.where,
                 W.returning, O, L.limit, L.offset), 0, R);
}
data_command(A) ::= insert_begin(B) INTO target(T) names_opt(L) select(Q) upsert(U). {
    A = KID(KID(KID(KID(INTO(B.word, B.with, T), 3, L), 4, Q), 5, U.list), 6, U.returning);
}
data_command(A) ::= insert_begin(B) INTO target(T) names_opt(L) DEFAULT VALUES returning(R). {
    A = KID(KID(INTO(B.word, B.with, T), 3, L), 6, R);
}
/* REPLACE stands for itself, without an empty WITH before it: behind EXPLAIN ANALYZE it would be taken for the
 * name of a table otherwise, as a fallback goes before a default reduction. */
%type insert_begin {struct { vl_ast *with; vl_ast *word; }}
insert_begin(A) ::= with(W) INSERT or_conflict(C). { A.with = W; A.word = OPS(LEAF(INSERT), 0, C); }
insert_begin(A) ::= REPLACE. { A.with = NULL; A.word = OPS(LEAF(INSERT), 0, VL_OP_REPLACE); }
insert_begin(A) ::= with_given(W) REPLACE. { A.with = W; A.word = OPS(LEAF(INSERT), 0, VL_OP_REPLACE); }
insert_word(A) ::= INSERT or_conflict(C). { A = OPS(LEAF(INSERT), 0, C); }
insert_word(A) ::= REPLACE. { A = OPS(LEAF(INSERT), 0, VL_OP_REPLACE); }
returning(A) ::= . { A = NULL; }
returning(A) ::= RETURNING results(R). { A = R; }
names_opt(A) ::= . { A = NULL; }
names_opt(A) ::= LP names(B) RP. { A = B; }
names(A) ::= nm(N). { A = ADD(NULL, NAME(N)); }
names(A) ::= names(B) COMMA nm(N). { A = ADD(B, NAME(N)); }
sets(A) ::= set(B). { A = ADD(NULL, B); }
sets(A) ::= sets(B) COMMA set(C). { A = ADD(B, C); }
set(A) ::= nm(N) EQ expr(E). { A = TEXT(NODE(SET, NULL, E), N); }
set(A) ::= LP names(L) RP EQ expr(E). { A = NODE(SET, L, E); }

%type upsert {struct { vl_ast *list; vl_ast *returning; }}
upsert(A) ::= upserts(L) returning(R). { A.list = L; A.returning = R; }
upsert(A) ::= upserts(L) ON CONFLICT DO upsert_action(U) returning(R). {
    A.list = ADD(L, U);
    A.returning = R;
}
upserts(A) ::= . { A = NULL; }
upserts(A) ::= upserts(B) ON CONFLICT LP terms(T) RP where(W) DO upsert_action(U). {
    A = ADD(B, KID(KID(U, 0, T), 1, W));
}
upsert_action(A) ::= NOTHING. { A = LEAF(UPSERT); }
upsert_action(A) ::= UPDATE SET sets(S) where(W). {
    A = NODE(UPSERT, NULL, NULL, CHECK(S, "columns in set list"), W);
}

/* ---- expressions ---- */

exprs_opt(A) ::= . { A = NULL; }
exprs_opt(A) ::= exprs(B). { A = B; }
exprs(A) ::= expr(E). { A = ADD(NULL, E); }
exprs(A) ::= exprs(B) COMMA expr(E). { A = ADD(B, E); }

expr(A) ::= term(B). { A = B; }
term(A) ::= NULL(T). { A = SPAN(LEAF(NULL), T, T); }
term(A) ::= FLOAT(T). { A = vl_node_raw(P, VL_AST_REAL, T); }
term(A) ::= INTEGER(T). { A = vl_node_raw(P, VL_AST_INTEGER, T); }
term(A) ::= STRING(T). { A = vl_node_name(P, VL_AST_STRING, T); }
term(A) ::= BLOB(T). { A = vl_node_blob(P, T); }
term(A) ::= CTIME_KW(T). { A = SPAN(OPS(LEAF(NOW), vl_word_now(T), 0), T, T); }
expr(A) ::= VARIABLE(T). { A = vl_node_parameter(P, T); }
expr(A) ::= LP(B) expr(E) RP(C). { A = SPAN(E, B, C); }
expr(A) ::= idj(N). { A = vl_node_name(P, VL_AST_COLUMN, N); }
expr(A) ::= nm(T) DOT nm(N). { A = SPAN(TEXT(NODE(COLUMN, NAME(T)), N), T, N); }
expr(A) ::= nm(S) DOT nm(T) DOT nm(N). { A = SPAN(TEXT(NODE(COLUMN, NAME(T), NAME(S)), N), S, N); }
expr(A) ::= expr(E) COLLATE ids(N). { A = SPAN(TEXT(NODE(COLLATE, E), N), AT(E), N); }
expr(A) ::= CAST(B) LP expr(E) AS type(T) RP(C). { A = SPAN(NODE(CAST, E, T), B, C); }
expr(A) ::= call(F). { A = F; }
expr(A) ::= call(F) after_call(O). {
    A = SPAN(vl_node_over(P, F, O.filter, O.over), AT(F), O.end);
}
call(A) ::= idj(N) LP distinct(D) exprs_opt(L) RP(C). {
    A = FLAGS(SPAN(TEXT(NODE(FUNCTION, L), N), N, C), D);
}
call(A) ::= idj(N) LP distinct(D) exprs_opt(L) ORDER BY terms(O) RP(C). {
    A = FLAGS(SPAN(TEXT(NODE(FUNCTION, L, O), N), N, C), D);
}
call(A) ::= idj(N) LP STAR RP(C). {
    A = FLAGS(SPAN(TEXT(LEAF(FUNCTION), N), N, C), VL_AST_HAS_STAR);
}
expr(A) ::= LP(B) exprs(L) COMMA expr(E) RP(C). { A = SPAN(NODE(ROW, ADD(L, E)), B, C); }
expr(A) ::= expr(L) AND expr(R). { A = BINARY(AND, L, R); }
expr(A) ::= expr(L) OR expr(R). { A = BINARY(OR, L, R); }
expr(A) ::= expr(L) LT expr(R). { A = BINARY(LT, L, R); }
expr(A) ::= expr(L) GT expr(R). { A = BINARY(GT, L, R); }
expr(A) ::= expr(L) LE expr(R). { A = BINARY(LE, L, R); }
expr(A) ::= expr(L) GE expr(R). { A = BINARY(GE, L, R); }
expr(A) ::= expr(L) EQ expr(R). { A = BINARY(EQ, L, R); }
expr(A) ::= expr(L) NE expr(R). { A = BINARY(NE, L, R); }
expr(A) ::= expr(L) BITAND expr(R). { A = BINARY(BIT_AND, L, R); }
expr(A) ::= expr(L) BITOR expr(R). { A = BINARY(BIT_OR, L, R); }
expr(A) ::= expr(L) LSHIFT expr(R). { A = BINARY(SHIFT_LEFT, L, R); }
expr(A) ::= expr(L) RSHIFT expr(R). { A = BINARY(SHIFT_RIGHT, L, R); }
expr(A) ::= expr(L) PLUS expr(R). { A = BINARY(ADD, L, R); }
expr(A) ::= expr(L) MINUS expr(R). { A = BINARY(SUB, L, R); }
expr(A) ::= expr(L) STAR expr(R). { A = BINARY(MUL, L, R); }
expr(A) ::= expr(L) SLASH expr(R). { A = BINARY(DIV, L, R); }
expr(A) ::= expr(L) REM expr(R). { A = BINARY(MOD, L, R); }
expr(A) ::= expr(L) CONCAT expr(R). { A = BINARY(CONCAT, L, R); }
expr(A) ::= expr(L) PTR(T) expr(R). {
    A = OPS(BINARY(ARROW, L, R), T.size == 2 ? VL_OP_ARROW : VL_OP_ARROW_TEXT, 0);
}
%type like {struct { vl_token word; unsigned negated; }}
like(A) ::= LIKE_KW|MATCH(W). { A.word = W; A.negated = 0; }
like(A) ::= NOT LIKE_KW|MATCH(W). { A.word = W; A.negated = VL_AST_IS_NOT; }
expr(A) ::= expr(L) like(W) expr(R). [LIKE_KW] {
    A = FLAGS(SPAN(NODE_OP(LIKE, vl_word_like(W.word), L, R), AT(L), AT(R)), W.negated);
}
expr(A) ::= expr(L) like(W) expr(R) ESCAPE expr(E). [LIKE_KW] {
    A = FLAGS(SPAN(NODE_OP(LIKE, vl_word_like(W.word), L, R, E), AT(L), AT(E)), W.negated);
}
expr(A) ::= expr(E) ISNULL(T). { A = POSTFIX(ISNULL, E, T); }
expr(A) ::= expr(E) NOTNULL(T). { A = POSTFIX(NOTNULL, E, T); }
expr(A) ::= expr(E) NOT NULL(T). { A = POSTFIX(NOTNULL, E, T); }
expr(A) ::= expr(L) IS expr(R). { A = BINARY(IS, L, R); }
expr(A) ::= expr(L) IS NOT expr(R). { A = BINARY(IS_NOT, L, R); }
expr(A) ::= expr(L) IS NOT DISTINCT FROM expr(R). { A = BINARY(IS, L, R); }
expr(A) ::= expr(L) IS DISTINCT FROM expr(R). { A = BINARY(IS_NOT, L, R); }
expr(A) ::= NOT(T) expr(E). { A = PREFIX(NOT, T, E); }
expr(A) ::= BITNOT(T) expr(E). { A = PREFIX(BIT_NOT, T, E); }
expr(A) ::= PLUS(T) expr(E). [BITNOT] { A = PREFIX(PLUS, T, E); }
expr(A) ::= MINUS(T) expr(E). [BITNOT] { A = PREFIX(MINUS, T, E); }
%type between {int}
between(A) ::= BETWEEN. { A = 0; }
between(A) ::= NOT BETWEEN. { A = (int)VL_AST_IS_NOT; }
expr(A) ::= expr(E) between(N) expr(L) AND expr(H). [BETWEEN] {
    A = FLAGS(SPAN(NODE(BETWEEN, E, L, H), AT(E), AT(H)), N);
}
%type in {int}
in(A) ::= IN. { A = 0; }
in(A) ::= NOT IN. { A = (int)VL_AST_IS_NOT; }
expr(A) ::= expr(E) in(N) LP exprs_opt(L) RP(C). [IN] {
    A = FLAGS(SPAN(NODE(IN, E, L != NULL ? L : LEAF(LIST)), AT(E), C), N);
}
expr(A) ::= expr(E) in(N) LP select(Q) RP(C). [IN] {
    A = FLAGS(SPAN(NODE(IN, E, Q), AT(E), C), N);
}
expr(A) ::= expr(E) in(N) qualified(T) source_arguments(S). [IN] {
    A = FLAGS(SPAN(NODE(IN, E, KID(S.node, 0, T)), AT(E), S.end.size > 0 ? S.end : AT(T)), N);
}
%type source_arguments {struct { vl_ast *node; vl_token end; }}
source_arguments(A) ::= . { A.node = LEAF(SOURCE); A.end = (vl_token){0}; }
source_arguments(A) ::= LP exprs_opt(L) RP(C). {
    A.node = FLAGS(NODE(SOURCE, NULL, L), VL_AST_CALL);
    A.end = C;
}
expr(A) ::= LP(B) select(Q) RP(C). { A = SPAN(NODE(SUBQUERY, Q), B, C); }
expr(A) ::= EXISTS(B) LP select(Q) RP(C). { A = SPAN(NODE(EXISTS, Q), B, C); }
expr(A) ::= CASE(B) expr_opt(E) whens(W) case_else(F) END(C). { A = SPAN(NODE(CASE, E, W, F), B, C); }
expr_opt(A) ::= . { A = NULL; }
expr_opt(A) ::= expr(E). { A = E; }
whens(A) ::= WHEN expr(E) THEN expr(F). { A = ADD(NULL, NODE(WHEN, E, F)); }
whens(A) ::= whens(B) WHEN expr(E) THEN expr(F). { A = ADD(B, NODE(WHEN, E, F)); }
case_else(A) ::= . { A = NULL; }
case_else(A) ::= ELSE expr(E). { A = E; }
expr(A) ::= RAISE(B) LP IGNORE RP(C). { A = SPAN(OPS(LEAF(RAISE), VL_OP_IGNORE, 0), B, C); }
expr(A) ::= RAISE(B) LP raise_kind(K) COMMA expr(E) RP(C). {
    A = SPAN(NODE_OP(RAISE, K, E), B, C);
}

/* ---- the rest ---- */

command(A) ::= PRAGMA qualified(N). { A = NODE(PRAGMA, N); }
command(A) ::= PRAGMA qualified(N) EQ pragma_value(V). { A = NODE(PRAGMA, N, V); }
command(A) ::= PRAGMA qualified(N) LP pragma_value(V) RP. { A = FLAGS(NODE(PRAGMA, N, V), VL_AST_CALL); }
pragma_value(A) ::= signed(T). { A = vl_node_raw(P, VL_AST_INTEGER, T); }
pragma_value(A) ::= nm(T). { A = NAME(T); }
pragma_value(A) ::= ON|DELETE|DEFAULT(T). { A = NAME(T); }
command(A) ::= ANALYZE. { A = LEAF(ANALYZE); }
command(A) ::= ANALYZE qualified(N). { A = NODE(ANALYZE, N); }
command(A) ::= REINDEX. { A = LEAF(REINDEX); }
command(A) ::= REINDEX qualified(N). { A = NODE(REINDEX, N); }
command(A) ::= VACUUM vacuum_into(E). { A = NODE(VACUUM, NULL, E); }
command(A) ::= VACUUM nm(N) vacuum_into(E). { A = NODE(VACUUM, NAME(N), E); }
vacuum_into(A) ::= . { A = NULL; }
vacuum_into(A) ::= INTO expr(E). { A = E; }
command(A) ::= ATTACH database_word expr(F) AS expr(S). { A = NODE(ATTACH, F, S); }
command(A) ::= ATTACH database_word expr(F) AS expr(S) KEY expr(K). { A = NODE(ATTACH, F, S, K); }
command(A) ::= DETACH database_word expr(S). { A = NODE(DETACH, S); }
database_word ::= .
database_word ::= DATABASE.

/* ---- the parser behind one face ---- */

%code {
size_t
vl_grammar_size(void)
{
    return sizeof(yyParser);
}

void
vl_grammar_init(void *grammar, vl_parser *parser)
{
    vl_lemonInit(grammar);
    ((yyParser *)grammar)->P = parser;
}

void
vl_grammar_token(void *grammar, int kind, vl_token token)
{
    vl_lemon(grammar, kind, token, ((yyParser *)grammar)->P);
}

int
vl_grammar_fallback(int kind)
{
    return vl_lemonFallback(kind);
}

void
vl_grammar_deinit(void *grammar)
{
    vl_lemonFinalize(grammar);
}
}
