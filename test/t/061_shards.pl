# Images on several servers: partitions behind postgres_fdw are read where they are, and models are shipped there

use strict;
use warnings;

use PostgreSQL::Test::Cluster;
use PostgreSQL::Test::Utils;
use Test::More;

use HwrTest;

my $front = new_server('front');
plan skip_all => 'postgres_fdw or dblink is not installed'
	if $front->safe_psql('postgres', "SELECT count(*) FROM pg_available_extensions WHERE name IN ('postgres_fdw', 'dblink')") < 2;
my $back = PostgreSQL::Test::Cluster->new('back');
$back->init;
$back->start;
my ($host, $port) = ($back->host, $back->port);

# Statements of doc/scaling.md
foreach my $shard ('north', 'south')
{
	$back->safe_psql('postgres', "CREATE DATABASE $shard");
	$back->safe_psql($shard, q{
		CREATE EXTENSION hwr;
		CREATE TABLE forms (id integer, image bytea, label text);
		CREATE VIEW readings AS SELECT id, label, hwr_recognize(image, 'forms') AS text FROM forms;
	});
}
$front->safe_psql('postgres', qq{
	CREATE EXTENSION postgres_fdw;
	CREATE SERVER north FOREIGN DATA WRAPPER postgres_fdw OPTIONS (host '$host', port '$port', dbname 'north', async_capable 'true', extensions 'hwr');
	CREATE SERVER south FOREIGN DATA WRAPPER postgres_fdw OPTIONS (host '$host', port '$port', dbname 'south', async_capable 'true', extensions 'hwr');
	CREATE SERVER down FOREIGN DATA WRAPPER postgres_fdw OPTIONS (host '$host', port '1', dbname 'north');
	CREATE USER MAPPING FOR CURRENT_USER SERVER north;
	CREATE USER MAPPING FOR CURRENT_USER SERVER south;
	CREATE SERVER odd FOREIGN DATA WRAPPER postgres_fdw OPTIONS (host '$host', port '$port', dbname 'postgres');
	CREATE USER MAPPING FOR CURRENT_USER SERVER down;
	CREATE USER MAPPING FOR CURRENT_USER SERVER odd;
	CREATE TABLE forms (id integer, image bytea, label text) PARTITION BY RANGE (id);
	CREATE FOREIGN TABLE forms_north PARTITION OF forms FOR VALUES FROM (1) TO (51) SERVER north OPTIONS (table_name 'forms');
	CREATE FOREIGN TABLE forms_south PARTITION OF forms FOR VALUES FROM (51) TO (101) SERVER south OPTIONS (table_name 'forms');
	CREATE TABLE readings (id integer, label text, text text) PARTITION BY RANGE (id);
	CREATE FOREIGN TABLE readings_north PARTITION OF readings FOR VALUES FROM (1) TO (51) SERVER north;
	CREATE FOREIGN TABLE readings_south PARTITION OF readings FOR VALUES FROM (51) TO (101) SERVER south;
	ALTER FOREIGN TABLE readings_north OPTIONS (table_name 'readings');
	ALTER FOREIGN TABLE readings_south OPTIONS (table_name 'readings');
	INSERT INTO forms SELECT id, image, label FROM words;
});
is($back->safe_psql($_, 'SELECT count(*) FROM forms'), '50', "images are in $_") foreach ('north', 'south');

#
# Models
#
load_golden($front, 'forms');

sub ship
{
	my ($arguments) = @_;
	return $front->safe_psql('postgres', "SELECT * FROM hwr_ship_model('forms', $arguments) ORDER BY node");
}

