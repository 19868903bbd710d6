# Attached tables: batches that do not end, a full queue, drift, versions that are activated while rows are read or changed, restores in any order

use strict;
use warnings;

use PostgreSQL::Test::Utils;
use Test::More;

use HwrTest;

my $node = new_server('pipeline_races', conf => <<'CONF');
shared_preload_libraries = 'hwr'
hwr.service_device = none
hwr.pipeline_workers = 0
CONF

sub sql
{
	return $node->safe_psql('postgres', $_[0]);
}

sub workers
{
	$node->append_conf('postgresql.conf', "hwr.pipeline_workers = $_[0]");
	$node->reload;
}

# A session that stays; NOTICEs would be taken for errors.
sub session
{
	my $session = $node->background_psql('postgres');

	$session->query_safe('SET client_min_messages = warning');
	$session->query_safe(q{SET statement_timeout = '60s'});
	return $session;
}

load_golden($node, 'm');
sql(q{SELECT hwr_import_model(file, 'm', activate => false) FROM golden});

#
# Batches that do not end
#

sql(<<'SQL');
CREATE TABLE slow (id integer PRIMARY KEY, image bytea, text text);
CREATE TABLE endless (LIKE slow INCLUDING ALL);
CREATE TABLE quick (LIKE slow INCLUDING ALL);
CREATE FUNCTION sleep_on() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN PERFORM pg_catalog.pg_sleep(3600); RETURN NEW; END $$;
CREATE FUNCTION never_end() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
	LOOP
		BEGIN
			PERFORM pg_catalog.pg_sleep(3600);
		EXCEPTION WHEN query_canceled THEN
			NULL;
		END;
	END LOOP;
END $$;
CREATE TRIGGER t BEFORE UPDATE ON slow FOR EACH ROW EXECUTE FUNCTION sleep_on();
CREATE TRIGGER t BEFORE UPDATE ON endless FOR EACH ROW EXECUTE FUNCTION never_end();
SELECT hwr_attach('slow', model => 'm'), hwr_attach('endless', model => 'm'), hwr_attach('quick', model => 'm');
INSERT INTO slow SELECT id, image FROM words WHERE id <= 2;
INSERT INTO endless SELECT id, image FROM words WHERE id <= 2;
INSERT INTO quick SELECT id, image FROM words WHERE id <= 2;
SQL
$node->append_conf('postgresql.conf', 'hwr.pipeline_timeout = 3s');
workers(1);
ok($node->poll_query_until('postgres', 'SELECT count(text) = 2 FROM quick'),
	'a table is read behind two whose triggers do not end');
is(sql(q{SELECT sqlstate, problem FROM hwr_attachments WHERE data = 'slow'::regclass}),
	'57014|a batch took longer than hwr.pipeline_timeout', 'a batch that takes too long is said to');
# on a slow machine it may be late before it comes to the trigger, and is tried again after a minute
ok($node->poll_query_until('postgres', q{SELECT sqlstate = '57014' AND problem = 'a batch went on when it was cancelled, and its worker was ended'
	FROM hwr_attachments WHERE data = 'endless'::regclass}), 'and one that will not be cancelled');
is(sql('SELECT count(*), max(attempts) FROM hwr.queue'), '4|0', 'and no row is to blame');
workers(0);
sql(q{DROP TABLE slow, endless, quick});
$node->poll_query_until('postgres', "SELECT count(*) = 0 FROM pg_stat_activity WHERE backend_type = 'hwr pipeline worker'");

#
# Batches whose time is over while they are committed, which is not interrupted: the next thing that the worker does must not be
#

sql(q{CREATE TABLE prompt (id integer PRIMARY KEY, image bytea, text text); SELECT hwr_attach('prompt', model => 'm')});
$node->append_conf('postgresql.conf', <<'CONF');
fsync = on
commit_delay = 100000
commit_siblings = 0
hwr.pipeline_timeout = 90ms
CONF
my $log_before = -s $node->logfile;
workers(1);
foreach my $id (1 .. 6)
{
	sql("INSERT INTO prompt SELECT id, image FROM words WHERE id = $id");
	$node->poll_query_until('postgres', q{SELECT (SELECT count(*) = 0 FROM hwr.queue) OR (SELECT next_try IS NOT NULL FROM hwr.attachment)});
	sql('UPDATE hwr.attachment SET next_try = NULL');
}
ok(sql('SELECT count(text) > 0 FROM prompt'), 'batches are committed whose time is over meanwhile');
workers(0);
$node->poll_query_until('postgres', "SELECT count(*) = 0 FROM pg_stat_activity WHERE backend_type = 'hwr pipeline worker'");
unlike(substr(slurp_file($node->logfile), $log_before), qr/hwr pipeline worker.* exited with exit code [^0]/, 'and no worker fails by that');
$node->append_conf('postgresql.conf', "fsync = off\ncommit_delay = 0\nhwr.pipeline_timeout = 3s");
$node->reload;
sql('DROP TABLE prompt');

#
# A worker that is terminated: another one goes on with what it leaves
#

