# Crashes, shutdowns, drops, timeouts and clock steps while a training or a recognition runs
#
# After each the server answers, no model is lost or half there, hwr_job_details tells the truth, and a
# training succeeds.  HWR_LONG, which "make check-long" sets, repeats the crashes at random moments.

use strict;
use warnings;

use PostgreSQL::Test::Cluster;
use PostgreSQL::Test::Utils;
use Test::More;
use Time::HiRes qw(usleep);

use HwrTest;

my $node = new_server('faults', conf => "restart_after_crash = on\n");
keep_model($node);

sub train
{
	my ($model) = @_;

	return "SELECT * FROM hwr_train('words', '$model', options => $HwrTest::endless, wait => false)";
}

# Start a training, wait until it is under way, and return its worker's pid
sub start_training
{
	my ($model) = @_;

	$node->safe_psql('postgres', train($model));
	$node->poll_query_until('postgres', "SELECT count(*) > 0 FROM hwr_progress WHERE model = '$model' AND epoch > 0") or die;
	return $node->safe_psql('postgres', "SELECT pid FROM hwr_job_details WHERE model = '$model'");
}

# A crash of one process restarts all
sub kill_process
{
	my ($pid) = @_;
	my $started = $node->safe_psql('postgres', 'SELECT pg_postmaster_start_time()');
	my $offset = -s $node->logfile;

	kill 'KILL', $pid;
	$node->wait_for_log(qr/all server processes terminated; reinitializing/, $offset);
	$node->poll_query_until('postgres', 'SELECT true') or die;
}

#
# Crashes
#

kill_process(start_training('killed'));
survived($node, 'kill -9 of a training worker', 'killed', 'interrupted');

my $session = start_sql($node, "SELECT hwr_train('words', 'waited', options => $HwrTest::endless)");
$node->poll_query_until('postgres', "SELECT count(*) > 0 FROM hwr_progress WHERE model = 'waited' AND epoch > 0") or die;
kill_process($node->safe_psql('postgres', "SELECT pid FROM hwr_job_details WHERE model = 'waited'"));
finish_sql($session);
like($session->{err}, qr/57P02|server closed the connection|ERROR/, 'a waiting client is told');
survived($node, 'kill -9 of the worker of a waiting client', 'waited', 'interrupted');

$session = start_sql($node, q{SELECT count(hwr_recognize(image, 'kept')) FROM words, generate_series(1, 100000)});
$node->poll_query_until('postgres', q{SELECT count(*) > 0 FROM pg_stat_activity WHERE query ~ '100000' AND state = 'active' AND pid <> pg_backend_pid()}) or die;
kill_process($node->safe_psql('postgres',
	q{SELECT pid FROM pg_stat_activity WHERE query ~ '100000' AND pid <> pg_backend_pid()}));
finish_sql($session);
survived($node, 'kill -9 of a recognising backend');

