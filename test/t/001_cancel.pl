# Trainings and recognitions that someone ends before they are done

use strict;
use warnings;

use PostgreSQL::Test::Utils;
use Test::More;
use Time::HiRes qw(time);

use HwrTest;

my $node = new_server('cancel');
my ($out, $err, $session, $begun);

sub train
{
	my ($model, $more) = @_;
	return "SELECT * FROM hwr_train('words', '$model', options => $HwrTest::endless" . ($more // '') . ')';
}

# The job is training, its first epoch done
sub training
{
	my ($model) = @_;
	ok($node->poll_query_until('postgres', "SELECT count(*) > 0 FROM hwr_progress WHERE model = '$model' AND epoch > 0"),
		"$model is training");
}

sub message_is
{
	my ($model, $message) = @_;
	is($node->safe_psql('postgres', "SELECT message FROM hwr_job_details WHERE model = '$model'"),
		$message, "message of the job of $model");
}

sub worker_is_gone
{
	my ($name) = @_;
	ok($node->poll_query_until('postgres',
			"SELECT count(*) = 0 FROM pg_stat_activity WHERE backend_type = 'hwr training worker'"),
		"$name: no worker is left");
}

# Ctrl-C while training
$session = start_sql($node, train('interrupted'));
training('interrupted');
$begun = time;
interrupt($session);
($out, $err) = finish_sql($session);
like($err, qr/ERROR:  57014: canceling statement due to user request/, 'Ctrl-C ends the statement');
cmp_ok(time - $begun, '<', 10, 'at once');
job_is($node, 'interrupted', 'cancelled');
message_is('interrupted', 'cancelled by the waiting client');
like($err, qr/NOTICE:  .*epoch +1\/10000 \[-{20}\] train +[0-9.]+ val +[0-9.]+ CER +[0-9.]+ %/, 'epochs are reported');
worker_is_gone('Ctrl-C');

# Ctrl-C while a table is read, and how far it is
$node->safe_psql('postgres', q{CREATE VIEW slow AS SELECT image, label FROM words, generate_series(1, 1000) g, pg_sleep(0.02 + 0 * g)});
$session = start_sql($node, "SELECT * FROM hwr_train('slow', 'unread', options => $HwrTest::endless)");
ok($node->poll_query_until('postgres', q{SELECT count(*) > 0 FROM pg_stat_activity
	WHERE backend_type = 'hwr training worker' AND query ~ 'reading, [1-9]\d* rows so far'}), 'the rows read so far are shown');
$begun = time;
interrupt($session);
($out, $err) = finish_sql($session);
like($err, qr/ERROR:  57014: canceling statement due to user request/, 'Ctrl-C ends the reading');
cmp_ok(time - $begun, '<', 10, 'at once');
job_is($node, 'unread', 'cancelled');
worker_is_gone('Ctrl-C while reading');

# statement_timeout while training
sql_fails($node, "SET statement_timeout = '4s'; " . train('late'),
	'57014', 'canceling statement due to statement timeout', 'timeout while training');
job_is($node, 'late', 'cancelled');
message_is('late', 'cancelled by the waiting client');

# The client goes away
$session = start_sql($node, train('left'));
training('left');
$session->{run}->kill_kill;
job_is($node, 'left', 'cancelled');
message_is('left', 'the waiting client disconnected');
worker_is_gone('disconnect');

# The client's backend is terminated
$session = start_sql($node, train('terminated'));
training('terminated');
$node->safe_psql('postgres', q{SELECT pg_terminate_backend(pid) FROM pg_stat_activity
	WHERE backend_type = 'client backend' AND query LIKE '%hwr_train%' AND pid <> pg_backend_pid()});
($out, $err) = finish_sql($session);
like($err, qr/FATAL:  57P01/, 'the client is gone');
job_is($node, 'terminated', 'cancelled');
message_is('terminated', 'the waiting client disconnected');

# hwr_cancel from another session
$session = start_sql($node, train('stopped'));
training('stopped');
is($node->safe_psql('postgres', "SELECT hwr_cancel(job) FROM hwr_progress WHERE model = 'stopped'"), 't', 'hwr_cancel');
($out, $err) = finish_sql($session);
like($err, qr/ERROR:  57014: training job \d+ was cancelled/, 'the waiting client is told');
job_is($node, 'stopped', 'cancelled');
message_is('stopped', 'cancelled on request, by hwr_cancel or pg_cancel_backend');

# ... of a job nobody waits for
$node->safe_psql('postgres', train('alone', ', wait => false'));
training('alone');
is($node->safe_psql('postgres', "SELECT hwr_cancel(job) FROM hwr_progress WHERE model = 'alone'"), 't', 'hwr_cancel');
job_is($node, 'alone', 'cancelled');

# The worker is terminated
$session = start_sql($node, train('killed'));
training('killed');
$node->safe_psql('postgres', "SELECT pg_terminate_backend(pid) FROM hwr_job_details WHERE model = 'killed'");
($out, $err) = finish_sql($session);
like($err, qr/ERROR:  57P01: training worker of job \d+ stopped/, 'the waiting client is told of the death');
job_is($node, 'killed', 'interrupted');
message_is('killed', 'the server or the worker stopped before the job ended');

# A savepoint is enough to end the job
$session = start_sql($node, 'BEGIN', <<SQL, 'SELECT pg_sleep(600)');
DO \$\$
BEGIN
	PERFORM hwr_train('words', 'caught', options => $HwrTest::endless);
EXCEPTION WHEN query_canceled THEN
	RAISE NOTICE 'caught';
END \$\$;
SQL
training('caught');
interrupt($session);
job_is($node, 'caught', 'cancelled');
message_is('caught', 'cancelled by the waiting client');
$session->{run}->kill_kill;

is($node->safe_psql('postgres', 'SELECT count(*) FROM hwr.model'), '0', 'none of them left a model');
is($node->safe_psql('postgres', 'SELECT count(*) FROM pg_largeobject_metadata WHERE oid NOT IN (SELECT checkpoint FROM hwr.job WHERE checkpoint IS NOT NULL)'), '0',
	'nor a large object but checkpoints');

# Recognition
$node->safe_psql('postgres', "SELECT * FROM hwr_train('words', 'good', options => $HwrTest::tiny)");
my $read = "SELECT count(hwr_recognize(image, 'good')) FROM words, generate_series(1, 1000000)";
sql_fails($node, "SET statement_timeout = '1s'; $read", '57014', 'canceling statement due to statement timeout',
	'timeout while recognising');
sql_fails($node, "SET statement_timeout = '1s';
	SELECT count(hwr_recognize_batch(images, 'good')) FROM (SELECT array_agg(image) images FROM words, generate_series(1, 3000)) s",
	'57014', 'canceling statement due to statement timeout', 'timeout while recognising an array');
$session = start_sql($node, $read);
ok($node->poll_query_until('postgres', "SELECT count(*) > 0 FROM pg_stat_activity WHERE query LIKE '%1000000%' AND pid <> pg_backend_pid() AND state = 'active'"),
	'recognising');
$begun = time;
interrupt($session);
($out, $err) = finish_sql($session);
like($err, qr/ERROR:  57014: canceling statement due to user request/, 'Ctrl-C ends a recognition');
cmp_ok(time - $begun, '<', 10, 'at once');

$node->stop('fast');
done_testing();
