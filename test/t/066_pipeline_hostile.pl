# What was tried against attached tables: values that are no images, keys that run code, tables that change
# hands, rows that change while they are read

use strict;
use warnings;

use PostgreSQL::Test::Utils;
use Test::More;

use HwrTest;

my $node = new_server('pipeline_hostile',
	conf => "shared_preload_libraries = 'hwr'\nhwr.service_device = none\nhwr.pipeline_workers = 0");
my ($rc, $out, $err);

sub sql
{
	return $node->safe_psql('postgres', $_[0]);
}

load_golden($node, 'm');
sql(<<'SQL');
CREATE ROLE alice LOGIN; CREATE ROLE bob LOGIN; CREATE ROLE mallory LOGIN;
SELECT hwr_grant_model('m', 'public');
GRANT EXECUTE ON FUNCTION hwr_attach TO alice, bob, mallory;
GRANT CREATE ON SCHEMA public TO alice, bob, mallory;
GRANT SELECT ON words TO PUBLIC;
SQL

#
# What is no image: a column that has another's name now, or that never was one
#

sql(<<'SQL');
SET ROLE mallory;
CREATE TABLE odd (id integer PRIMARY KEY, number bigint, image bytea, text text);
SELECT hwr_attach('odd', model => 'm');
INSERT INTO odd SELECT id, 4711, image FROM words WHERE id <= 2;
ALTER TABLE odd RENAME image TO other;
ALTER TABLE odd RENAME number TO image;
SQL
sql_fails($node, 'SET ROLE mallory; CALL hwr_work()', '42804', 'column "image" of relation "odd" is of type bigint, not bytea',
	'a number is not read as an image');
sql_fails($node, 'SET ROLE mallory; INSERT INTO odd VALUES (9, 12345678)', '42804', 'is of type bigint, not bytea',
	'nor in a trigger');
sql_fails($node, 'SET ROLE mallory; UPDATE odd SET text = $$x$$', '42804', 'is of type bigint, not bytea', 'nor hashed');
sql('DROP TABLE odd');

my $store = q{SELECT hwr.store_attachment('%s', '%s', 'text', NULL, %s, 'm', 'queue', 'none', 0.9, 3, '1 minute', NULL, 'wait', 64)};
sql('SET ROLE mallory; CREATE TABLE odd (id integer PRIMARY KEY, number bigint, image bytea, text text)');
sql_fails($node, 'SET ROLE mallory; ' . sprintf($store, 'odd', 'number', "'{id}'"), '42804', 'is of type bigint, not bytea',
	'nor attached by hand');
sql_fails($node, 'SET ROLE mallory; ' . sprintf($store, 'odd', 'image', $_), '55000', 'key of table "odd" is not its primary key',
	"the key is the primary key: $_")
	foreach (q{'{number}'}, q{'{}'}, q{'{id,id}'}, q{array_fill('id'::name, ARRAY[5000])});
sql('DROP TABLE odd');

#
# Keys whose values run code of the table's owner when they are made of text
#

sql(<<'SQL');
CREATE TABLE seen (what text, who text);
GRANT INSERT ON seen TO PUBLIC;
SET ROLE mallory;
CREATE FUNCTION note(v integer) RETURNS boolean LANGUAGE plpgsql AS $$ BEGIN INSERT INTO public.seen VALUES ('domain', current_user); RETURN true; END $$;
CREATE DOMAIN odd AS integer CHECK (public.note(VALUE));
CREATE TYPE pair AS (a odd);
CREATE TABLE trap (id pair PRIMARY KEY, image bytea, text text);
CREATE TABLE trap_array (id odd[] PRIMARY KEY, image bytea, text text);
CREATE TABLE plain (id integer[] PRIMARY KEY, image bytea, text text);
SQL
sql_fails($node, "SET ROLE mallory; SELECT hwr_attach('$_', model => 'm')", '0A000', 'cannot attach table .* by a key of type',
	"a key that runs code: $_")
	foreach 'trap', 'trap_array';