sql_fails($front, "SELECT hwr_ship_model('forms', '{north}')", '0A000', 'extension "dblink" is not installed.*CREATE EXTENSION', 'without dblink');
$front->safe_psql('postgres', 'CREATE SCHEMA "Odd"; CREATE EXTENSION dblink SCHEMA "Odd"');
sql_fails($front, "SELECT hwr_ship_model('forms')", '22004', 'where Citus is not installed', 'no servers');
sql_fails($front, "SELECT hwr_ship_model('forms', '{north,NULL}')", '22004', 'name of a server must not be null', 'NULL as a server');
sql_fails($front, "SELECT hwr_ship_model(NULL, '{north}')", '22004', 'model name must not be null', 'NULL as a model');
sql_fails($front, "SELECT hwr_ship_model('none', '{north}')", '42704', 'model "none" does not exist', 'no such model');
sql_fails($front, "SELECT hwr_ship_model('forms', '{north}', 7)", '42704', 'version 7 of model "forms" does not exist', 'no such version');
is(ship(q('{}')), '', 'no server, no row');

like(ship(q('{down,north,nowhere,south}')), qr/^down\|\|failed\|could not establish connection: .*\nnorth\|1\|stored\|\nnowhere\|\|failed\|server "nowhere" does not exist\nsouth\|1\|stored\|$/s,
	'a model is stored where that is possible, and each node reports');
is(ship(q('{north,south}')), "north|1|unchanged|\nsouth|1|unchanged|", 'a second time nothing is to be done');

#
# Readings
#
my $texts = "SELECT id, text FROM readings ORDER BY id";
is($front->safe_psql('postgres', $texts), $front->safe_psql('postgres', "SELECT id, hwr_recognize(image, 'forms') FROM words ORDER BY id"),
	'both shards read as the front does');

sub plan_of
{
	my ($query) = @_;
	return $front->safe_psql('postgres', "EXPLAIN (VERBOSE, COSTS off) $query");
}

