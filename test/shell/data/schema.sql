CREATE TABLE customers(id integer primary key, name text);
CREATE TABLE orders(id integer primary key, customer_id integer, placed text);
CREATE INDEX orders_customer on orders(customer_id);
CREATE UNIQUE INDEX customers_name on customers(name);
CREATE TABLE "two words"(a, b);
.tables
.tables %o%s
.tables nothing
.indexes
.indexes orders
.schema
.schema orders
.schema sqlite_schema
.schema nothing
