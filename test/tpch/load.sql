-- Rows for the tables of schema.sql, made by SQL alone, so that every database that runs this has
-- the same. :scale is the count of suppliers: 10,000 is TPC-H's scale 1. Numbers come from products modulo
-- primes; what they are spread like is near enough to the benchmark's for its queries to find rows.
CREATE TEMP TABLE word(id INTEGER PRIMARY KEY, color, syl1, syl2, syl3, box1, box2, segment, priority, mode, instruct);
INSERT INTO word(id, color, syl1, syl2, syl3, box1, box2, segment, priority, mode, instruct) VALUES
(0,'almond','STANDARD','ANODIZED','TIN','SM','CASE','AUTOMOBILE','1-URGENT','REG AIR','DELIVER IN PERSON'),
(1,'forest','SMALL','BURNISHED','NICKEL','LG','BOX','BUILDING','2-HIGH','AIR','COLLECT COD'),
(2,'green','MEDIUM','PLATED','BRASS','MED','BAG','FURNITURE','3-MEDIUM','RAIL','NONE'),
(3,'lemon','LARGE','POLISHED','STEEL','JUMBO','JAR','MACHINERY','4-NOT SPECIFIED','SHIP','TAKE BACK RETURN'),
(4,'navy','ECONOMY','BRUSHED','COPPER','WRAP','PKG','HOUSEHOLD','5-LOW','TRUCK','DELIVER IN PERSON'),
(5,'orchid','PROMO','BRUSHED','COPPER','SM','PACK','BUILDING','5-LOW','MAIL','NONE'),
(6,'rose','PROMO','PLATED','TIN','MED','CAN','HOUSEHOLD','2-HIGH','FOB','COLLECT COD'),
(7,'white','SMALL','ANODIZED','STEEL','LG','DRUM','MACHINERY','1-URGENT','AIR','NONE');
CREATE TEMP TABLE n(i INTEGER PRIMARY KEY);
WITH RECURSIVE c(i) AS (SELECT 0 UNION ALL SELECT i + 1 FROM c WHERE i + 1 < :scale * 150)
INSERT INTO n SELECT i FROM c;
INSERT INTO region VALUES (0,'AFRICA',''),(1,'AMERICA',''),(2,'ASIA',''),(3,'EUROPE',''),(4,'MIDDLE EAST','');
INSERT INTO nation VALUES (0,'ALGERIA',0,''),(1,'ARGENTINA',1,''),(2,'BRAZIL',1,''),(3,'CANADA',1,''),(4,'EGYPT',4,''),
(5,'ETHIOPIA',0,''),(6,'FRANCE',3,''),(7,'GERMANY',3,''),(8,'INDIA',2,''),(9,'INDONESIA',2,''),(10,'IRAN',4,''),
(11,'IRAQ',4,''),(12,'JAPAN',2,''),(13,'JORDAN',4,''),(14,'KENYA',0,''),(15,'MOROCCO',0,''),(16,'MOZAMBIQUE',0,''),
(17,'PERU',1,''),(18,'CHINA',2,''),(19,'ROMANIA',3,''),(20,'SAUDI ARABIA',4,''),(21,'VIETNAM',2,''),(22,'RUSSIA',3,''),
(23,'UNITED KINGDOM',3,''),(24,'UNITED STATES',1,'');
INSERT INTO part SELECT i + 1, a.color || ' ' || b.color || ' ' || c.color, 'Manufacturer#' || (i % 5 + 1),
    'Brand#' || (i % 5 + 1) || (i * 7919 % 1009 % 5 + 1), c.syl1 || ' ' || a.syl2 || ' ' || b.syl3,
    i * 48271 % 10007 % 50 + 1, b.box1 || ' ' || a.box2, 900 + i % 1000 + i % 97 / 100.0, 'part ' || i
  FROM n, word AS a, word AS b, word AS c WHERE i < :scale * 20 AND a.id = i * 7477 % 1013 % 8
    AND b.id = i * 3571 % 1021 % 8 AND c.id = i * 6007 % 1019 % 8 ORDER BY i;
