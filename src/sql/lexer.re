/* lexer.re - cuts SQL text into tokens; re2c makes lexer.c of it.
 *
 * Invariants
 *   L1  No byte at or behind `end` is read: such a byte counts as 0, which ends the text.
 *   L2  A token is never empty, except the end of the text. */
#include "sql/lexer.h"

#include "sql/grammar.h"

static int
lexer_end(vl_token *token, const char *cursor, int kind)
{
    token->size = (uint32_t)(cursor - token->text);
    return kind;
}

int
vl_lexer_token(const char *at, const char *end, vl_token *token)
{
    const char *cursor = at;
    const char *marker = at;

    token->text = at;
    /*!re2c
        re2c:api = custom;
        re2c:api:style = free-form;
        re2c:yyfill:enable = 0;
        re2c:define:YYCTYPE = "unsigned char";
        re2c:define:YYPEEK = "(cursor < end ? (unsigned char)*cursor : 0)";
        re2c:define:YYSKIP = "cursor++;";
        re2c:define:YYBACKUP = "marker = cursor;";
        re2c:define:YYRESTORE = "cursor = marker;";

        any = [^\x00];
        space = [ \t\n\f\r];
        digit = [0-9];
        hex = [0-9a-fA-F];
        first = [A-Za-z_\x80-\xff];
        letter = first | digit | "$";
        digits = digit+ ("_" digit+)*;
        exponent = 'e' [+-]? digits;
        colons = "::";
        variable = [$@#:] colons* letter (letter | colons)*;
        suffix = "(" [^\x00 \t\n\v\f\r)]*;

        "\x00"               { token->size = 0; return VL_TK_FINISH; }
        space+               { return lexer_end(token, cursor, VL_TK_SPACE); }
        "\xef\xbb\xbf" letter* {
            /* A byte order mark, not the begin of a name. */
            return lexer_end(token, at + 3, VL_TK_SPACE);
        }
        "--" [^\n\x00]*      { return lexer_end(token, cursor, VL_TK_SPACE); }
        "/*" ([^*\x00] | "*"+ [^*/\x00])* "*"+ "/" {
            return lexer_end(token, cursor, VL_TK_SPACE);
        }
        "/*" ([^*\x00] | "*"+ [^*/\x00])* "*"* {
            /* Never closed: the rest is a comment, but a text's last two bytes are not. */
            if (cursor - at == 2) {
                cursor = at + 1;
                return lexer_end(token, cursor, VL_TK_SLASH);
            }
            return lexer_end(token, cursor, VL_TK_SPACE);
        }

        'abort'              { return lexer_end(token, cursor, VL_TK_ABORT); }
        'action'             { return lexer_end(token, cursor, VL_TK_ACTION); }
        'add'                { return lexer_end(token, cursor, VL_TK_ADD); }
        'after'              { return lexer_end(token, cursor, VL_TK_AFTER); }
        'all'                { return lexer_end(token, cursor, VL_TK_ALL); }
        'alter'              { return lexer_end(token, cursor, VL_TK_ALTER); }
        'always'             { return lexer_end(token, cursor, VL_TK_ALWAYS); }
        'analyze'            { return lexer_end(token, cursor, VL_TK_ANALYZE); }
        'and'                { return lexer_end(token, cursor, VL_TK_AND); }
        'as'                 { return lexer_end(token, cursor, VL_TK_AS); }
        'asc'                { return lexer_end(token, cursor, VL_TK_ASC); }
        'attach'             { return lexer_end(token, cursor, VL_TK_ATTACH); }
        'autoincrement'      { return lexer_end(token, cursor, VL_TK_AUTOINCR); }
        'before'             { return lexer_end(token, cursor, VL_TK_BEFORE); }
        'begin'              { return lexer_end(token, cursor, VL_TK_BEGIN); }
        'between'            { return lexer_end(token, cursor, VL_TK_BETWEEN); }
        'by'                 { return lexer_end(token, cursor, VL_TK_BY); }
        'cascade'            { return lexer_end(token, cursor, VL_TK_CASCADE); }
        'case'               { return lexer_end(token, cursor, VL_TK_CASE); }
        'cast'               { return lexer_end(token, cursor, VL_TK_CAST); }
        'check'              { return lexer_end(token, cursor, VL_TK_CHECK); }
        'collate'            { return lexer_end(token, cursor, VL_TK_COLLATE); }
        'column'             { return lexer_end(token, cursor, VL_TK_COLUMN); }
        'commit'             { return lexer_end(token, cursor, VL_TK_COMMIT); }
        'concurrent'         { return lexer_end(token, cursor, VL_TK_CONCURRENT); }
        'conflict'           { return lexer_end(token, cursor, VL_TK_CONFLICT); }
        'constraint'         { return lexer_end(token, cursor, VL_TK_CONSTRAINT); }
        'create'             { return lexer_end(token, cursor, VL_TK_CREATE); }
        'cross'              { return lexer_end(token, cursor, VL_TK_JOIN_KW); }
        'current'            { return lexer_end(token, cursor, VL_TK_CURRENT); }
        'current_date'       { return lexer_end(token, cursor, VL_TK_CTIME_KW); }
        'current_time'       { return lexer_end(token, cursor, VL_TK_CTIME_KW); }
        'current_timestamp'  { return lexer_end(token, cursor, VL_TK_CTIME_KW); }
        'database'           { return lexer_end(token, cursor, VL_TK_DATABASE); }
        'default'            { return lexer_end(token, cursor, VL_TK_DEFAULT); }
        'deferrable'         { return lexer_end(token, cursor, VL_TK_DEFERRABLE); }
        'deferred'           { return lexer_end(token, cursor, VL_TK_DEFERRED); }
        'delete'             { return lexer_end(token, cursor, VL_TK_DELETE); }
        'desc'               { return lexer_end(token, cursor, VL_TK_DESC); }
        'detach'             { return lexer_end(token, cursor, VL_TK_DETACH); }
        'distinct'           { return lexer_end(token, cursor, VL_TK_DISTINCT); }
        'do'                 { return lexer_end(token, cursor, VL_TK_DO); }
        'drop'               { return lexer_end(token, cursor, VL_TK_DROP); }
        'each'               { return lexer_end(token, cursor, VL_TK_EACH); }
        'else'               { return lexer_end(token, cursor, VL_TK_ELSE); }
        'end'                { return lexer_end(token, cursor, VL_TK_END); }
        'escape'             { return lexer_end(token, cursor, VL_TK_ESCAPE); }
        'except'             { return lexer_end(token, cursor, VL_TK_EXCEPT); }
        'exclude'            { return lexer_end(token, cursor, VL_TK_EXCLUDE); }
        'exclusive'          { return lexer_end(token, cursor, VL_TK_EXCLUSIVE); }
        'exists'             { return lexer_end(token, cursor, VL_TK_EXISTS); }
        'explain'            { return lexer_end(token, cursor, VL_TK_EXPLAIN); }
        'fail'               { return lexer_end(token, cursor, VL_TK_FAIL); }
        'filter'             { return lexer_end(token, cursor, VL_TK_FILTER); }
        'first'              { return lexer_end(token, cursor, VL_TK_FIRST); }
        'following'          { return lexer_end(token, cursor, VL_TK_FOLLOWING); }
        'for'                { return lexer_end(token, cursor, VL_TK_FOR); }
        'foreign'            { return lexer_end(token, cursor, VL_TK_FOREIGN); }
        'from'               { return lexer_end(token, cursor, VL_TK_FROM); }
        'full'               { return lexer_end(token, cursor, VL_TK_JOIN_KW); }
        'generated'          { return lexer_end(token, cursor, VL_TK_GENERATED); }
        'glob'               { return lexer_end(token, cursor, VL_TK_LIKE_KW); }
        'group'              { return lexer_end(token, cursor, VL_TK_GROUP); }
        'groups'             { return lexer_end(token, cursor, VL_TK_GROUPS); }
        'having'             { return lexer_end(token, cursor, VL_TK_HAVING); }
        'if'                 { return lexer_end(token, cursor, VL_TK_IF); }
        'ignore'             { return lexer_end(token, cursor, VL_TK_IGNORE); }
        'immediate'          { return lexer_end(token, cursor, VL_TK_IMMEDIATE); }
        'in'                 { return lexer_end(token, cursor, VL_TK_IN); }
        'index'              { return lexer_end(token, cursor, VL_TK_INDEX); }
        'indexed'            { return lexer_end(token, cursor, VL_TK_INDEXED); }
        'initially'          { return lexer_end(token, cursor, VL_TK_INITIALLY); }
        'inner'              { return lexer_end(token, cursor, VL_TK_JOIN_KW); }
        'insert'             { return lexer_end(token, cursor, VL_TK_INSERT); }
        'instead'            { return lexer_end(token, cursor, VL_TK_INSTEAD); }
        'intersect'          { return lexer_end(token, cursor, VL_TK_INTERSECT); }
        'into'               { return lexer_end(token, cursor, VL_TK_INTO); }
        'is'                 { return lexer_end(token, cursor, VL_TK_IS); }
        'isnull'             { return lexer_end(token, cursor, VL_TK_ISNULL); }
        'join'               { return lexer_end(token, cursor, VL_TK_JOIN); }
        'key'                { return lexer_end(token, cursor, VL_TK_KEY); }
        'last'               { return lexer_end(token, cursor, VL_TK_LAST); }
        'left'               { return lexer_end(token, cursor, VL_TK_JOIN_KW); }
        'like'               { return lexer_end(token, cursor, VL_TK_LIKE_KW); }
        'limit'              { return lexer_end(token, cursor, VL_TK_LIMIT); }
        'match'              { return lexer_end(token, cursor, VL_TK_MATCH); }
        'materialized'       { return lexer_end(token, cursor, VL_TK_MATERIALIZED); }
        'natural'            { return lexer_end(token, cursor, VL_TK_JOIN_KW); }
        'no'                 { return lexer_end(token, cursor, VL_TK_NO); }
        'not'                { return lexer_end(token, cursor, VL_TK_NOT); }
        'nothing'            { return lexer_end(token, cursor, VL_TK_NOTHING); }
        'notnull'            { return lexer_end(token, cursor, VL_TK_NOTNULL); }
        'null'               { return lexer_end(token, cursor, VL_TK_NULL); }
        'nulls'              { return lexer_end(token, cursor, VL_TK_NULLS); }
        'of'                 { return lexer_end(token, cursor, VL_TK_OF); }
        'offset'             { return lexer_end(token, cursor, VL_TK_OFFSET); }
        'on'                 { return lexer_end(token, cursor, VL_TK_ON); }
        'or'                 { return lexer_end(token, cursor, VL_TK_OR); }
        'order'              { return lexer_end(token, cursor, VL_TK_ORDER); }
        'others'             { return lexer_end(token, cursor, VL_TK_OTHERS); }
        'outer'              { return lexer_end(token, cursor, VL_TK_JOIN_KW); }
        'over'               { return lexer_end(token, cursor, VL_TK_OVER); }
        'partition'          { return lexer_end(token, cursor, VL_TK_PARTITION); }
        'plan'               { return lexer_end(token, cursor, VL_TK_PLAN); }
        'pragma'             { return lexer_end(token, cursor, VL_TK_PRAGMA); }
        'preceding'          { return lexer_end(token, cursor, VL_TK_PRECEDING); }
        'primary'            { return lexer_end(token, cursor, VL_TK_PRIMARY); }
        'query'              { return lexer_end(token, cursor, VL_TK_QUERY); }
        'raise'              { return lexer_end(token, cursor, VL_TK_RAISE); }
        'range'              { return lexer_end(token, cursor, VL_TK_RANGE); }
        'recursive'          { return lexer_end(token, cursor, VL_TK_RECURSIVE); }
        'references'         { return lexer_end(token, cursor, VL_TK_REFERENCES); }
        'regexp'             { return lexer_end(token, cursor, VL_TK_LIKE_KW); }
        'reindex'            { return lexer_end(token, cursor, VL_TK_REINDEX); }
        'release'            { return lexer_end(token, cursor, VL_TK_RELEASE); }
        'rename'             { return lexer_end(token, cursor, VL_TK_RENAME); }
        'replace'            { return lexer_end(token, cursor, VL_TK_REPLACE); }
        'restrict'           { return lexer_end(token, cursor, VL_TK_RESTRICT); }
        'returning'          { return lexer_end(token, cursor, VL_TK_RETURNING); }
        'right'              { return lexer_end(token, cursor, VL_TK_JOIN_KW); }
        'rollback'           { return lexer_end(token, cursor, VL_TK_ROLLBACK); }
        'row'                { return lexer_end(token, cursor, VL_TK_ROW); }
        'rows'               { return lexer_end(token, cursor, VL_TK_ROWS); }
        'savepoint'          { return lexer_end(token, cursor, VL_TK_SAVEPOINT); }
        'select'             { return lexer_end(token, cursor, VL_TK_SELECT); }
        'set'                { return lexer_end(token, cursor, VL_TK_SET); }
        'table'              { return lexer_end(token, cursor, VL_TK_TABLE); }
        'temp'               { return lexer_end(token, cursor, VL_TK_TEMP); }
        'temporary'          { return lexer_end(token, cursor, VL_TK_TEMP); }
        'then'               { return lexer_end(token, cursor, VL_TK_THEN); }
        'ties'               { return lexer_end(token, cursor, VL_TK_TIES); }
        'to'                 { return lexer_end(token, cursor, VL_TK_TO); }
        'transaction'        { return lexer_end(token, cursor, VL_TK_TRANSACTION); }
        'trigger'            { return lexer_end(token, cursor, VL_TK_TRIGGER); }
        'unbounded'          { return lexer_end(token, cursor, VL_TK_UNBOUNDED); }
        'union'              { return lexer_end(token, cursor, VL_TK_UNION); }
        'unique'             { return lexer_end(token, cursor, VL_TK_UNIQUE); }
        'update'             { return lexer_end(token, cursor, VL_TK_UPDATE); }
        'using'              { return lexer_end(token, cursor, VL_TK_USING); }
        'vacuum'             { return lexer_end(token, cursor, VL_TK_VACUUM); }
        'values'             { return lexer_end(token, cursor, VL_TK_VALUES); }
        'view'               { return lexer_end(token, cursor, VL_TK_VIEW); }
        'virtual'            { return lexer_end(token, cursor, VL_TK_VIRTUAL); }
        'when'               { return lexer_end(token, cursor, VL_TK_WHEN); }
        'where'              { return lexer_end(token, cursor, VL_TK_WHERE); }
        'window'             { return lexer_end(token, cursor, VL_TK_WINDOW); }
        'with'               { return lexer_end(token, cursor, VL_TK_WITH); }
        'without'            { return lexer_end(token, cursor, VL_TK_WITHOUT); }
        ";"                  { return lexer_end(token, cursor, VL_TK_SEMI); }
        "("                  { return lexer_end(token, cursor, VL_TK_LP); }
        ")"                  { return lexer_end(token, cursor, VL_TK_RP); }
        "+"                  { return lexer_end(token, cursor, VL_TK_PLUS); }
        "*"                  { return lexer_end(token, cursor, VL_TK_STAR); }
        "/"                  { return lexer_end(token, cursor, VL_TK_SLASH); }
        "%"                  { return lexer_end(token, cursor, VL_TK_REM); }
        "="                  { return lexer_end(token, cursor, VL_TK_EQ); }
        "=="                 { return lexer_end(token, cursor, VL_TK_EQ); }
        "<"                  { return lexer_end(token, cursor, VL_TK_LT); }
        "<="                 { return lexer_end(token, cursor, VL_TK_LE); }
        "<>"                 { return lexer_end(token, cursor, VL_TK_NE); }
        "<<"                 { return lexer_end(token, cursor, VL_TK_LSHIFT); }
        ">"                  { return lexer_end(token, cursor, VL_TK_GT); }
        ">="                 { return lexer_end(token, cursor, VL_TK_GE); }
        ">>"                 { return lexer_end(token, cursor, VL_TK_RSHIFT); }
        "!="                 { return lexer_end(token, cursor, VL_TK_NE); }
        "|"                  { return lexer_end(token, cursor, VL_TK_BITOR); }
        "||"                 { return lexer_end(token, cursor, VL_TK_CONCAT); }
        ","                  { return lexer_end(token, cursor, VL_TK_COMMA); }
        "&"                  { return lexer_end(token, cursor, VL_TK_BITAND); }
        "~"                  { return lexer_end(token, cursor, VL_TK_BITNOT); }
        "."                  { return lexer_end(token, cursor, VL_TK_DOT); }
        "-"                  { return lexer_end(token, cursor, VL_TK_MINUS); }
        "->"                 { return lexer_end(token, cursor, VL_TK_PTR); }
        "->>"                { return lexer_end(token, cursor, VL_TK_PTR); }

        first letter*        { return lexer_end(token, cursor, VL_TK_ID); }
        ["] ([^"\x00] | ["]["])* ["] { return lexer_end(token, cursor, VL_TK_ID); }
        [`] ([^`\x00] | [`][`])* [`] { return lexer_end(token, cursor, VL_TK_ID); }
        "[" [^\]\x00]* "]"   { return lexer_end(token, cursor, VL_TK_ID); }
        ['] ([^'\x00] | ['][']) * ['] { return lexer_end(token, cursor, VL_TK_STRING); }
        ["] ([^"\x00] | ["]["])* { return lexer_end(token, cursor, VL_TK_ILLEGAL); }
        [`] ([^`\x00] | [`][`])* { return lexer_end(token, cursor, VL_TK_ILLEGAL); }
        ['] ([^'\x00] | ['][']) * { return lexer_end(token, cursor, VL_TK_ILLEGAL); }
        "[" [^\]\x00]*       { return lexer_end(token, cursor, VL_TK_ILLEGAL); }

        digits               { return lexer_end(token, cursor, VL_TK_INTEGER); }
        '0x' hex+ ("_" hex+)* { return lexer_end(token, cursor, VL_TK_INTEGER); }
        (digits "." digits? | "." digits) exponent? {
            return lexer_end(token, cursor, VL_TK_FLOAT);
        }
        digits exponent      { return lexer_end(token, cursor, VL_TK_FLOAT); }
        (digits | '0x' hex+ ("_" hex+)* | (digits "." digits? | "." digits) exponent?
            | digits exponent) letter+ {
            return lexer_end(token, cursor, VL_TK_ILLEGAL);
        }

        'x' ['] (hex hex)* ['] { return lexer_end(token, cursor, VL_TK_BLOB); }
        'x' ['] [^'\x00]* [']? { return lexer_end(token, cursor, VL_TK_ILLEGAL); }

        "?" digit*           { return lexer_end(token, cursor, VL_TK_VARIABLE); }
        variable             { return lexer_end(token, cursor, VL_TK_VARIABLE); }
        variable suffix ")"  { return lexer_end(token, cursor, VL_TK_VARIABLE); }
        variable suffix      { return lexer_end(token, cursor, VL_TK_ILLEGAL); }
        [$@#:] colons*       { return lexer_end(token, cursor, VL_TK_ILLEGAL); }
        any                  { return lexer_end(token, cursor, VL_TK_ILLEGAL); }
    */
}