# a key that has become one
sql(<<'SQL');
SET ROLE mallory;
SELECT hwr_attach('plain', model => 'm');
INSERT INTO plain SELECT ARRAY[id], image, 'x' FROM words WHERE id <= 2;
UPDATE plain SET text = 'y';
DO $$ DECLARE t name; BEGIN FOR t IN SELECT tgname FROM pg_trigger WHERE tgrelid = 'plain'::regclass LOOP EXECUTE format('DROP TRIGGER %I ON plain', t); END LOOP; END $$;
ALTER TABLE plain ALTER id TYPE odd[];
RESET ROLE;
TRUNCATE seen;
SQL
$node->psql('postgres', 'SELECT * FROM hwr_corrections');
is(sql('SELECT count(*) FROM seen'), '0', 'who looks at corrections runs nothing of another role');
is(sql(q{SELECT count(*) FROM hwr_corrections}), '0', 'and sees the others');
sql_fails($node, q{SELECT * FROM hwr_review_next('plain')}, '0A000', 'has a type whose checks would run',
	'nor who asks what to look at');
is(sql('SELECT count(*) FROM seen'), '0', 'before anything has run');
# what is computed where a query is planned, of a table that who looks has not named; also of a partition that is another's
sql(<<'SQL');
SET ROLE mallory;
DROP TABLE plain;
CREATE FUNCTION folded(v integer) RETURNS integer LANGUAGE plpgsql IMMUTABLE AS $$ BEGIN PERFORM public.note(v); RETURN v; END $$;
CREATE TABLE plain (id integer PRIMARY KEY, image bytea, text text);
SELECT hwr_attach('plain', model => 'm');
INSERT INTO plain SELECT id, image, 'x' FROM words WHERE id <= 2;
UPDATE plain SET text = 'y';
CREATE INDEX ON plain ((id + public.folded(1)));
RESET ROLE;
TRUNCATE seen;
SQL
is(sql(q{SELECT count(*), count(DISTINCT image) FROM hwr_corrections}), '2|2', 'a superuser sees the corrections of all');
is(sql(q{SELECT count(*) > 0, count(*) FILTER (WHERE who <> 'mallory') FROM seen}), 't|0', 'and runs nothing of theirs as himself');
sql(<<'SQL');
SET ROLE mallory;
CREATE TABLE part (id integer PRIMARY KEY, image bytea, text text);
CREATE INDEX ON part ((id + public.folded(1)));
RESET ROLE;
CREATE TABLE hers (id integer PRIMARY KEY, image bytea, text text) PARTITION BY RANGE (id);
ALTER TABLE hers ATTACH PARTITION part FOR VALUES FROM (0) TO (100);
CREATE TABLE more PARTITION OF hers FOR VALUES FROM (100) TO (200);
ALTER TABLE part OWNER TO postgres;
SELECT hwr_attach('hers', model => 'm');
INSERT INTO hers SELECT 100 + id, image, 'x' FROM words WHERE id <= 2;
UPDATE hers SET text = 'y';
ALTER TABLE part OWNER TO mallory;
TRUNCATE seen;
SQL
is(sql(q{SELECT count(*) FROM hwr_corrections}), '2', 'a table with a partition of another is not read');
is(sql(q{SELECT count(*) FROM seen WHERE who <> 'mallory'}), '0', 'nor runs what is on it');
sql('DROP TABLE hers');
# a view that another has trained on is not read by who improves his model, unless he names it
sql(<<SQL);
GRANT EXECUTE ON FUNCTION hwr_train TO mallory;
SET ROLE mallory;
CREATE VIEW lesson AS SELECT image, label FROM words WHERE id <= 20;
SELECT version FROM hwr_train('lesson', 'hers', options => $HwrTest::tiny);
SQL
is(sql(q{SELECT hwr.former_training('hers') IS NULL; SET ROLE mallory; SELECT hwr.former_training('hers')}), "t\nlesson",
	'a view is for who has trained on it');
# a column that is no more
sql(<<'SQL');
SET ROLE mallory;
DROP TABLE plain;
CREATE TABLE plain (id integer PRIMARY KEY, image bytea, text text);
GRANT SELECT ON plain TO PUBLIC;
SELECT hwr_attach('plain', model => 'm');
INSERT INTO plain SELECT id, image, 'x' FROM words WHERE id <= 2;
UPDATE plain SET text = 'y';
ALTER TABLE plain RENAME image TO scan;
SQL
is(sql("SET ROLE $_; SELECT count(*) FROM hwr_corrections"), '0',
	"$_ sees corrections, whatever another has renamed") foreach 'alice', 'postgres';
sql('DROP TABLE plain');

#
# A table that changes hands
#

