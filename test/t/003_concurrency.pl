# Several at once: trainings, readers, locks, and the limit of workers; equal trainings give equal models

use strict;
use warnings;

use PostgreSQL::Test::Utils;
use Test::More;
use Time::HiRes qw(time);

use HwrTest;

my $node = new_server('concurrency');
my ($out, $err);

sub train
{
	my ($model, $options) = @_;
	return "SELECT version FROM hwr_train('words', '$model', activate => 'always', options => " . ($options // $HwrTest::tiny) . ')';
}

# The same rows, options and seed give the same bytes; another seed does not
my $seeded = sub {
	return qq('{"architecture": "[1,32,96,1 Cr3,3,8 Mp4,4 Do 0.2 Cr3,3,16 Mp8,1 Lbx16", "epochs": 3, "threads": 2, "seed": $_[0]}');
};
$node->safe_psql('postgres', train($_->[0], $seeded->($_->[1]))) foreach ([ 'one', 7 ], [ 'two', 7 ], [ 'three', 8 ]);
my %digest = map { $_ => $node->safe_psql('postgres', "SELECT md5(hwr_export_model('$_'))") } qw(one two three);
is($digest{one}, $digest{two}, 'equal trainings give equal files');
isnt($digest{one}, $digest{three}, 'another seed gives another model');

# Trainings at the same time, of different models and of the same one
my @sessions = map { start_sql($node, train(@$_)) } ([ 'left' ], [ 'right' ], [ 'same', $seeded->(1) ], [ 'same', $seeded->(2) ]);
my @versions;
foreach my $session (@sessions)
{
	($out, $err) = finish_sql($session);
	unlike($err, qr/ERROR/, 'no error');
	chomp $out;
	push @versions, $out;
}
is(join(' ', @versions[ 0, 1 ]), '1 1', 'two models at once');
is(join(' ', sort @versions[ 2, 3 ]), '1 2', 'two versions of one model at once');
is($node->safe_psql('postgres', "SELECT active FROM hwr.model WHERE name = 'same'"),
	$versions[2] > $versions[3] ? $versions[2] : $versions[3],
	'the later one is active');

# An activation that is rolled back
my $active = "SELECT active FROM hwr.model WHERE name = 'same'";
is($node->safe_psql('postgres', "BEGIN; SELECT hwr_activate_model('same', 1); ROLLBACK; $active"), "\n2",
	'ROLLBACK of an activation');
is($node->safe_psql('postgres', "SELECT hwr_activate_model('same', 1); $active"), "\n1", 'activation');

# Readers while versions change under them
my $reader = start_sql($node, <<SQL, "SELECT 'read'");
DO \$\$
BEGIN
	FOR i IN 1 .. 200 LOOP
		IF (SELECT count(hwr_recognize(image, 'same')) FROM words WHERE id <= 20) <> 20 THEN
			RAISE 'something was not read';
		END IF;
	END LOOP;
END \$\$
SQL
for my $i (1 .. 10)
{
	$node->safe_psql('postgres', "SELECT hwr_activate_model('same', " . (1 + $i % 2) . ')');
	$node->safe_psql('postgres', train('same')) if $i % 4 == 0;
}
($out, $err) = finish_sql($reader);
is($out, "read\n", 'reading while the model is replaced');
is($err, '', 'without an error');

# A session in one snapshot keeps its version
is($node->safe_psql('postgres', <<'SQL'), "t\nf", 'a snapshot keeps its version');
CREATE EXTENSION dblink;
SELECT FROM hwr_activate_model('same', 2);
BEGIN ISOLATION LEVEL REPEATABLE READ;
SELECT md5(hwr_export_model('same')) AS digest \gset
SELECT FROM dblink('dbname=postgres host=' || split_part(current_setting('unix_socket_directories'), ',', 1) || ' port=' || current_setting('port'),
	'SELECT hwr_activate_model(''same'', 1)::text') AS t (x text);
SELECT md5(hwr_export_model('same')) = :'digest';
COMMIT;
SELECT md5(hwr_export_model('same')) = :'digest';
SQL

# A lock that the caller cannot see: the worker gives up, also if it is the caller who holds it
$node->safe_psql('postgres', 'CREATE VIEW seen AS SELECT image, label FROM words');
my $begun = time;
sql_fails($node, "BEGIN; LOCK TABLE ONLY words; SELECT hwr_train('seen', 'locked', options => $HwrTest::tiny)",
	'55P03', 'could not lock table public.seen within 10s', 'waiting for its own caller');
cmp_ok(time - $begun, '<', 60, 'not for ever');
job_is($node, 'locked', 'failed');

# No worker is free
$node->append_conf('postgresql.conf', "max_worker_processes = 2\nmax_logical_replication_workers = 0");
$node->restart;
my @jobs = map { $node->safe_psql('postgres',
	"SELECT job FROM hwr_train('words', 'busy', options => $HwrTest::endless, wait => false)") } 1 .. 2;
sql_fails($node, train('refused'), '53400', 'could not start a training worker.*HINT:.*max_worker_processes', 'no free worker');
is($node->safe_psql('postgres', "SELECT count(*) FROM hwr_job_details WHERE model = 'refused'"), '0', 'no job is left');
$node->safe_psql('postgres', "SELECT hwr_cancel($_)") foreach @jobs;
ok($node->poll_query_until('postgres', 'SELECT count(*) = 0 FROM hwr_progress'), 'cancelled');
ok($node->poll_query_until('postgres', "SELECT count(*) = 0 FROM pg_stat_activity WHERE backend_type = 'hwr training worker'"),
	'and gone');
is($node->safe_psql('postgres', train('refused')), '1', 'then there is one');

# The extension goes while a training runs
$node->safe_psql('postgres', "SELECT * FROM hwr_train('words', 'dropped', options => $HwrTest::endless, wait => false)");
ok($node->poll_query_until('postgres', "SELECT count(*) > 0 FROM hwr_progress WHERE epoch > 0"), 'training');
$node->safe_psql('postgres', 'DROP EXTENSION hwr');
ok($node->poll_query_until('postgres', "SELECT count(*) = 0 FROM pg_stat_activity WHERE backend_type = 'hwr training worker'"),
	'a worker ends when its extension is dropped');

$node->stop('fast');
done_testing();
