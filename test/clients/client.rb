# client.rb FOLDER - what Ruby's sqlite3 does, on the library that is in the library path.
require 'sqlite3'

$count = $bad = 0

def ok(is_right, what)
  $count += 1
  return if is_right
  $bad += 1
  puts "not ok: #{what}"
end

def fails(what, error)
  yield
  ok(false, what)
rescue error
  ok(true, what)
end

db = SQLite3::Database.new(ARGV[0] + '/ruby.db')
db.execute 'CREATE TABLE t(id INTEGER PRIMARY KEY, name TEXT, v REAL, b BLOB)'
db.transaction do
  insert = db.prepare('INSERT INTO t(name, v, b) VALUES(?, ?, ?)')
  1000.times { |i| insert.execute("n#{i}", i / 4.0, SQLite3::Blob.new([i].pack('N'))) }
  insert.close
end
ok(db.get_first_value('SELECT count(*) FROM t') == 1000, 'count')
ok(db.last_insert_row_id == 1000, 'rowid')
db.results_as_hash = true
row = db.get_first_row('SELECT * FROM t WHERE id = 12')
ok(row['name'] == 'n11' && row['v'] == 2.75 && row['b'] == [11].pack('N'), 'row')
db.results_as_hash = false
db.create_function('twice', 1) { |f, x| f.result = x * 2 }
ok(db.get_first_value('SELECT twice(21)') == 42, 'function')
db.create_aggregate('cat', 1) do
  step { |c, x| c[:all] = (c[:all] || '') + x }
  finalize { |c| c.result = c[:all] }
end
ok(db.get_first_value('SELECT cat(name) FROM t WHERE id < 4') == 'n0n1n2', 'aggregate')
order = Object.new
def order.compare(a, b)
  a.size <=> b.size
end
db.collation('len', order)
ok(db.get_first_value('SELECT name FROM t ORDER BY name COLLATE len DESC, id LIMIT 1') == 'n100',
   'collation')
fails('constraint', SQLite3::ConstraintException) { db.execute('INSERT INTO t(id) VALUES(1)') }
fails('syntax', SQLite3::SQLException) { db.execute('SELEC') }
copy = SQLite3::Database.new(':memory:')
backup = SQLite3::Backup.new(copy, 'main', db, 'main')
backup.step(-1)
backup.finish
ok(copy.get_first_value('SELECT sum(id) FROM t') == 500_500, 'backup')
ok(db.table_info('t').map { |c| c['name'] } == %w[id name v b], 'table_info')
db.prepare('SELECT id, name FROM t') { |s| ok(s.types == %w[INTEGER TEXT], 'types') }
told = []
db.trace { |sql| told << sql }
db.execute('SELECT 1')
ok(told.size == 1, 'trace')
db.trace
db.authorizer { |action, *| action == 9 ? 1 : 0 }
fails('authorizer', SQLite3::AuthorizationException) { db.execute('DELETE FROM t') }
db.authorizer
db.query('SELECT id FROM t ORDER BY id LIMIT 3') { |r| ok(r.to_a.flatten == [1, 2, 3], 'query') }
ok(db.execute('SELECT id FROM t WHERE name = :n', { 'n' => 'n5' }) == [[6]], 'named parameters')
ok(db.total_changes == 1000, 'changes')
begin
  db.close
  ok(true, 'close')
rescue SQLite3::Exception => e
  ok(false, "close: #{e}")
end
puts "ruby (#{SQLite3.libversion}): #{$count - $bad} passed, #{$bad} failed"
exit($bad.zero? ? 0 : 1)
