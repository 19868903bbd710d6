# Many sessions, many rows, many trainings: no error, no growth, figures that add up.  HWR_LONG=1: more of each.

use strict;
use warnings;

use List::Util qw(max sum0);
use PostgreSQL::Test::Utils;
use Test::More;
use Time::HiRes qw(sleep time);

use HwrTest;

my $long = $ENV{HWR_LONG};
my $sessions = $ENV{HWR_LOAD_SESSIONS} // ($long ? 100 : 10);
my $seconds = $ENV{HWR_LOAD_SECONDS} // ($long ? 600 : 3);
my $rows = $ENV{HWR_LOAD_ROWS} // ($long ? 1_000_000 : 8_000);
my $trainings = $ENV{HWR_LOAD_TRAININGS} // ($long ? 50 : 6);

# A process may use this much more at the end than half way, in kB.
my $growth_limit = 4096;

my $node = new_server('load', conf => <<CONF);
shared_preload_libraries = 'hwr'
hwr.service_device = 'none'
hwr.max_jobs = 2
max_connections = @{[ $sessions + 20 ]}
max_worker_processes = @{[ $trainings + 10 ]}
autovacuum = off
CONF
load_golden($node, 'golden');

# Private memory of the processes that pg_stat_activity finds, in kB by pid
sub memory
{
	my ($condition) = @_;
	my %memory;

	foreach my $pid (split /\n/, $node->safe_psql('postgres', "SELECT pid FROM pg_stat_activity WHERE $condition"))
	{
		open(my $file, '<', "/proc/$pid/status") or next;
		local $/;
		$memory{$pid} = $1 if <$file> =~ /^RssAnon:\s+(\d+)/m;
	}
	return \%memory;
}