sql(<<'SQL');
CREATE TABLE given (id integer PRIMARY KEY, image bytea, text text);
SELECT hwr_attach('given', model => 'm');
INSERT INTO given SELECT id, image FROM words WHERE id <= 2;
ALTER TABLE given OWNER TO mallory;
SET ROLE mallory;
CREATE FUNCTION rise() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN INSERT INTO public.seen VALUES ('rise', current_user); RETURN NEW; END $$;
CREATE TRIGGER rise BEFORE UPDATE ON given FOR EACH ROW EXECUTE FUNCTION rise();
RESET ROLE;
TRUNCATE seen;
SQL
$node->psql('postgres', 'CALL hwr_work()');
is(sql(q{SELECT count(*) FROM seen WHERE who <> 'mallory'}), '0',
	'triggers of a new owner do not run as the superuser who attached the table');
sql_fails($node, 'CALL hwr_work()', '42501', 'has another owner than when it was attached', 'which is said');
sql('DROP TABLE given');

# between ordinary roles
sql(<<'SQL');
SET ROLE alice;
CREATE TABLE given (id integer PRIMARY KEY, image bytea, text text);
SELECT hwr_attach('given', model => 'm');
INSERT INTO given SELECT id, image FROM words WHERE id <= 2;
RESET ROLE;
ALTER TABLE given OWNER TO mallory;
GRANT ALL ON given TO alice;
SET ROLE mallory;
CREATE FUNCTION look() RETURNS boolean LANGUAGE plpgsql AS $$ BEGIN INSERT INTO public.seen VALUES ('look', current_user); RETURN true; END $$;
CREATE TRIGGER rise BEFORE UPDATE ON given FOR EACH ROW EXECUTE FUNCTION rise();
ALTER TABLE given ENABLE ROW LEVEL SECURITY, FORCE ROW LEVEL SECURITY;
CREATE POLICY look ON given USING (public.look());
RESET ROLE;
TRUNCATE seen;
SQL
sql_fails($node, 'CALL hwr_work()', '42501', 'has another owner than when it was attached',
	'a table that an ordinary role has given away');
sql_fails($node, q{SET ROLE mallory; SELECT hwr_reread('given', 'missing')}, '42501',
	'has another owner than when it was attached', 'nor are its rows queued in his name');
is(sql('SELECT count(*) FROM seen'), '0', 'nothing of the new owner has run');
is(sql(q{SET ROLE mallory; SELECT hwr_detach('given'); SELECT hwr_attach('given', model => 'm') > 0; CALL hwr_work(); SELECT count(text) FROM given}), "\nt\n2|0\n2", 'the new owner attaches it anew');
is(sql(q{SELECT count(*) FROM seen WHERE who <> 'mallory'}), '0', 'in his own name');
sql('DROP TABLE given');

