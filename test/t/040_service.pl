# The service worker, on the CPU: equal results, batches over sessions, cancelled and killed clients, a full queue,
# the worker's end, a standby.
#
# A worker that is stopped by SIGSTOP leaves requests in the queue for as long as a test needs.
use strict;
use warnings FATAL => 'all';

use PostgreSQL::Test::Cluster;
use PostgreSQL::Test::Utils;
use Test::More;
use Time::HiRes qw(usleep);

use lib 'test/t';
use HwrTest;

my $node = PostgreSQL::Test::Cluster->new('main');
$node->init(allows_streaming => 1, extra => [ '--encoding=UTF8', '--locale=C' ]);
$node->append_conf('postgresql.conf', <<'CONF');
shared_preload_libraries = 'hwr'
hwr.service_device = cpu
restart_after_crash = on
max_connections = 40
CONF
$node->start;
$node->psql('postgres', slurp_file('sql/setup.sql'), on_error_stop => 0);
$node->safe_psql('postgres', q{SELECT hwr_import_model(stroke_model(), 'strokes')});
$node->safe_psql('postgres', q{SELECT hwr_import_model(stroke_model('{"alphabet": "abc"}'), 'letters')});

my $reading = q{SELECT hwr_recognize(image, 'strokes') FROM strokes WHERE id = 3};

sub service
{
	my ($column) = @_;
	return $node->safe_psql('postgres', "SELECT $column FROM hwr_service");
}

sub service_becomes
{
	my ($condition, $name) = @_;
	ok($node->poll_query_until('postgres', "SELECT $condition FROM hwr_service"), $name);
}

# Run a block while the worker takes nothing out of the queue.
sub while_stopped
{
	my ($block) = @_;
	my $pid = service('pid');

	# It may have been woken by the end of a session; stop it asleep, not with a lock in its hand.
	usleep(1000) until !-e "/proc/$pid/stat" || slurp_file("/proc/$pid/stat") =~ /\) S /;
	kill('STOP', $pid);
	$block->($pid);
	kill('CONT', $pid);
}

service_becomes('pid IS NOT NULL', 'the service runs');
is($node->safe_psql('postgres', 'SELECT backend, state, reason FROM hwr_devices ORDER BY 1'),
	qq{cpu|service|\ncuda|not available|The configuration parameter "hwr.service_device" is "cpu".}, 'hwr_devices');
is(service('device'), 'cpu', 'hwr_service: device');

#
# The same results, bit for bit, as in the backend
#
my %readings = (
	'scalar' => q{SELECT string_agg(hwr_recognize(image, 'strokes'), ',' ORDER BY id) FROM strokes},
	'array' => q{SELECT hwr_recognize_batch(array_agg(image ORDER BY id), 'strokes') FROM strokes},
	'n-best' => q{SELECT id, n.* FROM strokes, hwr_recognize_nbest(image, 5, 'strokes') n},
	'score' => q{SELECT id, hwr_score(image, label, 'strokes') FROM strokes WHERE label ~ '^[I^_]+$'},
	'evaluate' => q{SELECT images, loss, cer FROM hwr_evaluate('strokes', 'strokes')},
	'readings' => q{SELECT * FROM hwr_readings('strokes', 'strokes')});
foreach my $precision ('auto', 'float32')
{
	foreach my $name (sort keys %readings)
	{
		my $before = service('images');
		my $set = "SET extra_float_digits = 1; SET hwr.precision = $precision;";
		my $service = $node->safe_psql('postgres', "$set $readings{$name}");

		cmp_ok(service('images'), '>', $before, "$name, $precision: by the service");
		$before = service('images');
		is($service, $node->safe_psql('postgres', "$set SET hwr.device = cpu; $readings{$name}"),
			"$name, $precision: as in the backend");
		is(service('images'), $before, "$name: hwr.device = cpu does not use the service");
	}
}
is(service('models'), 2, 'a model for each precision');

# What it does is told, waiting apart from computing
$node->safe_psql('postgres', 'SELECT hwr_stat_reset()');
my $queued;
while_stopped(sub
	{
		$queued = start_sql($node, $reading);
		$node->poll_query_until('postgres', 'SELECT in_use = 1 FROM hwr_service');
		usleep(300_000);
	});
finish_sql($queued);
is($node->safe_psql('postgres', 'SELECT images, service_images, errors, queue_time > 250, network_time < queue_time FROM hwr_stat'),
	'1|1|0|t|t', 'hwr_stat: the image waited');
like($node->safe_psql('postgres', "EXPLAIN (ANALYZE, VERBOSE) $reading"),
	qr/Handwriting Model: 'strokes', version 1, cpu \(service\): images=1 batches=1 prepare=\S+ queue=\S+ network=\S+ decode=/,
		'EXPLAIN names the device');