# Kill the postmaster, and wait until the last of its children has noticed and it has left the process table:
# until then no server starts
sub kill_all
{
	my ($postmaster) = slurp_file($node->data_dir . '/postmaster.pid') =~ /^(\d+)/;
	my $tries = 0;

	$node->kill9;
	usleep(100_000) while $tries++ < 600
		&& (kill(0, $postmaster) || grep { (readlink($_) // '') eq $node->data_dir } glob('/proc/[0-9]*/cwd'));
	cmp_ok($tries, '<=', 600, 'all processes end when the postmaster has died');
}

# The postmaster dies while a checkpoint is written
sub kill_postmaster
{
	my ($model) = @_;
	my $offset = -s $node->logfile;

	start_training($model);
	$node->safe_psql('postgres', 'CREATE TABLE IF NOT EXISTS dirty (v text); INSERT INTO dirty SELECT repeat(md5(i::text), 30) FROM generate_series(1, 5000) i');
	my $checkpoint = start_sql($node, 'CHECKPOINT');
	$node->wait_for_log(qr/checkpoint starting/, $offset);
	kill_all();
	finish_sql($checkpoint);
	$node->start;
}
kill_postmaster('orphaned');
survived($node, 'kill -9 of the postmaster during a checkpoint', 'orphaned', 'interrupted');

#
# Immediate shutdown in every phase; a slow view and a lock hold a worker in those that pass quickly
#

sub held_by
{
	my ($lock) = @_;
	my $holder = $node->background_psql('postgres', on_error_stop => 1);

	$holder->query_safe("BEGIN; $lock");
	return $holder;
}

$node->safe_psql('postgres', q{CREATE VIEW slow AS SELECT image, label FROM words WHERE pg_sleep(0.5) IS NOT NULL});
foreach my $case (
	[ 'reading', 'SELECT' ],
	[ 'training', 'SELECT' ],
	[ 'starting', 'SELECT' ],
	[ 'saving', q{INSERT INTO hwr.model (name) VALUES ('in saving')} ])
{
	my ($phase, $lock) = @$case;
	my $holder = held_by($lock);
	my $model = "in $phase";

	my $options = $phase eq 'saving' ? $HwrTest::tiny : $HwrTest::endless;
	my $table = $phase eq 'reading' ? 'slow' : 'words';
	# where an epoch takes a moment, its end is nearly always what was told last
	my $told = $phase eq 'training' ? "phase IN ('training', 'validating')" : "phase = '$phase'";
	$node->safe_psql('postgres', "SELECT * FROM hwr_train('$table', '$model', options => $options, wait => false)");
	$node->poll_query_until('postgres', "SELECT count(*) > 0 FROM hwr_progress WHERE model = '$model' AND $told") or die if $phase ne 'starting';
	$node->stop('immediate');
	eval { $holder->{run}->finish };
	$node->start;
	survived($node, "immediate shutdown in phase $phase", $model, 'interrupted');
}

#
# Drops
#

$node->safe_psql('postgres', 'CREATE TABLE doomed AS SELECT * FROM words');
$node->safe_psql('postgres', "SELECT * FROM hwr_train('doomed', 'doomed', options => $HwrTest::endless, wait => false)");
$node->poll_query_until('postgres', "SELECT count(*) > 0 FROM hwr_progress WHERE model = 'doomed' AND epoch > 0") or die;
$node->safe_psql('postgres', 'DROP TABLE doomed');
my $epoch = $node->safe_psql('postgres', "SELECT epoch FROM hwr_progress WHERE model = 'doomed'");
ok($node->poll_query_until('postgres', "SELECT epoch > $epoch + 1 FROM hwr_progress WHERE model = 'doomed'"),
	'a job outlives its table');
$node->safe_psql('postgres', 'SELECT hwr_cancel(job) FROM hwr_progress');
survived($node, 'DROP of the training table', 'doomed', 'cancelled');

my $brief = $HwrTest::endless =~ s/10000/20/r;
$node->safe_psql('postgres', "SELECT * FROM hwr_train('words', 'dropped', options => $HwrTest::tiny)");
$node->safe_psql('postgres', "SELECT * FROM hwr_train('words', 'dropped', options => $brief, wait => false)");
$node->safe_psql('postgres', "SELECT hwr_drop_model('dropped')");
job_is($node, 'dropped', 'done');
is($node->safe_psql('postgres', "SELECT version, active FROM hwr_model_details WHERE model = 'dropped'"), '1|t',
	'a job whose model was dropped makes it anew');
survived($node, 'DROP of the model');

$node->safe_psql('postgres', 'CREATE DATABASE doomed');
$node->safe_psql('doomed', 'CREATE EXTENSION hwr; CREATE TABLE words (image bytea, label text)');
run_log([ 'bash', '-c', 'psql -Xq -d "' . $node->connstr('postgres') . '" -c "COPY (SELECT image, label FROM words) TO STDOUT" | psql -Xq -d "' . $node->connstr('doomed') . '" -c "COPY words FROM STDIN"' ]) or die;
$node->safe_psql('doomed', train('doomed'));
$node->poll_query_until('doomed', 'SELECT count(*) > 0 FROM hwr_progress WHERE epoch > 0') or die;
sql_fails($node, 'DROP DATABASE doomed', '55006', 'is being accessed by other users', 'DROP DATABASE beside a job');
$node->safe_psql('postgres', 'DROP DATABASE doomed WITH (FORCE)');
is($node->safe_psql('postgres', q{SELECT count(*) FROM pg_stat_activity WHERE backend_type = 'hwr training worker'}), '0',
	'with FORCE the worker ends');
survived($node, 'DROP DATABASE ... WITH (FORCE)');

# The extension goes while a job runs.  Its worker finds no catalog and ends; it must not write into one that was created since.
$node->safe_psql('postgres', 'CREATE DATABASE other');
$node->safe_psql('other', 'CREATE EXTENSION hwr; CREATE TABLE words (image bytea, label text)');
run_log([ 'bash', '-c', 'psql -Xq -d "' . $node->connstr('postgres') . '" -c "COPY (SELECT image, label FROM words) TO STDOUT" | psql -Xq -d "' . $node->connstr('other') . '" -c "COPY words FROM STDIN"' ]) or die;
$node->safe_psql('other', train('other'));
$node->poll_query_until('other', 'SELECT count(*) > 0 FROM hwr_progress WHERE epoch > 0') or die;
$node->safe_psql('other', 'DROP EXTENSION hwr');
ok($node->poll_query_until('postgres', q{SELECT count(*) = 0 FROM pg_stat_activity WHERE backend_type = 'hwr training worker'}),
	'DROP EXTENSION ends a job');
$node->safe_psql('other', 'CREATE EXTENSION hwr');
$node->safe_psql('other', train('other'));
$node->poll_query_until('other', 'SELECT count(*) > 0 FROM hwr_progress WHERE epoch > 0') or die;
$node->safe_psql('other', 'BEGIN; DROP EXTENSION hwr; CREATE EXTENSION hwr; COMMIT');
is($node->safe_psql('other', q{SELECT job, version FROM hwr_train('words', 'new', options => } . $HwrTest::tiny . ')'), '1|1',
	'a training in the new catalog');
ok($node->poll_query_until('postgres', q{SELECT count(*) = 0 FROM pg_stat_activity WHERE backend_type = 'hwr training worker'}),
	'the job of the old one ends');
is($node->safe_psql('other', 'SELECT job, model, state FROM hwr_job_details'), '1|new|done', 'and leaves the new one alone');

# The same with a row that a restore brings back, when the worker, asleep meanwhile, wants to keep its state
$node->safe_psql('other', train('other'));
$node->poll_query_until('other', 'SELECT count(*) > 0 FROM hwr_progress WHERE epoch > 0') or die;
my ($job, $worker) = split /\|/, $node->safe_psql('other', q{SELECT job, pid FROM hwr_job_details WHERE state = 'running'});
# asleep where it holds no lock that DROP EXTENSION would wait for
foreach (1 .. 1000)
{
	kill 'STOP', $worker;
	last if $node->safe_psql('postgres', "SELECT count(*) FROM pg_locks WHERE pid = $worker AND locktype IN ('relation', 'object')") == 0;
	kill 'CONT', $worker;
	select(undef, undef, undef, 0.02);
}
$node->safe_psql('other', "BEGIN; DROP EXTENSION hwr; CREATE EXTENSION hwr; INSERT INTO hwr.job (id, model, training, owner, options, state)
	OVERRIDING SYSTEM VALUE VALUES ($job, 'restored', 'words', quote_ident(current_user)::hwr.role, '{}', 'done'); COMMIT");
kill 'INT', $worker;
kill 'CONT', $worker;
ok($node->poll_query_until('postgres', "SELECT count(*) = 0 FROM pg_stat_activity WHERE pid = $worker"),
	'a job whose row was restored ends');
is($node->safe_psql('other', 'SELECT state, checkpoint FROM hwr.job'), 'done|', 'and leaves the row alone');
survived($node, 'DROP EXTENSION');

#
# Timeouts
#

# longer, until a worker has started within it
foreach my $timeout ('300ms', '2s', '20s')
{
	sql_fails($node, "SET statement_timeout = '$timeout'; SELECT hwr_train('words', 'late', options => $HwrTest::endless)",
		'57014', '', "statement_timeout of $timeout");
	last if $node->safe_psql('postgres', "SELECT count(*) FROM hwr_job_details WHERE model = 'late'") > 0;
}
survived($node, 'statement_timeout', 'late', 'cancelled');

$session = $node->background_psql('postgres', on_error_stop => 0);
$session->query_safe('BEGIN');
$session->query_safe("SELECT count(hwr_recognize(image, 'kept')) FROM words WHERE id <= 5");
$session->query_safe("SELECT count(*) FROM hwr_train('words', 'idle', options => $brief, wait => false)");
my $idle = $session->query_safe('SELECT pg_backend_pid()');
$session->query_safe("SET idle_in_transaction_session_timeout = '100ms'");
ok($node->poll_query_until('postgres', "SELECT count(*) = 0 FROM pg_stat_activity WHERE pid = $idle"),
	'idle_in_transaction_session_timeout ends a session');
job_is($node, 'idle', 'done');
survived($node, 'idle_in_transaction_session_timeout', 'idle', 'done');
eval { $session->quit };

#
# Clock steps
#

SKIP:
{
	my ($library) = glob '/usr/lib/*/faketime/libfaketime.so.1';
	skip 'libfaketime is not installed', 9 if !$library;
	my $clock = $node->basedir . '/clock';
	my $set_clock = sub { open(my $file, '>', $clock) or die; print $file "$_[0]\n"; close $file };
	my $progress = "SELECT epoch || '/' || step FROM hwr_progress";

	$set_clock->('+0');
	$node->stop('fast');
	{
		local %ENV = (%ENV, LD_PRELOAD => $library, FAKETIME_TIMESTAMP_FILE => $clock, FAKETIME_NO_CACHE => 1,
			DONT_FAKE_MONOTONIC => 1);
		$node->start;
	}
	# an epoch that does not end: only the clock can bring news
	$node->safe_psql('postgres', 'CREATE TABLE many AS SELECT image, label FROM words, generate_series(1, 20)');
	$node->safe_psql('postgres', q{SELECT hwr_train('many', 'clock', options => '{"batch_size": 4}', wait => false)});
	$node->poll_query_until('postgres', 'SELECT count(*) > 0 FROM hwr_progress WHERE step > 0') or die;
	my $today = $node->safe_psql('postgres', 'SELECT now()::date');
	foreach my $step ('-86400', '+86400')
	{
		$set_clock->($step);
		isnt($node->safe_psql('postgres', 'SELECT now()::date'), $today, "the clock is set by $step seconds");
		my $before = $node->safe_psql('postgres', 'SELECT step FROM hwr_progress');
		ok($node->poll_query_until('postgres', "SELECT step > $before AND epoch = 1 FROM hwr_progress"), 'progress goes on');
	}
	$node->safe_psql('postgres', 'SELECT hwr_cancel(job) FROM hwr_progress');
	survived($node, 'clock steps', 'clock', 'cancelled');
	$node->stop('fast');
	$node->start;
}

#
# The same at random moments
#

if ($ENV{HWR_LONG})
{
	foreach my $i (1 .. 25)
	{
		my $moment = int(rand 1_500_000);

		$node->safe_psql('postgres', "SELECT * FROM hwr_train('words', 'random', options => $brief, wait => false)");
		usleep($moment);
		if ($i % 3 == 0)    { $node->stop('immediate'); $node->start; }
		elsif ($i % 3 == 1) { kill_all(); $node->start; }
		else
		{
			my $pid = $node->safe_psql('postgres',
				"SELECT pid FROM hwr_job_details WHERE model = 'random' AND pid IS NOT NULL ORDER BY job DESC LIMIT 1");
			kill_process($pid) if $pid;
		}
		survived($node, "crash $i after $moment microseconds");
	}
}

$node->stop('fast');
done_testing();
