<?php
/* client.php FOLDER - what PHP's SQLite3 and PDO do, on the library that is in the library path. */
$file = $argv[1] . "/php.db";
$count = $bad = 0;

function ok($is_right, $what)
{
    global $count, $bad;
    $count++;
    if (!$is_right) {
        $bad++;
        echo "not ok: $what\n";
    }
}

function fails($what, $words, $call)
{
    try {
        $call();
        ok(false, $what);
    } catch (Exception $error) {
        ok(str_contains($error->getMessage(), $words), $what);
    }
}

$db = new SQLite3($file);
$db->enableExceptions(true);
$db->exec("CREATE TABLE t(id INTEGER PRIMARY KEY, name TEXT, v REAL, b BLOB)");
$insert = $db->prepare("INSERT INTO t(name, v, b) VALUES(:n, :v, :b)");
$db->exec("BEGIN");
for ($i = 0; $i < 1000; $i++) {
    $insert->bindValue(":n", "n$i");
    $insert->bindValue(":v", $i / 4, SQLITE3_FLOAT);
    $insert->bindValue(":b", pack("N", $i), SQLITE3_BLOB);
    $insert->execute();
    $insert->reset();
}
$db->exec("COMMIT");
ok($db->querySingle("SELECT count(*) FROM t") == 1000, "count");
ok($db->lastInsertRowID() == 1000, "rowid");
$result = $db->query("SELECT * FROM t WHERE id BETWEEN 10 AND 12 ORDER BY id DESC");
$row = $result->fetchArray(SQLITE3_ASSOC);
ok($row["name"] == "n11" && $row["v"] === 2.75 && $row["b"] === pack("N", 11), "row");
ok($result->columnName(1) == "name" && $result->columnType(2) == SQLITE3_FLOAT, "columns");
$db->createFunction("twice", fn($x) => $x * 2, 1);
ok($db->querySingle("SELECT twice(21)") == 42, "function");
$db->createAggregate("cat", fn($c, $n, $x) => ($c ?? "") . $x, fn($c, $n) => $c);
ok($db->querySingle("SELECT cat(name) FROM t WHERE id < 4") == "n0n1n2", "aggregate");
$db->createCollation("len", fn($a, $b) => strlen($a) <=> strlen($b));
ok($db->querySingle("SELECT name FROM t ORDER BY name COLLATE len DESC, id LIMIT 1") == "n100",
    "collation");
$blob = $db->openBlob("t", "b", 5);
ok(stream_get_contents($blob) === pack("N", 4), "blob");
fclose($blob);
fails("constraint", "UNIQUE constraint failed: t.id",
    fn() => $db->exec("INSERT INTO t(id) VALUES(1)"));
ok($db->lastErrorCode() == 19, "code");
$copy = new SQLite3(":memory:");
$db->backup($copy);
ok($copy->querySingle("SELECT sum(id) FROM t") == 500500, "backup");
$db->setAuthorizer(fn($a) => $a == SQLite3::DELETE ? SQLite3::DENY : SQLite3::OK);
fails("authorizer", "not authorized", fn() => $db->exec("DELETE FROM t"));
$db->setAuthorizer(null);

$pdo = new PDO("sqlite:$file");
$pdo->setAttribute(PDO::ATTR_ERRMODE, PDO::ERRMODE_EXCEPTION);
$pdo->beginTransaction();
$update = $pdo->prepare("UPDATE t SET v = v + ? WHERE id = ?");
$update->execute([1, 1]);
ok($update->rowCount() == 1, "rowCount");
$pdo->rollBack();
ok($pdo->query("SELECT v FROM t WHERE id = 1")->fetchColumn() == 0, "rollback");
ok($pdo->query("SELECT name, count(*) c FROM t GROUP BY name HAVING c > 1")->fetchAll() === [],
    "groups");
ok($pdo->query("SELECT id, name FROM t LIMIT 1")->getColumnMeta(1)["table"] == "t", "meta");
$pdo->sqliteCreateFunction("hi", fn() => "hi");
ok($pdo->query("SELECT hi()")->fetchColumn() == "hi", "function of PDO");
fails("syntax", "syntax error", fn() => $pdo->exec("SELEC"));
ok($db->close(), "close");
echo "php (", SQLite3::version()["versionString"], "): ", $count - $bad, " passed, $bad failed\n";
exit($bad == 0 ? 0 : 1);
