# Roles that try to take, break or wedge what is another's: between a look and the deed, under another's name, from within a training

use strict;
use warnings;

use PostgreSQL::Test::Utils;
use Test::More;
use Time::HiRes qw(time usleep);

use HwrTest;

my $node = new_server('hostile', conf => "hwr.max_jobs = 1\nmax_worker_processes = 16");
my ($rc, $out, $err);

load_golden($node);
$node->safe_psql('postgres', <<'SQL');
CREATE EXTENSION dblink;
CREATE ROLE alice LOGIN; CREATE ROLE bob LOGIN; CREATE ROLE mallory LOGIN; CREATE ROLE carol LOGIN;
GRANT EXECUTE ON FUNCTION hwr_train, hwr_resume, hwr_drop_job, hwr_evaluate, hwr_import_model, hwr_activate_model, hwr_drop_model,
	hwr_grant_model, hwr_revoke_model, hwr_drop_lm, hwr_train_lm_texts TO alice, bob, mallory;
GRANT CREATE ON SCHEMA public TO alice, bob, mallory;
GRANT SELECT ON words, golden TO alice, bob, mallory;
-- what another session does and commits meanwhile
CREATE FUNCTION elsewhere(sql text) RETURNS void LANGUAGE plpgsql SECURITY DEFINER AS $$
BEGIN
	PERFORM dblink_exec('dbname=postgres host=' || split_part(current_setting('unix_socket_directories'), ',', 1) || ' port=' || current_setting('port'),
		'DO $do$ BEGIN ' || sql || '; END $do$');
END $$;
SQL

sub sql
{
	return $node->safe_psql('postgres', $_[0]);
}

#
# The model changes hands between the beginning of a statement and what it does
#

sub import
{
	my ($role, $model) = @_;
	return "SET LOCAL ROLE $role; PERFORM hwr_import_model(file, '$model') FROM golden";
}

my %meanwhile = (
	'another role stores one of that name' => "SET LOCAL ROLE alice; PERFORM hwr_drop_model('forms'); " . import('bob', 'forms'),
	'its large object changes hands' => "EXECUTE (SELECT format('ALTER LARGE OBJECT %s OWNER TO bob', v.weights) FROM hwr.version v JOIN hwr.model m ON m.id = v.model_id WHERE m.name = 'forms')");
my $state = "SELECT m.name, m.active, v.version, pg_get_userbyid(l.lomowner), l.lomacl, md5(lo_get(v.weights))
	FROM hwr.model m JOIN hwr.version v ON v.model_id = m.id JOIN pg_largeobject_metadata l ON l.oid = v.weights WHERE m.name = 'forms' ORDER BY 3";