#
# Several models, and more than the memory holds
#
is($node->safe_psql('postgres', q{SELECT hwr_recognize(image, m) FROM strokes, (VALUES ('strokes'), ('letters')) v(m) WHERE id = 3 ORDER BY m}),
	"abac\nI^I_", 'two models');
my $kept = service('models');
$node->safe_psql('postgres', 'ALTER SYSTEM SET hwr.model_cache_size = ' . (int(service('model_bytes') / 1024) + 1));
$node->reload;
is($node->safe_psql('postgres', q{SELECT DISTINCT unnest(hwr_recognize_batch(array_agg(image), 'letters'))
		FROM strokes, generate_series(1, 16) WHERE id = 3}), 'abac', 'a larger batch of one of them');
cmp_ok(service('models'), '<', $kept, 'has grown that one, so another has to go');
$node->safe_psql('postgres', q{ALTER SYSTEM SET hwr.model_cache_size = 0});
$node->reload;
is($node->safe_psql('postgres', q{SET hwr.precision = float32; SELECT string_agg(hwr_recognize(image, m), ',' ORDER BY n)
		FROM strokes, (VALUES (1, 'letters'), (2, 'strokes'), (3, 'letters'), (4, 'strokes')) v(n, m) WHERE id = 3}),
	'abac,I^I_,abac,I^I_', 'models by turns');
is(service('models'), 1, 'one is kept');
$node->safe_psql('postgres', q{ALTER SYSTEM RESET hwr.model_cache_size});
$node->reload;

#
# Parallel workers
#
my $parallel = q{SET min_parallel_table_scan_size = 0; SET parallel_setup_cost = 0; SET parallel_tuple_cost = 0;};
my $count = q{SELECT count(*) FROM strokes WHERE hwr_recognize(image, 'strokes') ~ '^I'};
like($node->safe_psql('postgres', "$parallel EXPLAIN $count"), qr/Gather/, 'a parallel plan');
is($node->safe_psql('postgres', "$parallel $count"),
	$node->safe_psql('postgres', "SET hwr.device = cpu; $count"), 'parallel workers use the service');

#
# Sixteen sessions fill a batch
#
{
	my @sessions;
	my ($batches, $images) = split(/\|/, service('batches, images'));

	while_stopped(sub {
		@sessions = map { start_sql($node, $reading) } 1 .. 16;
		service_becomes('in_use = 16', 'sixteen requests wait');
	});
	is(join(',', map { (finish_sql($_))[0] } @sessions), join(',', ("I^I_\n") x 16), 'all are answered');
	cmp_ok(service("(images - $images)::float / (batches - $batches)"), '>=', 8, 'in few batches');
	cmp_ok(service('mean_fill'), '>', 1, 'mean_fill shows it');
	is(service('in_use'), 0, 'no slot is left in use');
}

#
# Requests that nobody waits for any more
#
{
	my $dropped = service('dropped');

	while_stopped(sub {
		my $session = start_sql($node, $reading);
		service_becomes('in_use = 1', 'a request waits');
		is($node->safe_psql('postgres', q{SELECT wait_event_type FROM pg_stat_activity WHERE query LIKE 'SELECT hwr_recognize%'}),
			'Extension', 'pg_stat_activity shows that its session waits');
		interrupt($session);
		like((finish_sql($session))[1], qr/57014/, 'it can be cancelled');
		is(service('in_use'), 0, 'and leaves no slot in use');

		sql_fails($node, "SET statement_timeout = 200; $reading;", '57014', 'statement timeout', 'statement_timeout');

		$session = start_sql($node, $reading);
		service_becomes('in_use = 1', 'another waits');
		$node->safe_psql('postgres', q{SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE query LIKE 'SELECT hwr_recognize%'});
		like((finish_sql($session))[1], qr/57P01/, 'its session can be terminated');
		service_becomes('in_use = 0', 'and leaves no slot in use');
	});
	is($node->safe_psql('postgres', $reading), 'I^I_', 'the service goes on');
	is(service('dropped'), $dropped + 3, 'three requests were dropped');
}

# One that the worker has taken out of the queue and holds back for a fuller batch
{
	my @sessions;
	my $dropped;

	$node->safe_psql('postgres', q{ALTER SYSTEM SET hwr.batch_wait = 1000});
	$node->reload;
	while_stopped(sub {
		@sessions = map { start_sql($node, $reading) } 1 .. 2;
		service_becomes('in_use = 2', 'two requests');
	});
	finish_sql($_) foreach @sessions;
	$dropped = service('dropped');
	sql_fails($node, "SET statement_timeout = 200; $reading; $reading;", '57014', 'statement timeout',
		'a request that waits for a batch');
	service_becomes("in_use = 0 AND dropped = $dropped + 1", 'is dropped by the worker');
	$node->safe_psql('postgres', q{ALTER SYSTEM RESET hwr.batch_wait});
	$node->reload;
}