my $plan = plan_of('SELECT id, text FROM readings WHERE id = 7');
like($plan, qr/Remote SQL: SELECT id, text FROM public\.readings WHERE \(\(id = 7\)\)/, 'a view on the shard: it reads, and text travels');
unlike($plan, qr/readings_south/, 'only the shard that has the row is asked');
$plan = plan_of('SELECT id, text FROM readings');
like($plan, qr/Async Foreign Scan on public\.readings_north.*Async Foreign Scan on public\.readings_south/s, 'the shards read at the same time');
like(plan_of("SELECT count(*) FROM readings WHERE text <> label"), qr/Remote SQL: .*WHERE \(\(text <> label\)\)/, 'conditions on what was read go there too');
unlike(plan_of('SELECT id, label FROM readings'), qr/Remote SQL: .*text/, 'who does not ask for the text does not pay for it');
# doc/scaling.md says that hwr_recognize itself is not pushed: it depends on tables, and postgres_fdw ships immutable functions only
$plan = plan_of("SELECT id, hwr_recognize(image, 'forms') FROM forms WHERE id = 7");
like($plan, qr/Output: forms\.id, hwr_recognize\(forms\.image.*Remote SQL: SELECT id, image FROM/s, 'over a foreign table of images, images travel');

#
# New versions
#
$front->safe_psql('postgres', "SELECT hwr_import_model(hwr_export_model('forms', half => true), 'forms', activate => false)");
is(ship(q('{north}', 2, false)), 'north|2|stored|', 'a version that is not to be used yet');
is($back->safe_psql('north', 'SELECT version FROM hwr_models WHERE active'), '1', 'is not used');
is(ship(q('{north}', 2, false)), 'north|2|unchanged|', 'that again');
$front->safe_psql('postgres', "SELECT hwr_activate_model('forms', 2)");
is(ship(q('{north,south}')), "north|2|activated|\nsouth|2|stored|", 'it becomes active where it was, and is sent where it was not');
is(ship(q('{south}', 1)), 'south|1|activated|', 'back to an older version');
my $hashes = 'SELECT hash FROM hwr_model_details ORDER BY version';
is($back->safe_psql('south', $hashes), $front->safe_psql('postgres', $hashes), 'the hash tells the same versions on all nodes');

# A version whose weights are gone, or are others, is sent again
foreach my $harm ('lo_unlink(weights)', q(lo_put(weights, 100, '\\x00010203')))
{
	$back->safe_psql('south', "SELECT $harm FROM hwr_model_details WHERE active");
	like(ship(q('{south}', 1)), qr/^south\|\d\|stored\|$/, "$harm: stored again");
	is(ship(q('{south}', 1)) =~ s/\d/n/r, 'south|n|unchanged|', "$harm: once");
}

# Nodes that answer nonsense
foreach my $answer ('NULL', q('nonsense'), q('{'), q('[1]'), q('7'), q('{}'), q('{"status": "fine", "version": 1}'), q('{"status": "stored", "version": 1}'), q('{"status": "unchanged"}'),
	q('{"status": "unchanged", "version": "x"}'), q('{"status": "unchanged", "version": 99999999999}'), q('{"status": ["missing"]}'), q(repeat('x', 1000000)),
	q('{"status": "missing"}'))
{
	$back->safe_psql('postgres', "DROP SCHEMA IF EXISTS hwr CASCADE; CREATE SCHEMA hwr;
		CREATE FUNCTION hwr.receive_model(text, bytea, boolean, bytea DEFAULT NULL) RETURNS text LANGUAGE sql AS \$\$ SELECT ${answer}::text \$\$");
	like(ship(q('{north,odd,south}')), qr/^north\|\d\|[a-z]+\|\nodd\|\|failed\|unexpected answer: .{1,200}\nsouth\|\d\|[a-z]+\|$/, 'answer ' . substr($answer, 0, 40));
}

# The node's role decides, and a failure shows before the file is sent
$back->safe_psql('south', 'CREATE ROLE clerk LOGIN');
$front->safe_psql('postgres', "ALTER USER MAPPING FOR CURRENT_USER SERVER south OPTIONS (ADD user 'clerk')");
my $failure = 'south||failed|permission denied for function hwr_import_model';
is(ship(q('{south}', 2)), $failure, 'a role that may not import');
$back->safe_psql('south', 'GRANT EXECUTE ON FUNCTION hwr_import_model TO clerk');
is(ship(q('{south}', 2)), 'south||failed|must be owner of model "forms"', 'a role that does not own the model');
$front->safe_psql('postgres', 'ALTER USER MAPPING FOR CURRENT_USER SERVER south OPTIONS (DROP user)');
$back->safe_psql('postgres', 'ALTER DATABASE north SET default_transaction_read_only = on');
$front->safe_psql('postgres', "SELECT hwr_import_model(file, 'other') FROM golden");
like($front->safe_psql('postgres', "SELECT * FROM hwr_ship_model('other', '{north,south}')"),
	qr/^north\|\|failed\|cannot execute hwr_import_model\(\) in a read-only transaction\nsouth\|1\|stored\|$/, 'a node that cannot write');
unlike(slurp_file($back->logfile), qr/STATEMENT:.*receive_model.*, pg_catalog\.decode.*, pg_catalog\.decode/, "no file stands in a node's log beside an error");
$back->safe_psql('south', 'DROP EXTENSION hwr CASCADE');
is($front->safe_psql('postgres', "SELECT * FROM hwr_ship_model('other', '{south}')"), 'south||failed|schema "hwr" does not exist', 'a node without hwr');

# Only for those to whom it is granted, and then with their user mappings
$front->safe_psql('postgres', 'CREATE ROLE visitor; SELECT hwr_grant_model($$forms$$, $$visitor$$)');
sql_fails($front, "SET ROLE visitor; SELECT hwr_ship_model('forms', '{north}')", '42501', 'permission denied for function hwr_ship_model', 'not for everyone');
$front->safe_psql('postgres', '
	GRANT EXECUTE ON FUNCTION hwr_ship_model TO visitor;
	GRANT USAGE ON SCHEMA "Odd" TO visitor;
	CREATE USER MAPPING FOR visitor SERVER north');
is($front->safe_psql('postgres', "SET ROLE visitor; SELECT * FROM hwr_ship_model('forms', '{north}')"),
	'north||failed|permission denied for foreign server north', 'the right to use the server is needed too');
sql_fails($front, "SET ROLE visitor; SELECT hwr_ship_model('other', '{north}')", '42501', 'permission denied for model "other"', 'and that to use the model');

$back->stop;
$front->stop;
done_testing();