foreach my $call ("hwr_grant_model('forms', 'mallory')", "hwr_revoke_model('forms', 'carol')", "hwr_drop_model('forms')", "hwr_drop_model('forms', 1)",
	"hwr_activate_model('forms', 1)", "(SELECT hwr_import_model(file, 'forms') FROM golden)")
{
	foreach my $what (sort keys %meanwhile)
	{
		foreach my $isolation ('READ COMMITTED', 'REPEATABLE READ')
		{
			my $name = "$call, $isolation: $what";

			sql("DO \$do\$ BEGIN " . import('alice', 'forms') . "; PERFORM hwr_grant_model('forms', 'carol'); END \$do\$");
			($rc, $out, $err) = $node->psql('postgres', "\\set VERBOSITY verbose
				SET SESSION AUTHORIZATION alice; BEGIN ISOLATION LEVEL $isolation;
				DECLARE a CURSOR FOR SELECT $call; SELECT count(*) FROM hwr_models;
				SELECT elsewhere(\$x\$ $meanwhile{$what} \$x\$); FETCH a; COMMIT");
			like($err, qr/ERROR:  (42501: must be owner|40001)/, "$name: refused");
			is(sql("SELECT count(*) FROM ($state) s WHERE pg_get_userbyid <> 'bob' OR lomacl::text LIKE '%mallory%'"), '0', "$name: bob has his model");
			is(sql("SELECT count(*) > 0 FROM ($state) s"), 't', "$name: and it is there");
			sql("SELECT hwr_drop_model('forms')");
		}
	}
}

# Language models
foreach my $call ("hwr_drop_lm('texts')", "hwr_train_lm_texts('texts', '{mallory}')")
{
	sql("SET ROLE alice; SELECT hwr_train_lm_texts('texts', '{a text}')");
	($rc, $out, $err) = $node->psql('postgres', "\\set VERBOSITY verbose
		SET SESSION AUTHORIZATION alice; BEGIN; DECLARE a CURSOR FOR SELECT $call;
		SELECT elsewhere(\$x\$ SET LOCAL ROLE alice; PERFORM hwr_drop_lm('texts'); SET LOCAL ROLE bob; PERFORM hwr_train_lm_texts('texts', '{of bob}') \$x\$);
		FETCH a; COMMIT");
	like($err, qr/ERROR:  42501: must be owner of language model "texts"/, "$call: refused");
	is(sql("SELECT owner, texts FROM hwr_lms"), 'bob|1', "$call: bob has his");
	sql("SELECT hwr_drop_lm('texts')");
}

#
# Measurements
#

# A snapshot that is older than a measurement
sql("DO \$do\$ BEGIN " . import('alice', 'measured') . " ; PERFORM hwr_grant_model('measured', 'bob'); END \$do\$");
sql("SET ROLE alice; BEGIN ISOLATION LEVEL REPEATABLE READ; SELECT count(*) FROM hwr_metrics(); RESET ROLE;
	SELECT elsewhere('PERFORM hwr_evaluate(''words'', ''measured'')'); SET ROLE alice; SELECT hwr_drop_model('measured'); COMMIT");
is(sql('SELECT (SELECT count(*) FROM hwr.metric), (SELECT count(*) FROM hwr.confusion), (SELECT count(*) FROM hwr.version)'), '0|0|0',
	'a measurement goes with its model, however new it is');

# Those of a reader are the reader's
sql("DO \$do\$ BEGIN " . import('alice', 'measured') . " ; PERFORM hwr_grant_model('measured', 'bob'); PERFORM hwr_grant_model('measured', 'mallory'); END \$do\$");
sql("SET ROLE alice; SELECT hwr_evaluate('words', 'measured')");
my $figures = "SELECT validation_cer, evaluation_cer, evaluation_exact, evaluation_data FROM hwr_model_details WHERE model = 'measured'";
my $true = sql($figures);
sql("SET ROLE bob; CREATE TABLE rubbish AS SELECT image, '77777'::text AS label FROM words; SELECT hwr_evaluate('rubbish', 'measured')");
foreach my $role (qw(alice bob mallory postgres))
{
	is(sql("SET ROLE $role; $figures"), $true, "$role sees the owner's figures");
}
is(sql("SET ROLE $_->[0]; SELECT count(*), bool_or(data LIKE '%rubbish') FROM hwr_metrics('measured')"), $_->[1], "$_->[0] sees measurements")
	foreach ([ 'alice', '1|f' ], [ 'mallory', '1|f' ], [ 'bob', '2|t' ]);
is(sql("SET ROLE alice; SELECT count(*) FROM hwr_confusions('measured') WHERE truth = '7'"), '0', "confusions are the owner's");
isnt(sql("SET ROLE bob; SELECT count(*) FROM hwr_confusions('measured') WHERE truth = '7'"), '0', "or one's own");
sql("DROP TABLE rubbish");

#
# Large objects that are not there any more
#

my ($weights) = sql("SELECT weights FROM hwr_model_details WHERE model = 'measured'");
sql("SELECT lo_unlink($weights)");
($rc, $out, $err) = $node->psql('postgres', "SET ROLE mallory; SELECT hwr_recognize(image, 'measured') FROM words LIMIT 1");
like($err, qr/ERROR:  the weights of model "measured" are missing/, 'missing weights are said to be missing');
unlike($err, qr/$weights/, 'not under which number');
sql("SET ROLE mallory; SELECT lo_from_bytea($weights, 'planted'); GRANT SELECT ON LARGE OBJECT $weights TO PUBLIC");
foreach my $call ("hwr_drop_model('measured')", "hwr_grant_model('measured', 'mallory')", "hwr_revoke_model('measured', 'bob')", "hwr_activate_model('measured', 1)",
	"hwr_import_model(file, 'measured') FROM golden", "hwr_train('words', 'measured', options => $HwrTest::tiny)")
{
	sql_fails($node, "SET ROLE mallory; SELECT $call", '42501', 'must be owner of model "measured"', "$call with a planted object");
}
($rc, $out, $err) = $node->psql('postgres', "SET ROLE alice; SELECT hwr_recognize(image, 'measured') FROM words LIMIT 1");
like($err, qr/ERROR:  model "measured" is corrupted/, 'nor is it read');
unlike($err, qr/$weights/, 'nor its number told');
is(sql("SELECT hwr_import_model(file, 'measured') FROM golden; SELECT count(*) FROM hwr_model_details m, pg_largeobject_metadata l
	WHERE m.model = 'measured' AND m.version = 2 AND l.oid = m.weights AND l.lomacl IS NULL AND owner = 'postgres'"), "2\n1",
	'a superuser takes the model over, without the grants of the planted object');
sql("SELECT hwr_drop_model('measured')");
is(sql("SELECT lo_get(oid) FROM pg_largeobject_metadata WHERE oid = $weights"), '\x706c616e746564', 'and does not remove what is not the model');
sql("SELECT lo_unlink(oid) FROM pg_largeobject_metadata WHERE oid = $weights");

# The same with a checkpoint
my $options = q('{"architecture": "[1,32,96,1 Cr3,3,8 Mp4,4 Cr3,3,16 Mp8,1 Lbx16", "epochs": 10000, "checkpoint_minutes": 0.001}');

sub cancelled_job
{
	my ($role, $model) = @_;
	my $job = sql("SET ROLE $role; SELECT job FROM hwr_train('words', '$model', options => $options, wait => false)");

	ok($node->poll_query_until('postgres', "SELECT checkpointed IS NOT NULL FROM hwr_job_details WHERE job = $job"), "$model has a checkpoint");
	sql("SET ROLE $role; SELECT hwr_cancel($job)");
	job_is($node, $model, 'cancelled');
	return $job;
}

my $job = cancelled_job('alice', 'mine');
my $checkpoint = sql("SELECT checkpoint FROM hwr.job WHERE id = $job");
my $bytes = sql("SELECT lo_get($checkpoint)");
sql("SELECT lo_unlink($checkpoint)");
sql("SET ROLE mallory; SELECT lo_from_bytea($checkpoint, '$bytes')");
sql_fails($node, "SET ROLE alice; SELECT hwr_resume($job)", '55000', 'has no checkpoint', 'a planted checkpoint');
sql("SET ROLE alice; SELECT hwr_drop_job($job)");
is(sql("SELECT lo_unlink(oid) FROM pg_largeobject_metadata WHERE oid = $checkpoint"), '1', 'is not removed');

#
# Names
#

# A model of that name goes: the checkpoint of another's job stays
$job = cancelled_job('alice', 'name');
sql("SET ROLE mallory; SELECT hwr_import_model(file, 'name') FROM golden; SELECT hwr_drop_model('name')");
is(sql("SELECT checkpoint IS NOT NULL FROM hwr.job WHERE id = $job"), 't', "another's checkpoint stays");
sql("SELECT hwr_import_model(file, 'name') FROM golden; SELECT hwr_drop_model('name')");
is(sql("SELECT checkpoint IS NOT NULL FROM hwr.job WHERE id = $job"), 't', "also where a superuser's model goes");
sql("SET ROLE alice; SELECT hwr_import_model(file, 'name') FROM golden; SELECT hwr_drop_model('name')");
is(sql("SELECT checkpoint IS NOT NULL FROM hwr.job WHERE id = $job"), 'f', "one's own goes");
sql("SET ROLE alice; SELECT hwr_drop_job($job)");

# A training runs for a name that has no model yet
$job = sql("SET ROLE alice; SELECT job FROM hwr_train('words', 'free', options => $options, wait => false)");
ok($node->poll_query_until('postgres', "SELECT state = 'running' FROM hwr_jobs WHERE job = $job"), 'it runs');
sql_fails($node, "SET ROLE mallory; SELECT hwr_import_model(file, 'free') FROM golden", '55006', 'model name "free" is reserved', 'taking the name of a training');
sql_fails($node, "SET ROLE mallory; SELECT hwr_train('words', 'free', options => $HwrTest::tiny)", '55006', 'model name "free" is reserved', 'training under it');
sql_fails($node, "SELECT hwr_import_model(file, 'free') FROM golden", '55006', 'model name "free" is reserved', 'a superuser, without noticing');
is(($node->psql('postgres', "SET ROLE alice; BEGIN; SELECT hwr_import_model(file, 'free') FROM golden; ROLLBACK"))[1], '1', 'its owner may');

# What a training's own functions do: a second one, of a view, waits for the first and then runs on without its locks
sql(<<'SQL');
SET ROLE mallory;
CREATE FUNCTION let_go() RETURNS boolean LANGUAGE plpgsql AS $$ BEGIN PERFORM pg_advisory_unlock_all(); RETURN true; END $$;
CREATE VIEW letting_go AS SELECT image, label FROM words WHERE let_go();
SQL
my $second = sql("SET ROLE mallory; SELECT job FROM hwr_train('letting_go', 'second', options => $options, wait => false)");
job_is($node, 'second', 'queued');
sql("SET ROLE alice; SELECT hwr_cancel($job)");
ok($node->poll_query_until('postgres', "SELECT state = 'running' AND epoch > 0 FROM hwr_jobs WHERE job = $second"), 'it runs though its functions let go of locks');
is(sql("SELECT state FROM hwr_jobs WHERE job = $second"), 'running', 'and does not look interrupted');
sql_fails($node, "SET ROLE mallory; SELECT hwr_drop_job($second)", '55006', 'is running', 'nor can it be dropped');
my $third = sql("SET ROLE mallory; SELECT job FROM hwr_train('words', 'third', options => $options, wait => false)");
job_is($node, 'third', 'queued');
is(sql("SELECT state FROM hwr_jobs WHERE job = $third"), 'queued', 'hwr.max_jobs holds');

# The limits of a server that does not preload hwr
my $as_mallory = sub {
	local $ENV{PGOPTIONS} = '-c hwr.max_jobs=9 -c hwr.gpu_memory_limit=7 -c hwr.cuda_library=/tmp/own.so';
	return ($node->psql('postgres', $_[0], extra_params => [ '-U', 'mallory' ]))[1];
};
$node->append_conf('postgresql.conf', "hwr.gpu_memory_limit = '3MB'");
$node->reload;
is($as_mallory->('SELECT hwr_recognize(NULL); SHOW hwr.max_jobs; SHOW hwr.gpu_memory_limit'), "\n1\n3MB", "a client's options do not hide the server's limits");
$as_mallory->("SELECT job FROM hwr_train('words', 'fourth', options => $options, wait => false)");
job_is($node, 'fourth', 'queued');
usleep(1_500_000);
is(sql("SELECT string_agg(state, ' ' ORDER BY job) FROM hwr_jobs WHERE model IN ('third', 'fourth')"), 'queued queued', 'nor in the worker');
sql("SELECT hwr_cancel(job) FROM hwr_jobs WHERE state IN ('queued', 'running')");
ok($node->poll_query_until('postgres', "SELECT count(*) = 0 FROM pg_stat_activity WHERE backend_type = 'hwr training worker'"), 'all can be cancelled');

#
# Tables that become something else between the request and the reading
#

sql(<<'SQL');
CREATE SCHEMA ms AUTHORIZATION mallory;
GRANT USAGE ON SCHEMA ms TO bob;
SET ROLE mallory;
CREATE SEQUENCE ms.ran;		-- tells of what was rolled back as well
CREATE FUNCTION ms.mine() RETURNS boolean LANGUAGE plpgsql AS $$ BEGIN PERFORM nextval('ms.ran'); RETURN true; END $$;
GRANT USAGE ON SEQUENCE ms.ran TO bob;
SQL
my %swaps = (
	dropped => [ 'postgres', 'DROP TABLE ms.dropped; CREATE VIEW ms.dropped AS SELECT image, label FROM words WHERE ms.mine()', '55000', 'is not the one that the training began with' ],
	validation => [ 'postgres', 'DROP TABLE ms.validation; CREATE VIEW ms.validation AS SELECT image, label FROM words WHERE ms.mine()', '55000',
		'is not the one that the training began with' ],
	policy => [ 'bob', 'ALTER TABLE ms.policy ENABLE ROW LEVEL SECURITY; CREATE POLICY p ON ms.policy USING (ms.mine())', '55000',
		'is not the one that the training began with' ],
	integers => [ 'mallory', 'DROP TABLE ms.integers; CREATE TABLE ms.integers (image int, label text); INSERT INTO ms.integers VALUES (1, $$x$$)', '55000',
		'is not the one that the training began with' ],
	altered => [ 'mallory', 'ALTER TABLE ms.altered ALTER image TYPE int USING 1', '42804', 'column "image" is of type integer, not bytea' ],
	enum => [ 'postgres', 'CREATE TYPE ms.e AS ENUM ($$x$$); ALTER TABLE ms.enum ALTER label TYPE ms.e USING $$x$$', '42804', 'column "label" is of type ms.e, not text' ],
	lost => [ 'mallory', 'ALTER TABLE ms.lost DROP label, ADD label text', '42703', 'column label of relation "lost" does not exist' ],
	renamed => [ 'postgres', 'ALTER TABLE ms.renamed RENAME TO "Now"; ALTER TABLE ms."Now" RENAME image TO picture;
		CREATE VIEW ms.renamed AS SELECT image, label FROM words WHERE ms.mine()' ]);
$swaps{rule} = [ 'postgres', 'DELETE FROM ms.rule; CREATE RULE "_RETURN" AS ON SELECT TO ms.rule DO INSTEAD SELECT image, label FROM words WHERE ms.mine()', '55000',
	'is not the one that the training began with' ] if sql("SELECT current_setting('server_version_num')::int < 160000") eq 't';

sub train_on
{
	my ($role, $name, $table, $options) = @_;
	return sql("SET ROLE mallory; CREATE TABLE ms.$name AS SELECT image, label FROM words; GRANT SELECT ON ms.$name TO bob; RESET ROLE; SET ROLE $role;
		SELECT job FROM hwr_train('$table', '$name', options => $options, wait => false)");
}

my $first = train_on('alice', 'before', 'words', $options);
ok($node->poll_query_until('postgres', "SELECT epoch > 0 FROM hwr_jobs WHERE job = $first"), 'a training runs for which others wait');
foreach my $name (sort keys %swaps)
{
	my $with = $name eq 'validation' ? "(${HwrTest::tiny}::jsonb || '{\"validation\": \"ms.validation\"}')" : $HwrTest::tiny;

	train_on($swaps{$name}[0], $name, $name eq 'validation' ? 'words' : "ms.$name", $with);
	sql("SET ROLE mallory; $swaps{$name}[1]");
}
sql("SELECT hwr_cancel($first)");
ok($node->poll_query_until('postgres', "SELECT count(*) = 0 FROM pg_stat_activity WHERE backend_type = 'hwr training worker'"), 'all have ended');
foreach my $name (sort keys %swaps)
{
	my (undef, undef, $sqlstate, $message) = @{ $swaps{$name} };

	if (defined $sqlstate)
	{
		like(sql("SELECT state, sqlstate, message FROM hwr_job_details WHERE model = '$name'"), qr/^failed\|$sqlstate\|.*\Q$message\E/, "$name: refused");
	}
	else
	{
		is(sql("SELECT d.state, v.features IS NOT NULL FROM hwr_job_details d JOIN hwr.version v USING (job) WHERE d.model = '$name'"), 'done|t', "$name: goes on");
	}
}
is(sql('SELECT is_called FROM ms.ran'), 'f', "no function of the table's owner has run");

# While it trains: the table is read once more in the end
$job = train_on('postgres', 'late', 'ms.late', $options);
ok($node->poll_query_until('postgres', "SELECT epoch > 0 FROM hwr_jobs WHERE job = $job"), 'the table has been read');
sql("SET ROLE mallory; DROP TABLE ms.late; CREATE VIEW ms.late AS SELECT image, label FROM words WHERE ms.mine(); RESET ROLE; SELECT hwr_finish($job)");
ok($node->poll_query_until('postgres', "SELECT count(*) = 0 FROM pg_stat_activity WHERE backend_type = 'hwr training worker'"), 'the training ends');
job_is($node, 'late', 'done');
is(sql('SELECT is_called FROM ms.ran'), 'f', 'and has not read what is there now');

# A job that another role is to go on with
$job = train_on('mallory', 'stopped', 'ms.stopped', $options);
ok($node->poll_query_until('postgres', "SELECT checkpointed IS NOT NULL FROM hwr_job_details WHERE job = $job"), 'it has a checkpoint');
sql("SELECT hwr_cancel($job)");
job_is($node, 'stopped', 'cancelled');
sql('SET ROLE mallory; DROP TABLE ms.stopped; CREATE VIEW ms.stopped AS SELECT image, label FROM words WHERE ms.mine()');
sql_fails($node, "SELECT hwr_resume($job)", '55000', 'relation ms.stopped is not the one that the training began with', 'resuming a job whose table is a view now');
is(sql('SELECT is_called FROM ms.ran'), 'f', 'without having read it');
sql(q{UPDATE hwr.job SET training_kind = 'v', training_id = 1});
sql_fails($node, "SELECT hwr_resume($job)", '55000', 'relation ms.stopped is not the one that the training began with', 'or whose view is another one');
sql("SELECT hwr_drop_job($job); DROP SCHEMA ms CASCADE");

#
# As the caller, everywhere
#

sql("SET ROLE alice; CREATE FUNCTION train_for_all() RETURNS integer LANGUAGE sql SECURITY DEFINER
	AS \$\$ SELECT version FROM hwr_train('words', 'defined', options => $HwrTest::tiny) \$\$");
foreach my $time (1, 2)
{
	($rc, $out, $err) = $node->psql('postgres', 'SELECT train_for_all()', extra_params => [ '-U', 'carol' ]);
	is($out, $time, "training in a SECURITY DEFINER function, time $time");
}
is(sql("SELECT DISTINCT owner FROM hwr_models WHERE model = 'defined'"), 'alice', 'the model is the definer\'s');

# A cast of a key's type, or of that of the column to group by, does not run as whoever reads the table
sql(<<'SQL');
SET ROLE mallory;
CREATE TYPE cast_type AS ENUM ('one', 'two');
CREATE FUNCTION cast_own(cast_type) RETURNS text LANGUAGE plpgsql IMMUTABLE AS $$ BEGIN RAISE NOTICE 'cast as %', current_user; RETURN 'cast'; END $$;
CREATE CAST (cast_type AS text) WITH FUNCTION cast_own(cast_type) AS IMPLICIT;
CREATE DOMAIN cast_domain AS cast_type;
CREATE TABLE cast_table (key cast_domain PRIMARY KEY, kind cast_type, image bytea, label text);
INSERT INTO cast_table SELECT (enum_range(NULL::cast_type))[id], CASE id WHEN 1 THEN 'one'::cast_type END, image, label FROM words WHERE id <= 2;
CREATE TABLE cast_pairs AS SELECT key, kind, image, label FROM cast_table;
UPDATE cast_pairs SET kind = 'two';
ALTER TABLE cast_pairs ADD PRIMARY KEY (key, kind);
SQL
sql("SELECT hwr_import_model(file, 'caster') FROM golden");
foreach my $call (q{key, "by" FROM hwr_readings('cast_table', 'caster', "by" => 'kind') ORDER BY "row"}, q{key FROM hwr_readings('cast_pairs', 'caster') ORDER BY "row"},
	q{key FROM hwr_review('cast_table', 'caster') ORDER BY key}, q{hwr_report('caster', 'cast_table', "by" => 'kind') LIKE '%<dd>%'})
{
	($rc, $out, $err) = $node->psql('postgres', "SELECT $call");
	unlike($err, qr/cast as/, "$call: no cast of the type's owner");
	is($out, $call =~ /"by" FROM/ ? "one|one\ntwo|" : $call =~ /pairs/ ? "(one,two)\n(two,two)" : $call =~ /review/ ? "one\ntwo" : 't', "$call: its values");
}
sql("SELECT hwr_drop_model('caster'); DROP TABLE cast_table, cast_pairs; DROP DOMAIN cast_domain; DROP TYPE cast_type CASCADE");

# Libraries that watch a session watch its trainings
sql(<<'SQL');
CREATE FUNCTION watched() RETURNS boolean LANGUAGE plpgsql AS $$
BEGIN
	RAISE NOTICE 'watched: %', (SELECT count(*) FROM pg_settings WHERE name = 'auto_explain.log_analyze');
	RETURN true;
END $$;
CREATE VIEW seen AS SELECT image, label FROM words WHERE (SELECT watched());
ALTER ROLE alice SET session_preload_libraries = 'auto_explain';
GRANT SELECT ON seen TO alice;
SQL
($rc, $out, $err) = $node->psql('postgres', "SELECT version FROM hwr_train('seen', 'watched', options => $HwrTest::tiny)", extra_params => [ '-U', 'alice' ]);
like($err, qr/watched: 1/, 'session_preload_libraries are loaded by the worker');

# A limit on the server's command line holds in a training, whatever client and files say.  A restart keeps the command line.
my $command = slurp_file($node->data_dir . '/postmaster.opts');
chomp $command;
open(my $file, '>', $node->data_dir . '/postmaster.opts') or die $!;
print $file qq($command "-c" "hwr.gpu_memory_limit=5MB"\n);
close $file;
$node->restart;
sql(<<'SQL');
CREATE FUNCTION limited() RETURNS boolean LANGUAGE plpgsql AS $$ BEGIN RAISE NOTICE 'limit: %', current_setting('hwr.gpu_memory_limit'); RETURN true; END $$;
CREATE VIEW limits AS SELECT image, label FROM words WHERE (SELECT limited());
GRANT SELECT ON limits TO mallory;
SQL
{
	local $ENV{PGOPTIONS} = '-c hwr.gpu_memory_limit=7MB';
	($rc, $out, $err) = $node->psql('postgres', "SELECT version FROM hwr_train('limits', 'limited', options => $HwrTest::tiny)", extra_params => [ '-U', 'mallory' ]);
}
like($err, qr/limit: 5MB/, "the server's command line holds in a training");

# Who may not read a table does not even ask for a lock on it
sql('CREATE TABLE secret (image bytea, label text)');
($rc, $out, $err) = $node->psql('postgres', "SELECT dblink_connect('other', '" . $node->connstr('postgres') =~ s/'/''/gr . "');
	SELECT dblink_exec('other', 'BEGIN'), dblink_exec('other', 'LOCK TABLE secret');
	SET SESSION AUTHORIZATION mallory; SET lock_timeout = '2s'; SELECT hwr.label_column('secret', NULL)");
like($err, qr/ERROR:  permission denied for table secret/, 'nobody waits for a lock on a table that he may not read');

#
# Work without end
#

sql(q{CREATE TABLE long AS SELECT string_agg(md5(i::text), ' ') AS text FROM generate_series(1, 400000) i;
	CREATE TABLE wide AS SELECT string_agg(chr(i), '' ORDER BY i DESC) AS text FROM generate_series(32, 1114111) i WHERE i NOT BETWEEN 55296 AND 57343});
sql("SELECT hwr_train_lm_texts('long', (SELECT ARRAY[left(text, 100000)] FROM long))");
foreach my $call ("hwr_train_lm_texts('x', ARRAY[text]) FROM long", "hwr_lm_perplexity('long', ARRAY[text || text || text]) FROM long",
	"hwr.mcnemar(4000000000000000000 + i, 4000000000000000001) FROM generate_series(1, 1000000000) i",
	q(hwr.draw_lines('', '', '', '', '{a}', array_fill(1::float8, ARRAY[100000]), array_fill(5e-324, ARRAY[100000]), array_fill(1e308, ARRAY[100000])) FROM generate_series(1, 1000000)))
{
	my $begun = time;

	sql_fails($node, "SET statement_timeout = '500ms'; SELECT $call", '57014', 'statement timeout', $call);
	cmp_ok(time - $begun, '<', 20, "$call: soon");
}

{
	my $begun = time;

	$node->psql('postgres', "SET statement_timeout = '500ms'; SELECT hwr_train_lm_texts('x', ARRAY[text]) FROM wide");
	cmp_ok(time - $begun, '<', 20, 'characters in falling order: soon');
}

# An orphan that says what it likes
sql("SELECT lo_from_bytea(0, '\\x1000000000000000' || convert_to('{\"x\":{},,,,,,,,,}', 'UTF8')); SELECT lo_from_bytea(0, '\\xffffffff000000007b')");
is(sql('SELECT count(*) FROM hwr_orphans()'), '0', 'objects that only look like models are none');

$node->stop('fast');
done_testing();