# a partition, whose owner is another's to name, and which has triggers of its own
sql(<<'SQL');
TRUNCATE seen;
CREATE SCHEMA open;
GRANT ALL ON SCHEMA open TO mallory;
CREATE TABLE open.whole (k integer, d integer, image bytea, text text, PRIMARY KEY (k, d)) PARTITION BY LIST (d);
CREATE TABLE open.fine PARTITION OF open.whole FOR VALUES IN (0);
CREATE TABLE open.part PARTITION OF open.whole FOR VALUES IN (1);
CREATE TABLE open.mid PARTITION OF open.whole FOR VALUES IN (2) PARTITION BY LIST (k);
CREATE TABLE open.deep PARTITION OF open.mid FOR VALUES IN (1);
SELECT hwr_attach('open.whole', model => 'm');
INSERT INTO open.whole SELECT id, 0, image FROM words WHERE id <= 2;
SQL
is(sql('CALL hwr_work()'), '2|0', 'partitions of the same owner are read');
foreach (['part', 1], ['deep', 2], ['mid', 2])
{
	my ($name, $d) = @$_;

	sql(<<SQL);
UPDATE open.fine SET text = NULL;
ALTER TABLE open.$name OWNER TO mallory;
GRANT TRIGGER ON open.deep TO mallory;
SET ROLE mallory;
CREATE TRIGGER rise BEFORE UPDATE ON open.$name FOR EACH ROW EXECUTE FUNCTION rise();
RESET ROLE;
INSERT INTO open.whole SELECT 1, $d, image FROM words WHERE id = 1;
SQL
	sql_fails($node, 'CALL hwr_work()', '42501', qq{partition "$name" of table "whole" has another owner than the table}, "a partition that is given away: $name");
	background_until($node, q{SELECT problem LIKE 'partition % has another owner than the table' FROM hwr_attachments}, "$name: which a background worker says");
	sql_fails($node, q{SELECT hwr_reread('open.whole', 'missing')}, '42501', 'has another owner than the table', "$name: nor are rows queued");
	sql_fails($node, q{BEGIN; SELECT hwr_detach('open.whole'); SELECT hwr_attach('open.whole', model => 'm')}, '42501', 'has another owner than the table', "$name: nor can it be attached anew");
	is(sql(q{SELECT count(*) FROM seen WHERE what = 'rise'}), '0', "$name: its triggers have not run");
	sql("SET ROLE mallory; DROP TRIGGER rise ON open.$name; RESET ROLE; ALTER TABLE open.$name OWNER TO postgres");
	is(sql('CALL hwr_work()') =~ s/\|.*//r, '3', "$name: given back, the rows are read");
	sql("DELETE FROM open.whole WHERE d > 0; TRUNCATE seen");
}
# One that is attached while rows are read, with a trigger of another's: after an error each row is read by itself.
sql(<<'SQL');
CREATE FUNCTION stand_still(key integer) RETURNS boolean LANGUAGE plpgsql AS $$ BEGIN IF key = 99 THEN PERFORM pg_advisory_xact_lock_shared(7); IF nextval('public.stands') = 1 THEN RAISE 'stood still'; END IF; END IF; RETURN true; END $$;
CREATE SEQUENCE stands;
GRANT USAGE ON SEQUENCE stands TO alice;
SELECT hwr_detach('open.whole');
ALTER TABLE open.whole OWNER TO alice;
ALTER TABLE open.fine OWNER TO alice;
ALTER TABLE open.part OWNER TO alice;
ALTER TABLE open.mid OWNER TO alice;
ALTER TABLE open.deep OWNER TO alice;
GRANT USAGE ON SCHEMA open TO alice;
ALTER TABLE open.whole ENABLE ROW LEVEL SECURITY, FORCE ROW LEVEL SECURITY;
CREATE POLICY p ON open.whole USING (stand_still(k));
SELECT hwr_attach('open.whole', model => 'm', existing => false);
CREATE TABLE open.late (k integer, d integer, image bytea, text text, PRIMARY KEY (k, d));
ALTER TABLE open.late OWNER TO mallory;
SET ROLE mallory;
CREATE TRIGGER rise BEFORE UPDATE ON open.late FOR EACH ROW EXECUTE FUNCTION rise();
RESET ROLE;
INSERT INTO open.late SELECT 3, 3, image FROM words WHERE id = 3;
INSERT INTO hwr.queue (attachment, key) SELECT attachment, '{3,3}' FROM hwr_attachments WHERE data = 'open.whole'::regclass;
INSERT INTO open.whole SELECT 97 + id, 0, image FROM words WHERE id <= 2;
SQL
{
	my $holder = $node->background_psql('postgres');
	my $worker;

	$holder->query_safe('SELECT pg_advisory_lock(7)');
	$worker = start_sql($node, q{CALL hwr_work('open.whole', 3)});
	ok($node->poll_query_until('postgres', q{SELECT count(*) = 1 FROM pg_locks WHERE locktype = 'advisory' AND NOT granted}), 'a worker reads');
	sql('ALTER TABLE open.whole ATTACH PARTITION open.late FOR VALUES IN (3)');
	$holder->query_safe('SELECT pg_advisory_unlock(7)');
	$holder->quit;
	finish_sql($worker);
}
is(sql('SELECT count(*), (SELECT count(text) FROM open.late) FROM seen'), '0|0', 'a partition that comes while rows are read is left alone');
is(sql('SELECT count(text) FROM open.fine WHERE k = 98'), '1', 'and the others are read');
sql('DROP SCHEMA open CASCADE');

# Tables that inherit: their keys are their own
sql(<<'SQL');
CREATE TABLE parent (id integer PRIMARY KEY, image bytea, text text);
CREATE TABLE child () INHERITS (parent);
INSERT INTO child SELECT 1, image FROM words WHERE id = 2;
ALTER TABLE child OWNER TO mallory;
SET ROLE mallory;
CREATE TRIGGER rise BEFORE UPDATE ON child FOR EACH ROW EXECUTE FUNCTION rise();
RESET ROLE;
SELECT hwr_attach('parent', model => 'm');
SQL
is(sql('SELECT count(*) FROM hwr.queue'), '0', 'rows of a table that inherits are not queued');
sql('INSERT INTO parent SELECT id, image FROM words WHERE id = 1; CALL hwr_work()');
is(sql(q{SELECT count(*) FROM seen WHERE what = 'rise'}), '0', 'nor written');
is(sql(q{SELECT text = hwr_recognize(image, 'm') FROM ONLY parent}), 't', "though another row's key is the same");
sql(q{UPDATE ONLY parent SET text = 'MINE'; UPDATE child SET text = 'OTHER'});
is(sql(q{SELECT hwr_confirm('parent', '{1}'); SELECT string_agg(label, ' ' ORDER BY id) FROM hwr_corrections; SELECT hwr_undo_correction('parent', '{1}'), hwr_undo_correction('parent', '{1}')}),
	"t\nMINE\nt|t", 'nor is the other row confirmed, or taken for it');
is(sql(q{SELECT text FROM child}), 'OTHER', 'nor changed');
sql('DROP TABLE parent CASCADE');

#
# Privileges on columns are enough
#

sql(<<'SQL');
SET ROLE alice;
CREATE TABLE narrow (id integer PRIMARY KEY, image bytea, text text, secret text);
GRANT SELECT (id, image, text), UPDATE (text), TRIGGER ON narrow TO bob;
INSERT INTO narrow SELECT id, image FROM words WHERE id <= 2;
SET ROLE bob;
SELECT hwr_attach('narrow', text_column => 'text', model => 'm');
SQL
is(sql("SET ROLE bob; CALL hwr_work()"), '2|0', 'SELECT and UPDATE on the columns are enough');
sql('DROP TABLE narrow');

#
# Rows that change while a worker, which has taken their entries, finds nothing to do
#

sql(<<'SQL');
CREATE TABLE busy (id integer PRIMARY KEY, image bytea, text text);
SELECT hwr_attach('busy', model => 'm');
-- a worker that stands still while it reads, by the policy of a table that is read with its owner's privileges
CREATE FUNCTION stand(id integer) RETURNS boolean LANGUAGE plpgsql AS $$ BEGIN IF id = 99 THEN PERFORM pg_advisory_xact_lock_shared(7); END IF; RETURN true; END $$;
ALTER FUNCTION stand OWNER TO alice;
ALTER TABLE busy OWNER TO alice;
SELECT hwr_detach('busy');
ALTER TABLE busy ENABLE ROW LEVEL SECURITY, FORCE ROW LEVEL SECURITY;
CREATE POLICY p ON busy USING (stand(id));
SET ROLE alice;
SELECT hwr_attach('busy', model => 'm');
SQL

# While a worker is between reading and writing, this happens.
sub meanwhile
{
	my ($name, $before, $statement) = @_;
	my $holder = $node->background_psql('postgres');
	my $worker;

	sql($before);
	$holder->query_safe('SELECT pg_advisory_lock(7)');
	sql(q{INSERT INTO busy SELECT 99, image FROM words WHERE id = 1});
	$worker = start_sql($node, 'SET ROLE alice', 'CALL hwr_work()');
	ok($node->poll_query_until('postgres', q{SELECT count(*) = 1 FROM pg_locks WHERE locktype = 'advisory' AND NOT granted}),
		"$name: the worker reads");
	sql($statement);
	$holder->query_safe('SELECT pg_advisory_unlock(7)');
	$holder->quit;
	finish_sql($worker);
	sql('UPDATE hwr.queue SET due = now()');
	sql('SET ROLE alice; CALL hwr_work()');
	is(sql('SELECT count(*), count(text), (SELECT count(*) FROM hwr.queue) FROM busy'), '2|2|0', "$name: no row is lost");
	sql('DELETE FROM busy; DELETE FROM hwr.queue');
}

meanwhile('a text that goes', q{INSERT INTO busy SELECT 1, image FROM words WHERE id = 2; UPDATE busy SET text = 'x' WHERE id = 1}, 'UPDATE busy SET text = NULL WHERE id = 1');
meanwhile('another image', q{INSERT INTO busy SELECT 1, image FROM words WHERE id = 2; UPDATE busy SET text = 'x' WHERE id = 1},
	'UPDATE busy SET image = w.image FROM words w WHERE busy.id = 1 AND w.id = 3');
meanwhile('an image that comes', q{SET session_replication_role = replica; INSERT INTO busy VALUES (1); INSERT INTO hwr.queue (attachment, key) SELECT attachment, '{1}' FROM hwr_attachments},
	'UPDATE busy SET image = w.image FROM words w WHERE busy.id = 1 AND w.id = 3');
meanwhile('a row that comes', q{INSERT INTO hwr.queue (attachment, key) SELECT attachment, '{1}' FROM hwr_attachments},
	'INSERT INTO busy SELECT 1, image FROM words WHERE id = 2');
meanwhile('after an attempt', q{INSERT INTO hwr.queue (attachment, key, attempts) SELECT attachment, '{1}', 1 FROM hwr_attachments}, 'INSERT INTO busy SELECT 1, image FROM words WHERE id = 2');
sql('SET ROLE alice; SELECT hwr_detach(\'busy\')');

#
# A key is what the row has, however it is written
#

sql(<<'SQL');
CREATE TABLE keyed (id integer PRIMARY KEY, image bytea, text text);
SELECT hwr_attach('keyed', model => 'm');
INSERT INTO keyed SELECT 17, image FROM words WHERE id = 1;
CALL hwr_work();
SELECT hwr_confirm('keyed', '{" 017"}');
SQL
is(sql(q{SELECT string_agg(key::text, ' '), (SELECT string_agg(key::text || corrected, ' ') FROM hwr.read_row) FROM hwr.correction WHERE attachment = (SELECT attachment FROM hwr_attachments)}), '{17}|{17}true', 'a key is kept as the row has it');
sql('UPDATE keyed SET id = 18');
is(sql('SELECT read, corrected FROM hwr_queue'), '1|1', 'what is known of a row moves with its key');

#
# A restore: the queue is there before the table's rows are
#

sql(q{DROP TABLE keyed; CREATE TABLE keyed (id integer PRIMARY KEY, image bytea, text text); SELECT hwr_attach('keyed', model => 'names'); INSERT INTO keyed SELECT id, image FROM words WHERE id <= 3});
my $dump = $node->backup_dir . '/dump';
mkdir $node->backup_dir;
$node->command_ok([ 'pg_dump', '-Fc', '-f', $dump, $node->connstr('postgres') ], 'dump');
sql('CREATE DATABASE restored');
$node->run_log([ 'pg_restore', '--section', $_, '-d', $node->connstr('restored'), $dump ]) foreach 'pre-data';
$node->run_log([ 'pg_restore', '--section', 'data', '-n', 'hwr', '-d', $node->connstr('restored'), $dump ]);
$node->psql('restored', 'CALL hwr_work()');
$node->run_log([ 'pg_restore', '--section', 'data', '-n', 'public', '-d', $node->connstr('restored'), $dump ]);
$node->run_log([ 'pg_restore', '--section', 'post-data', '-d', $node->connstr('restored'), $dump ]);
is($node->safe_psql('restored', 'SELECT (SELECT count(*) FROM hwr.queue), (SELECT count(*) FROM keyed WHERE text IS NULL)'),
	'3|3', 'nothing is dropped by a worker that comes too early');

#
# A dump of the table alone: triggers of an attachment that is not there
#

my $names = q{SELECT string_agg(tgname, ' ' ORDER BY tgname) FROM pg_trigger WHERE NOT tgisinternal AND tgrelid = 'keyed'::regclass};
$node->command_ok([ 'pg_dump', '-Fc', '-t', 'keyed', '-f', "$dump.t", $node->connstr('postgres') ], 'dump of a table');
sql('CREATE DATABASE alone');
$node->safe_psql('alone', q{CREATE EXTENSION hwr; SELECT setval('hwr.attachment_id_seq', } . sql('SELECT attachment FROM hwr_attachments') . ', false)');
$node->command_ok([ 'pg_restore', '-d', $node->connstr('alone'), "$dump.t" ], 'restored where hwr is');
is($node->safe_psql('alone', $names), sql($names), 'it brings the triggers');
is($node->safe_psql('alone', 'INSERT INTO keyed (id) VALUES (50); SELECT count(*) FROM hwr.queue'), '0', 'which do nothing');
$node->safe_psql('alone', q{CREATE TRIGGER hwr_before_999 BEFORE UPDATE ON keyed FOR EACH ROW EXECUTE FUNCTION suppress_redundant_updates_trigger();
	ALTER TABLE keyed ADD second text; SELECT hwr_attach('keyed', text_column => 'text', model => 'names')});
is($node->safe_psql('alone', $names), join(' ', sort 'hwr_before_999', split / /, sql($names)), 'and give way to those of an attachment')
	or diag $node->safe_psql('alone', $names);
$node->safe_psql('alone', q{SELECT hwr_attach('keyed', text_column => 'second', model => 'names')});
is($node->safe_psql('alone', q{CALL hwr_work(); SELECT count(text), count(second) FROM keyed}), "6|0\n3|3", 'both are read');

done_testing();