#
# Ten thousand requests of four sessions
#
{
	my $before = service('requests');
	my @sessions = map {
		start_sql($node, 'SET hwr.batch = off',
			q{SELECT count(*) FILTER (WHERE hwr_recognize(image, 'strokes') = 'I^I_') FROM strokes, generate_series(1, 2500) WHERE id = 3})
	} 1 .. 4;

	is(join('', map { (finish_sql($_))[0] } @sessions), "2500\n" x 4, 'ten thousand requests');
	is(service('requests') - $before, 10000, 'all by the service');
	is(service('in_use'), 0, 'no slot has leaked');
	is(service('errors'), 0, 'no error');
}

#
# A standby has a service of its own
#
{
	my $standby = PostgreSQL::Test::Cluster->new('standby');

	$node->backup('backup');
	$standby->init_from_backup($node, 'backup', has_streaming => 1);
	$standby->start;
	$standby->poll_query_until('postgres', 'SELECT pid IS NOT NULL FROM hwr_service');
	is($standby->safe_psql('postgres', $reading), 'I^I_', 'a standby reads');
	is($standby->safe_psql('postgres', 'SELECT requests FROM hwr_service'), 1, 'by its service');
	$standby->stop;
}

#
# The worker ends
#
{
	my $session;
	my $answers = service('requests + errors');

	while_stopped(sub {
		my ($pid) = @_;
		$session = start_sql($node, $reading);
		service_becomes('in_use = 1', 'a request waits for a worker that is about to end');
		kill('TERM', $pid);
	});
	is((finish_sql($session))[0], "I^I_\n", 'SIGTERM: the session has its reading');
	# A worker that was about to look into the queue when it was stopped still serves what it finds there.
	service_becomes("pid IS NULL AND in_use = 0 AND requests + errors = $answers + 1", 'the service says that it does not run');
	is($node->safe_psql('postgres', $reading), 'I^I_', 'sessions read without it');
	is($node->safe_psql('postgres', q{SELECT state FROM hwr_devices WHERE backend = 'cpu'}), 'in backend', 'hwr_devices says so');
	service_becomes('pid IS NOT NULL', 'it comes back');
	my $requests = service('requests');
	is($node->safe_psql('postgres', $reading), 'I^I_', 'and reads');
	is(service('requests'), $requests + 1, 'by the service');

	kill('KILL', service('pid'));
	ok($node->poll_query_until('postgres', 'SELECT pid IS NOT NULL FROM hwr_service'), 'SIGKILL: the server comes back');
	is($node->safe_psql('postgres', $reading), 'I^I_', 'and reads');
	is(service('requests'), 1, 'by the service');
}

#
# A full queue
#
$node->append_conf('postgresql.conf', 'hwr.queue_slots = 1');
$node->restart;
service_becomes('pid IS NOT NULL AND queue_slots = 1', 'a queue of one slot');
{
	my @sessions;

	while_stopped(sub {
		push(@sessions, start_sql($node, $reading));
		service_becomes('in_use = 1', 'it is full');
		sql_fails($node, "SET statement_timeout = 200; $reading;", '57014', 'statement timeout', 'a session waits for a slot');
		push(@sessions, map { start_sql($node, $reading) } 1 .. 4);
		$node->poll_query_until('postgres',
			q{SELECT count(*) = 5 FROM pg_stat_activity WHERE wait_event_type = 'Extension' AND query LIKE 'SELECT hwr_recognize%'});
		interrupt($sessions[4]);
		like((finish_sql(pop(@sessions)))[1], qr/57014/, 'and can be cancelled');
	});
	is(join(',', map { (finish_sql($_))[0] } @sessions), join(',', ("I^I_\n") x 4), 'the others are answered');
	is(service('in_use'), 0, 'no slot is left in use');
}
{
	my @sessions;

	while_stopped(sub {
		my ($pid) = @_;
		@sessions = map { start_sql($node, $reading) } 1 .. 3;
		$node->poll_query_until('postgres',
			q{SELECT count(*) = 3 FROM pg_stat_activity WHERE wait_event_type = 'Extension' AND query LIKE 'SELECT hwr_recognize%'});
		kill('TERM', $pid);
	});
	is(join(',', map { (finish_sql($_))[0] } @sessions), join(',', ("I^I_\n") x 3),
		'the worker ends: those without a slot go on too');
}

# Everything above went without complaint of the server's.
unlike(slurp_file($node->logfile), qr/PANIC|TRAP|leak/, 'the log');
$node->stop;
done_testing();