# While a command runs: how many processes were seen at once, and how much any grew in the second half.
sub growth_during
{
	my ($condition, $running) = @_;
	my @samples;
	my $seen = 0;
	my $growth = 0;
	my $largest = 0;

	while ($running->())
	{
		push @samples, memory($condition);
		$seen = max($seen, scalar(keys %{ $samples[-1] }));
		sleep($long ? 2 : 0.25);
	}
	my @late = @samples[ int(@samples / 2) .. $#samples ];
	foreach my $pid (@late ? keys %{ $late[0] } : ())
	{
		my @values = grep { defined } map { $_->{$pid} } @late;
		$largest = max($largest, @values);
		$growth = max($growth, $values[-1] - $values[0]);
	}
	note(scalar(@samples) . " samples of $seen processes, largest $largest kB, growth $growth kB");
	return ($seen, $growth);
}

sub images_counted
{
	my ($model) = @_;
	return $node->safe_psql('postgres', "SELECT coalesce(sum(images), 0), coalesce(sum(errors), 0) FROM hwr_stat WHERE model = '$model' AND scope = 'server'");
}

# Sessions that recognise beside a training
my $job = $node->safe_psql('postgres', "SELECT job FROM hwr_train('words', 'beside', options => $HwrTest::endless, wait => false)");
ok($node->poll_query_until('postgres', "SELECT epoch > 0 FROM hwr_progress WHERE job = $job"), 'a training runs');

my $directory = PostgreSQL::Test::Utils::tempdir();
PostgreSQL::Test::Utils::append_to_file("$directory/read.sql",
	"\\set id random(1, 100)\nSELECT hwr_recognize(image, 'golden') FROM words WHERE id = :id;\n");
my ($out, $err) = ('', '');
my $bench = IPC::Run::start(
	[ 'pgbench', '-n', '-c', $sessions, '-j', 2, '-T', $seconds, '-l', "--log-prefix=$directory/latency",
		'-f', "$directory/read.sql", $node->connstr('postgres') ],
	'<', '/dev/null', '>', \$out, '2>', \$err, IPC::Run::timeout($seconds + 120));
my ($seen, $growth) = growth_during("query LIKE 'SELECT hwr_recognize(image, ''golden'')%'",
	sub { $bench->pumpable && do { $bench->pump_nb; $bench->pumpable } });
ok($bench->finish, 'all sessions end well') or diag($err);
unlike($err, qr/ERROR|aborted/, 'without an error');
is($seen, $sessions, 'all were watched');
cmp_ok($growth, '<', $growth_limit, 'none grows');
my ($transactions) = $out =~ /number of transactions actually processed: (\d+)/;
cmp_ok($transactions, '>', $sessions, 'each has read');
is(images_counted('golden'), "$transactions|0", 'hwr_stat has counted every image of every session');
my @latencies = sort { $a <=> $b } map { (split ' ', $_)[2] } map { split /\n/, slurp_file($_) } glob("$directory/latency*");
note(sprintf("%d sessions, %d s: %d images; latency in ms: 50%% %.1f, 95%% %.1f, 99%% %.1f, longest %.1f", $sessions, $seconds,
	$transactions,
		map { $latencies[ $_ * $#latencies ] / 1000 } 0.5, 0.95, 0.99, 1));
is($node->safe_psql('postgres', "SELECT state FROM hwr_job_details WHERE job = $job"), 'running', 'the training goes on');
$node->safe_psql('postgres', "SELECT hwr_cancel($job)");
job_is($node, 'beside', 'cancelled');

# Whoever is no monitor sees figures without names.
$node->safe_psql('postgres', 'CREATE ROLE somebody');
is($node->safe_psql('postgres', "SET ROLE somebody; SELECT DISTINCT database IS NULL, model IS NULL, version IS NULL FROM hwr_stat WHERE images > 0"),
	't|t|t', 'names are for monitors');
is($node->safe_psql('postgres', "GRANT pg_monitor TO somebody; SET ROLE somebody; SELECT count(*) FROM hwr_stat WHERE model = 'golden'"), '1', 'who see them');

# A table read by a parallel query: an image of 64 x 16, a network that reads it in a moment
$node->safe_psql('postgres', <<SQL);
SELECT FROM hwr_train('words', 'quick', options => $HwrTest::tiny);
CREATE TABLE small AS SELECT n, '\\x89504e470d0a1a0a0000000d49484452000000400000001001000000008e9c4484000000174944415478da63f8f0e1c37f1060a094f11fc2a29001000e057cb140acee8a0000000049454e44ae426082'::bytea AS image
	FROM generate_series(1, $rows) n;
ALTER TABLE small SET (parallel_workers = 2);
ANALYZE small;
SELECT hwr_stat_reset();
SQL
my $settings = 'SET parallel_setup_cost = 0; SET parallel_tuple_cost = 0; SET min_parallel_table_scan_size = 0; SET max_parallel_workers_per_gather = 2; SET hwr.batch = off';	# a batch reads equal images once
my $count = "SELECT count(hwr_recognize(image, 'quick')) FROM small";
like($node->safe_psql('postgres', "$settings; EXPLAIN $count"), qr/Workers Planned: 2.*Parallel Seq Scan/s,
	'the plan is parallel');
my $begun = time;
$HwrTest::patience = 7200 if $long;
my $reader = start_sql($node, map({ "$_;" } split(/; /, $settings)), $count);
($seen, $growth) = growth_during("query LIKE 'SELECT count(hwr_recognize%'",
	sub { $reader->{run}->pumpable && do { $reader->{run}->pump_nb; $reader->{run}->pumpable } });
($out, $err) = finish_sql($reader);
is($out, "$rows\n", 'every row is read');
is($err, '', 'without an error');
is($seen, 3, 'by a leader and two workers');
cmp_ok($growth, '<', $growth_limit, 'in level memory');
is(images_counted('quick'), "$rows|0", 'parallel workers are counted');
note(sprintf('%d rows in %.1f s', $rows, time - $begun));

# Trainings that wait for each other: two at a time, in order
my @jobs = map { $node->safe_psql('postgres',
	"SELECT job FROM hwr_train('words', 'queued$_', options => $HwrTest::tiny, wait => false)") } 1 .. $trainings;
job_is($node, "queued$trainings", 'done');
ok($node->poll_query_until('postgres', "SELECT count(*) = $trainings FROM hwr_job_details WHERE model LIKE 'queued%' AND state = 'done'"), 'all trainings end');
is($node->safe_psql('postgres', <<SQL), '2', 'two at a time');
SELECT max((SELECT count(*) FROM hwr_job_details o WHERE o.model LIKE 'queued%' AND o.started <= j.started AND o.finished > j.started))
	FROM hwr_job_details j WHERE j.model LIKE 'queued%'
SQL
is($node->safe_psql('postgres', <<SQL), 't', 'in the order of request');
SELECT bool_and(started >= before) FROM
	(SELECT started, lag(started, 2, started) OVER (ORDER BY job) AS before FROM hwr_job_details WHERE model LIKE 'queued%') j
SQL
is(join("\n", grep { /(ERROR|FATAL|PANIC|WARNING):/ && !/training job \d+ was cancelled/ } split /\n/,
	slurp_file($node->logfile)),
	'', 'the log has no error');

$node->stop;
done_testing();