INSERT INTO supplier SELECT i + 1, printf('Supplier#%09d', i + 1), 'street ' || (i * 3571 % 1000), i * 7919 % 1013 % 25,
    printf('%d-%03d-%03d', i * 7919 % 1013 % 25 + 10, i * 31 % 1000, i * 77 % 1000), (i * 48271 % 1100000 - 100000) / 100.0,
    CASE i % 23 WHEN 7 THEN 'slow Customer with many Complaints' ELSE 'nothing about ' || i END
  FROM n WHERE i < :scale;
INSERT INTO partsupp SELECT i / 4 + 1, (i / 4 + i % 4 * (:scale / 4) + i / 4 / :scale) % :scale + 1, i * 6007 % 10007 % 9999 + 1,
    (i * 48271 % 100003 % 99900 + 100) / 100.0, 'stock ' || i FROM n WHERE i < :scale * 80;
INSERT INTO customer SELECT i + 1, printf('Customer#%09d', i + 1), 'road ' || (i * 3571 % 1000), i * 6101 % 1009 % 25,
    printf('%d-%03d-%03d', i * 6101 % 1009 % 25 + 10, i * 37 % 1000, i * 71 % 1000), (i * 69621 % 1100009 - 100000) / 100.0,
    segment, 'wants ' || i FROM n, word WHERE i < :scale * 15 AND id = i * 7477 % 1013 % 8 ORDER BY i;
INSERT INTO orders SELECT i * 4 + 1, i * 7919 % 1000003 % (:scale * 15) / 3 * 3 + 1, CASE WHEN i * 48271 % 10007 % 2406 < 1200 THEN 'F' ELSE 'O' END,
    (i * 69621 % 50000017 + 90000) / 100.0, date('1992-01-01', '+' || (i * 48271 % 10007 % 2406) || ' days'), priority,
    printf('Clerk#%09d', i % 1000 + 1), 0, CASE i % 37 WHEN 5 THEN 'the special and pending requests' ELSE 'order ' || i END
  FROM n, word WHERE id = i * 6007 % 1019 % 8 ORDER BY i;
INSERT INTO lineitem SELECT o_orderkey, k * 48271 % 1000003 % (:scale * 20) + 1,
    (k * 48271 % 1000003 % (:scale * 20) + k % 4 * (:scale / 4)
        + k * 48271 % 1000003 % (:scale * 20) / :scale) % :scale + 1, line, k * 7477 % 10007 % 50 + 1,
    (k * 7477 % 10007 % 50 + 1) * (900 + k * 48271 % 1000003 % 1100), k * 3571 % 1013 % 11 / 100.0, k * 6007 % 1009 % 9 / 100.0,
    CASE WHEN date(o_orderdate, '+' || (k * 31 % 121 + 1 + k * 17 % 30 + 1) || ' days') > '1995-06-17' THEN 'N' WHEN k % 2 = 0 THEN 'R' ELSE 'A' END,
    CASE WHEN date(o_orderdate, '+' || (k * 31 % 121 + 1) || ' days') > '1995-06-17' THEN 'O' ELSE 'F' END,
    date(o_orderdate, '+' || (k * 31 % 121 + 1) || ' days'), date(o_orderdate, '+' || (k * 43 % 61 + 30) || ' days'),
    date(o_orderdate, '+' || (k * 31 % 121 + 1 + k * 17 % 30 + 1) || ' days'), instruct, mode, 'line ' || k
  FROM (SELECT o_orderkey, o_orderdate, w.id + 1 AS line, o_orderkey / 4 * 7 + w.id AS k FROM orders, word AS w
    WHERE w.id < o_orderkey / 4 * 6101 % 1009 % 7 + 1) AS o, word AS v
  WHERE v.id = k * 7919 % 1021 % 8 ORDER BY k;