{
	my $holder = session();

	sql(<<'SQL');
CREATE TABLE held (id integer PRIMARY KEY, image bytea, text text);
CREATE FUNCTION hold() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN PERFORM pg_catalog.pg_advisory_xact_lock_shared(8); RETURN NEW; END $$;
CREATE TRIGGER t BEFORE UPDATE ON held FOR EACH ROW EXECUTE FUNCTION hold();
SELECT hwr_attach('held', model => 'm');
SQL
	$node->append_conf('postgresql.conf', 'hwr.pipeline_timeout = 10min');
	workers(1);
	$holder->query_safe('SELECT pg_advisory_lock(8)');
	sql('INSERT INTO held SELECT id, image FROM words WHERE id <= 2');
	ok($node->poll_query_until('postgres', q{SELECT count(*) = 1 FROM pg_locks WHERE locktype = 'advisory' AND NOT granted}), 'a worker is in the middle of a batch');
	sql(q{SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE backend_type = 'hwr pipeline worker'});
	$holder->query_safe('SELECT pg_advisory_unlock(8)');
	$holder->quit;
	ok($node->poll_query_until('postgres', 'SELECT count(text) = 2 FROM held'), 'and is terminated: another one reads what it has not');
	workers(0);
	sql('DROP TABLE held');
	$node->poll_query_until('postgres', "SELECT count(*) = 0 FROM pg_stat_activity WHERE backend_type = 'hwr pipeline worker'");
}

#
# A full queue, where who inserts waits for room, and no longer
#

sql(q{CREATE TABLE narrow (id integer PRIMARY KEY, image bytea, text text); SELECT hwr_attach('narrow', model => 'm', queue_limit => 5);
	INSERT INTO narrow SELECT id, image FROM words WHERE id <= 10});
my $waiter = start_sql($node, q{SET application_name = 'waiter'}, 'INSERT INTO narrow SELECT id, image FROM words WHERE id = 11');
ok($node->poll_query_until('postgres', q{SELECT count(*) = 1 FROM pg_stat_activity WHERE application_name = 'waiter' AND wait_event_type = 'Extension' AND query ~ '^INSERT'}),
	'who inserts into a full queue waits');
sql('CALL hwr_work()');
is((finish_sql($waiter))[1], '', 'until there is room');
is(sql('SELECT count(*) FROM narrow'), '11', 'and the row is there');
sql('DROP TABLE narrow');

#
# Images of another kind than the baseline's are told
#

sql(q{CREATE TABLE drifting (id integer PRIMARY KEY, image bytea, text text); SELECT hwr_attach('drifting', model => 'm'); UPDATE hwr.attachment SET "window" = 50;
	INSERT INTO drifting SELECT id, image FROM words WHERE id <= 50});
sql('CALL hwr_work()');
sql(q{UPDATE hwr.attachment SET baseline = w.features || jsonb_build_object('width', (SELECT jsonb_agg(CASE WHEN n = 1 THEN 1000 ELSE 0 END) FROM generate_series(1, jsonb_array_length(w.features->'width')) n))
	FROM hwr.drift_window w});
