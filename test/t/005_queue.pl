# hwr.max_jobs: trainings that wait for others, in order, until they are cancelled, or have a place

use strict;
use warnings;

use PostgreSQL::Test::Utils;
use Test::More;

use HwrTest;

my $node = new_server('queue', conf => 'hwr.max_jobs = 1');

# Start a training without waiting for it.
sub request
{
	my ($model, $options) = @_;
	return $node->safe_psql('postgres',
		"SELECT job FROM hwr_train('words', '$model', options => $options, wait => false)");
}

sub states
{
	return $node->safe_psql('postgres', "SELECT string_agg(model || ' ' || state, ', ' ORDER BY job) FROM hwr_job_details");
}

sub running
{
	my ($model) = @_;
	ok($node->poll_query_until('postgres', "SELECT count(*) > 0 FROM hwr_progress WHERE model = '$model' AND epoch > 0"),
		"$model runs");
}

my %job;
$job{first} = request('first', $HwrTest::endless);
running('first');
$job{$_} = request($_, $HwrTest::endless) foreach qw(second third fourth);
is(states(), 'first running, second queued, third queued, fourth queued', 'one runs, the others wait');
is($node->safe_psql('postgres', "SELECT message, phase IS NULL, started IS NULL, pid IS NOT NULL FROM hwr_job_details WHERE model = 'third'"),
	'waits for other trainings: hwr.max_jobs|t|t|t', 'a queued job says what it waits for');
is($node->safe_psql('postgres', 'SELECT count(*) FROM hwr_progress'), '1', 'and is not in progress');
is($node->safe_psql('postgres', "SELECT count(*) FROM pg_stat_activity WHERE query = 'training job $job{third}: queued' AND backend_xmin IS NULL"),
	'1', 'nor does it hold back a vacuum');

# One that is cancelled leaves the queue, the others stay in order.
is($node->safe_psql('postgres', "SELECT hwr_cancel($job{third})"), 't', 'a queued job can be cancelled');
job_is($node, 'third', 'cancelled');
is($node->safe_psql('postgres', "SELECT message, sqlstate FROM hwr_job_details WHERE model = 'third'"), 'cancelled on request, by hwr_cancel or pg_cancel_backend|57014', 'and says so');

# A client that waits for a queued job is told so, and can stop waiting.
my $session = start_sql($node, "SELECT * FROM hwr_train('words', 'waiting', options => $HwrTest::tiny)");
job_is($node, 'waiting', 'queued');
interrupt($session);
finish_sql($session);
like($session->{err}, qr/NOTICE:.*training job \d+ waits for other trainings.*HINT:.*hwr\.max_jobs/s, 'a waiting client is told');
like($session->{err}, qr/ERROR:  57014/, 'and can give up');
job_is($node, 'waiting', 'cancelled');

# A worker that is terminated gives up its place, running or queued.
$job{fifth} = request('fifth', $HwrTest::endless);
$node->safe_psql('postgres', "SELECT pg_terminate_backend(pid) FROM hwr_job_details WHERE job IN ($job{fourth}, $job{first})");
running('second');
is(states(), 'first interrupted, second running, third cancelled, fourth interrupted, waiting cancelled, fifth queued', 'the next in order runs');
is($node->safe_psql('postgres', "SELECT message IS NULL, started IS NOT NULL FROM hwr_job_details WHERE model = 'second'"), 't|t', 'and waits no more');

# The limit can be changed while jobs wait.
$job{sixth} = request('sixth', $HwrTest::endless);
$node->append_conf('postgresql.conf', 'hwr.max_jobs = 2');
$node->reload;
running('fifth');
is($node->safe_psql('postgres', "SELECT state FROM hwr_job_details WHERE model = 'sixth'"), 'queued', 'a higher limit lets one more run');
$node->append_conf('postgresql.conf', 'hwr.max_jobs = 0');
$node->reload;
running('sixth');

# Several short ones: all end, in the order in which they were asked for
$node->append_conf('postgresql.conf', 'hwr.max_jobs = 1');
$node->reload;
request("short$_", $HwrTest::tiny) foreach 1 .. 3;
is($node->safe_psql('postgres', "SELECT string_agg(DISTINCT state, ' ') FROM hwr_job_details WHERE model LIKE 'short%'"), 'queued', 'a lower limit counts those that run');
$node->safe_psql('postgres', "SELECT hwr_cancel($job{$_})") foreach qw(second fifth sixth);
job_is($node, 'short3', 'done');
is($node->safe_psql('postgres', q{SELECT count(*), bool_and(started >= before) FROM
		(SELECT started, lag(finished, 1, started) OVER (ORDER BY job) AS before FROM hwr_job_details WHERE model LIKE 'short%') j}),
	'3|t', 'one after the other');

# A shutdown does not wait for the queue.
request($_, $HwrTest::endless) foreach qw(seventh eighth);
$node->stop('fast');
$node->start;
is($node->safe_psql('postgres', "SELECT string_agg(state, ' ') FROM hwr_job_details WHERE model IN ('seventh', 'eighth')"), 'interrupted interrupted',
	'queued or not, jobs do not survive a restart');
is($node->safe_psql('postgres', "SELECT version FROM hwr_train('words', 'after', options => $HwrTest::tiny)"), '1', 'and leave no place taken');

my $log = slurp_file($node->logfile);
like($log, qr/LOG:  training job $job{second} waits for other trainings/, 'the log says who waits');
like($log, qr/LOG:  training job $job{second} of model "second" from table public.words started/, 'and who starts');
like($log, qr/ERROR:  training job $job{third} was cancelled\n(?:.*\n){0,3}.*CONTEXT:  training job $job{third} of model "third"/, 'and whose error it is');

$node->stop;
done_testing();
