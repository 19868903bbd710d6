# Servers that stop while a training runs, and a standby

use strict;
use warnings;

use PostgreSQL::Test::Utils;
use Test::More;
use Time::HiRes qw(time);

use HwrTest;

my $node = new_server('restart', init => { allows_streaming => 1 });

sub training
{
	my ($model) = @_;
	ok($node->poll_query_until('postgres', "SELECT count(*) > 0 FROM hwr_progress WHERE model = '$model' AND epoch > 0"),
		"$model is training");
}

sub start_training
{
	my ($model) = @_;
	$node->safe_psql('postgres', "SELECT * FROM hwr_train('words', '$model', options => $HwrTest::endless, wait => false)");
	training($model);
}

# What a job that did not end must not leave behind
sub nothing_is_left
{
	my ($name) = @_;

	is($node->safe_psql('postgres', q{
			SELECT (SELECT count(*) FROM hwr.model), (SELECT count(*) FROM hwr.version),
				(SELECT count(*) FROM pg_largeobject_metadata WHERE oid NOT IN (SELECT checkpoint FROM hwr.job WHERE checkpoint IS NOT NULL))}), '1|1|1', "$name: no half of a model");
	is(join(' ', glob($node->data_dir . '/base/pgsql_tmp/*')), '', "$name: no temporary file");
	is($node->safe_psql('postgres', 'SELECT count(*) FROM hwr_progress'), '0', "$name: nothing in progress");
}

$node->safe_psql('postgres', "SELECT * FROM hwr_train('words', 'kept', options => $HwrTest::tiny)");

# Fast shutdown, nobody waiting and somebody waiting
start_training('fast');
my $session = start_sql($node, "SELECT * FROM hwr_train('words', 'waiting', options => $HwrTest::endless)");
training('waiting');
my $begun = time;
$node->stop('fast');
cmp_ok(time - $begun, '<', 20, 'a training does not hold up a shutdown');
finish_sql($session);
like($session->{err}, qr/(FATAL|ERROR):  57P01/, 'the waiting client is told');
$node->start;
job_is($node, 'fast', 'interrupted');
is($node->safe_psql('postgres', "SELECT message FROM hwr_job_details WHERE model = 'fast'"),
	'the server or the worker stopped before the job ended', 'the job says so');
is($node->safe_psql('postgres', "SELECT state IN ('interrupted', 'cancelled') FROM hwr_job_details WHERE model = 'waiting'"),
	't', 'so does the other');
nothing_is_left('fast shutdown');

# Immediate shutdown: recovery from the log
start_training('crash');
$node->stop('immediate');
$node->start;
job_is($node, 'crash', 'interrupted');
nothing_is_left('crash');

# Another training of the same model works, and what was there before still does
my $job = $node->safe_psql('postgres', "SELECT max(job) FROM hwr_job_details");
is($node->safe_psql('postgres', "SELECT job > $job, version FROM hwr_train('words', 'fast', options => $HwrTest::tiny)"),
	't|1', 'training after the restart');
job_is($node, 'fast', 'done');
is($node->safe_psql('postgres', "SELECT count(hwr_recognize(image, 'kept')) FROM words"), '100', 'reading after the restart');

# A standby reads, but does not train; it believes what a job's row says
start_training('primary');
$node->backup('backup');
my $standby = PostgreSQL::Test::Cluster->new('standby');
$standby->init_from_backup($node, 'backup', has_streaming => 1);
$standby->start;
$node->wait_for_catchup($standby, 'replay', $node->lsn('insert'));
is($standby->safe_psql('postgres', "SELECT count(hwr_recognize(image, 'kept')) FROM words"), '100', 'a standby reads');
is($standby->safe_psql('postgres', "SELECT md5(string_agg(hwr_recognize(image, 'kept'), ',' ORDER BY id)) FROM words"),
	$node->safe_psql('postgres', "SELECT md5(string_agg(hwr_recognize(image, 'kept'), ',' ORDER BY id)) FROM words"),
	'the same as its primary');
sql_fails($standby, "SELECT hwr_train('words')", '25006', 'cannot execute hwr_train\(\) during recovery',
	'training on a standby');
sql_fails($standby, 'SELECT hwr_cancel(1)', '25006', 'cannot execute hwr_cancel\(\) during recovery', 'cancelling on a standby');
is($standby->safe_psql('postgres', "SELECT state FROM hwr_job_details WHERE model = 'primary'"), 'running',
	'a job of the primary');
$standby->stop('fast');

$node->safe_psql('postgres', "SELECT hwr_cancel(job) FROM hwr_progress");
job_is($node, 'primary', 'cancelled');
$node->stop('fast');
done_testing();