my ($told, $problems) = finish_sql(start_sql($node, 'LISTEN hwr_drift', 'INSERT INTO drifting SELECT id, image FROM words WHERE id > 50', 'CALL hwr_work()', 'SELECT 1'));
like($told . $problems, qr/Asynchronous notification "hwr_drift" with payload ".*"data": "public.drifting".*"drift": "[^"]*width/, 'drift is told');
is(sql(q{SELECT drifted FROM hwr_drift WHERE feature = 'width'}), 't', 'and shown');
sql('DROP TABLE drifting');

#
# A version that is activated while rows are read
#

# a worker stands still while it reads, by the policy of a table that is read with its owner's privileges
sql(<<'SQL');
CREATE ROLE alice LOGIN;
SELECT hwr_grant_model('m', 'public');
GRANT EXECUTE ON FUNCTION hwr_attach TO alice;
GRANT CREATE ON SCHEMA public TO alice;
SET ROLE alice;
CREATE TABLE busy (id integer PRIMARY KEY, image bytea, text text);
CREATE FUNCTION stand(id integer) RETURNS boolean LANGUAGE plpgsql AS $$ BEGIN IF id = 99 THEN PERFORM pg_advisory_xact_lock_shared(7); END IF; RETURN true; END $$;
ALTER TABLE busy ENABLE ROW LEVEL SECURITY, FORCE ROW LEVEL SECURITY;
CREATE POLICY p ON busy USING (stand(id));
SELECT hwr_attach('busy', model => 'm', reread => 'all');
SQL

my $read = q{SELECT count(*), min(version), max(version), (SELECT count(*) FROM hwr.queue) FROM hwr.read_row};

foreach my $how ('committed', 'not committed')
{
	my $holder = session();
	my $activator = session();

	sql(q{SELECT hwr_activate_model('m', 1)});
	sql(q{TRUNCATE busy; INSERT INTO busy SELECT CASE id WHEN 3 THEN 99 ELSE id END, image FROM words WHERE id <= 3});
	$holder->query_safe('SELECT pg_advisory_lock(7)');
	my $worker = start_sql($node, 'SET ROLE alice', 'CALL hwr_work()');
	ok($node->poll_query_until('postgres', q{SELECT count(*) = 1 FROM pg_locks WHERE locktype = 'advisory' AND NOT granted}), "$how: the worker reads");
	is(sql(q{SELECT waiting, running, read, workers FROM hwr_queue WHERE data = 'busy'::regclass}), '0|3|0|1', "$how: which is counted");
	$activator->query_safe('BEGIN');
	$activator->query_safe(q{SELECT hwr_activate_model('m', 2)});
	$activator->query_safe('COMMIT') if $how eq 'committed';
	$holder->query_safe('SELECT pg_advisory_unlock(7)');
	$holder->quit;
	$worker->{run}->pump_nb;
	$node->poll_query_until('postgres', 'SELECT count(*) = 3 FROM hwr.read_row');
	$activator->query_safe('COMMIT') if $how ne 'committed';
	$activator->quit;
	finish_sql($worker);
	sql('UPDATE hwr.queue SET due = now()');
	sql('SET ROLE alice; CALL hwr_work()');
	is(sql($read), '3|2|2|0', "activation, $how: rows of a batch that ran are read again");
}
sql(q{SET ROLE alice; SELECT hwr_detach('busy')});

#
# A version that is activated while rows are changed: neither waits for the other
#

sql(q{SELECT hwr_activate_model('m', 1)});
sql(<<'SQL');
CREATE TABLE many (id integer PRIMARY KEY, image bytea, text text);
SELECT hwr_attach('many', model => 'm', reread => 'all');
INSERT INTO many SELECT id, image FROM words WHERE id <= 20;
CALL hwr_work();
SQL
{
	my $changer = session();
	my $activator = session();

	$_->query_safe('BEGIN') foreach $changer, $activator;
	$changer->query_safe('UPDATE many SET text = NULL WHERE id = 20');
	$activator->query_safe(q{SELECT hwr_activate_model('m', 2)});
	$changer->query_safe('UPDATE many SET text = NULL WHERE id <= 10');
	$activator->query_safe(q{UPDATE many SET text = NULL WHERE id = 15});
	$_->query_safe('COMMIT') foreach $activator, $changer;
	$_->quit foreach $changer, $activator;
	pass('a session that changes rows and one that activates a version do not wait for each other');
	sql('CALL hwr_work()');
	is(sql('SELECT count(text), (SELECT count(*) FROM hwr.queue), (SELECT min(version) FROM hwr.read_row) FROM many'), '20|0|2',
		'and every row is read by the new version');
}

# and where nobody looks, workers are told of the rows at the commit
sql(q{SELECT hwr_activate_model('m', 1)});
sql('CALL hwr_work()');
workers(1);
finish_sql(start_sql($node, 'BEGIN', q{SELECT hwr_activate_model('m', 2)}, 'SELECT pg_sleep(3)', 'COMMIT'));
my $committed = time;
$node->poll_query_until('postgres', 'SELECT (SELECT count(*) = 0 FROM hwr.queue) AND (SELECT min(version) = 2 FROM hwr.read_row)');
cmp_ok(time - $committed, '<', 60, 'what an activation queues is read soon after its commit');
workers(0);
$node->poll_query_until('postgres', "SELECT count(*) = 0 FROM pg_stat_activity WHERE backend_type = 'hwr pipeline worker'");

#
# A restore of the tables in any order: what is known of rows before the models
#

sql(q{SELECT hwr_pause('many'); SELECT hwr_activate_model('m', 1); UPDATE many SET text = 'BY HAND' WHERE id = 1});
my $state = q{SELECT string_agg(key::text || lane, ' ' ORDER BY key, lane) FROM hwr.queue};
my $before = sql($state);
my $dump = $node->backup_dir . '/dump';
my $list = $node->backup_dir . '/list';
mkdir $node->backup_dir;
$node->command_ok([ 'pg_dump', '-Fc', '-f', $dump, $node->connstr('postgres') ], 'dump');
my @entries = grep { /TABLE DATA/ } split /\n/, `pg_restore -l $dump`;
my %rank = ('hwr read_row' => 0, 'hwr attachment' => 1, 'hwr version' => 2, 'hwr model' => 3);
my $place = sub { my ($name) = $_[0] =~ /TABLE DATA (\S+ \S+)/; return $rank{$name} // 9 };
open(my $file, '>', $list) or die;
print $file "$_\n" foreach sort { $place->($a) <=> $place->($b) } @entries;
close $file;
sql('CREATE DATABASE restored');
$node->command_ok([ 'pg_restore', '--exit-on-error', '--section', 'pre-data', '-d', $node->connstr('restored'), $dump ],
	'restore: tables');
$node->command_ok([ 'pg_restore', '--exit-on-error', '-L', $list, '-d', $node->connstr('restored'), $dump ],
	'restore: rows, those that are read first');
$node->command_ok([ 'pg_restore', '--exit-on-error', '--section', 'post-data', '-d', $node->connstr('restored'), $dump ],
	'restore: triggers');
is($node->safe_psql('restored', $state), $before, 'the queue is what it was');

done_testing();
