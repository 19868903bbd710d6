# Disks that are full, and memory that ends
#
# The server runs with test/fault/fault.c, which makes writes, allocations and starts of threads fail.  Every
# allocation that hwr makes fails once, in turn: each has to become an error with SQLSTATE 53200 and no loss
# of memory.  In the long form that goes for trainings too; else for some of theirs.

use strict;
use warnings;

use Cwd qw(abs_path);
use PostgreSQL::Test::Cluster;
use PostgreSQL::Test::Utils;
use Test::More;

use HwrTest;

my $library = abs_path('libraries/library_fault.so');
my $node = new_server('resources');
keep_model($node);
$node->stop('fast');
{
	# What a thread keeps for itself of the freed memory would count as in use.
	local %ENV = (%ENV, LD_PRELOAD => $library, GLIBC_TUNABLES => 'glibc.malloc.tcache_count=0');
	$node->start;
}
$node->safe_psql('postgres', <<SQL);
CREATE FUNCTION full_disk(pattern text) RETURNS void AS '$library' LANGUAGE C;
CREATE FUNCTION fail_allocation(n bigint, elsewhere boolean DEFAULT false) RETURNS void AS '$library' LANGUAGE C;
CREATE FUNCTION allocations() RETURNS bigint AS '$library' LANGUAGE C;
CREATE FUNCTION memory_in_use() RETURNS bigint AS '$library' LANGUAGE C;
SQL

sub train
{
	my ($model, $options, $wait) = @_;
	return "SELECT FROM hwr_train('words', '$model', options => " . ($options // $HwrTest::tiny) . ', wait => ' . ($wait // 'true') . ')';
}

sub full_disk
{
	my ($pattern) = @_;
	$node->safe_psql('postgres', 'SELECT full_disk(' . (defined $pattern ? "'$pattern'" : 'NULL') . ')');
}

sub recorded
{
	my ($model, $sqlstate) = @_;
	is($node->safe_psql('postgres', "SELECT sqlstate FROM hwr_job_details WHERE model = '$model' ORDER BY job DESC LIMIT 1"),
		$sqlstate, "job of $model says $sqlstate");
}

#
# Full disks: that of the models, then that of temporary files, then shared memory
#

my $models = $node->safe_psql('postgres', "SELECT pg_relation_filepath('pg_largeobject')");
# as large as a model: free space within pg_largeobject does not help
my $large = q('{"architecture": "[1,32,96,1 Cr3,3,8 Mp4,4 Cr3,3,16 Mp8,1 Lbx128", "epochs": 1}');

full_disk($models);
sql_fails($node, train('full', $large), '53100', 'could not extend file', 'no room for a trained model');
full_disk();
recorded('full', '53100');
is($node->safe_psql('postgres', "SELECT count(*) FROM hwr_models WHERE model = 'full'"), '0', 'it is not there');
survived($node, 'no room for a trained model', 'full', 'failed');

full_disk($models);
sql_fails($node, "SELECT hwr_import_model(file, 'imported') FROM golden", '53100', 'could not extend file',
	'no room for an imported model');
full_disk();
is($node->safe_psql('postgres', "SELECT count(*) FROM hwr_models WHERE model = 'imported'"), '0', 'it is not there');
survived($node, 'no room for an imported model');

# No room for the state of a training, whose end is not near: what was kept before it can be gone on from.
my $frequent = q('{"architecture": "[1,32,96,1 Cr3,3,8 Mp4,4 Cr3,3,16 Mp8,1 Lbx64", "epochs": 10000, "patience": 0, "checkpoint_minutes": 0.005}');
$node->safe_psql('postgres', train('stopped', $frequent, 'false'));
ok($node->poll_query_until('postgres', "SELECT count(*) > 0 FROM hwr_job_details WHERE model = 'stopped' AND checkpointed IS NOT NULL"), 'a checkpoint is kept');
full_disk($models);
job_is($node, 'stopped', 'failed');
full_disk();
recorded('stopped', '53100');
is($node->safe_psql('postgres', "SELECT version FROM hwr_resume((SELECT job FROM hwr_job_details WHERE model = 'stopped'), max_minutes => 0.001)"),
	'1', 'the training goes on from it');
survived($node, 'no room for a checkpoint', 'stopped', 'done');

$node->safe_psql('postgres', 'CREATE TABLE many AS SELECT image, label FROM words, generate_series(1, 10)');
my $spilled = train('spilled') =~ s/words/many/r;
full_disk('pgsql_tmp');
sql_fails($node, "SET hwr.training_memory = '1MB'; $spilled", '53100',
	'could not write a temporary file for training images.*No space left', 'no room for images');
full_disk();
recorded('spilled', '53100');
survived($node, 'no room for images', 'spilled', 'failed');

full_disk('/dev/shm/');
sql_fails($node, train('unshared'), '53100', 'could not resize shared memory segment', 'no shared memory');
full_disk();
is($node->safe_psql('postgres', "SELECT count(*) FROM hwr_job_details WHERE model = 'unshared'"), '0', 'no job is left');
survived($node, 'no shared memory');

#
# Memory
#

# Fail the allocations of a statement, each in turn: how many there are, how often the statement failed, and what with
$node->safe_psql('postgres', <<'SQL');
CREATE FUNCTION fail_all(query text, OUT allocations bigint, OUT failures bigint, OUT states text) LANGUAGE plpgsql AS $$
DECLARE
	found text[] := '{}';
BEGIN
	allocations := 0;
	failures := 0;
	LOOP
		allocations := allocations + 1;
		BEGIN
			PERFORM fail_allocation(allocations);
			EXECUTE query;
			EXIT WHEN allocations() < allocations;
		EXCEPTION WHEN OTHERS THEN
			failures := failures + 1;
			found := found || (SQLSTATE || ' ' || SQLERRM);
		END;
	END LOOP;
	PERFORM fail_allocation(0);
	SELECT string_agg(DISTINCT f, ', ') INTO states FROM unnest(found) f;
END $$;
SQL

# Four rounds in one session: hwr would lose memory in each, but what PostgreSQL keeps for later grows only now and then.
sub survives_all
{
	my ($name, $query, $settings) = @_;
	my $round = "SELECT * FROM fail_all(\$query\$$query\$query\$);\n";
	my @rounds = split /\n/, $node->safe_psql('postgres', ($settings // '') .
			"$round$round SELECT memory_in_use() AS a \\gset\n$round SELECT memory_in_use() AS b \\gset\n$round SELECT least(:b - :a, memory_in_use() - :b)");
	my ($allocations, $failures, $states) = split /\|/, $rounds[0];
	my $lost = $rounds[4];

	note("$name: $allocations allocations, $failures failures, $states, $lost bytes lost");
	cmp_ok($failures, '>', 0, "$name: memory ends");
	like($states, qr/^53200 [^,]*(, 53200 [^,]*)*$/, "$name: and nothing else happens");
	cmp_ok($lost, '<', 1024, "$name: no memory is lost");
}

survives_all('reading a JPEG', "SELECT hwr_recognize(image, 'kept') FROM words WHERE id = 1");
survives_all('reading a PNG', "SELECT hwr_recognize(hwr.thumbnail(image, 48), 'kept') FROM words WHERE id = 1");
survives_all('loading a model', "SELECT hwr_recognize(image, CASE id WHEN 1 THEN 'kept' ELSE 'after' END) FROM words WHERE id <= 2", "SET hwr.model_cache_size = 0;");
survives_all('reading with a lexicon', "SELECT * FROM words, hwr_recognize_nbest(image, 2, 'kept', lexicon => '{LONDON,PARIS}') WHERE id = 1");
survives_all('importing a model', "SELECT hwr_import_model(file, 'imported', false) FROM golden");
survives_all('evaluating', "SELECT hwr_evaluate('words', 'kept')") if $ENV{HWR_LONG};
survived($node, 'out of memory in a session');

# In a training, its threads and its end
my $threads = $HwrTest::tiny =~ s/"epochs": 2/"epochs": 1, "threads": 2/r;
my ($allocations) = $node->safe_psql('postgres', 'SELECT fail_allocation(0, true); ' . train('starved',
	$threads) . '; SELECT allocations()') =~ /(\d+)$/;
my $tries = $ENV{HWR_LONG} ? 300 : 8;
my %states;
note("a training makes $allocations allocations");
cmp_ok($allocations, '>', $tries, 'allocations of a training are counted');
foreach my $try (1 .. $tries)
{
	# more of the first ones, which build everything
	my $n = int($allocations * ($try / $tries) ** 2);
	my (undef, undef, $err) = $node->psql('postgres',
		"\\set VERBOSITY verbose\nSELECT fail_allocation($n, true); " . train('starved', $threads));
	$states{ $err =~ /ERROR:  (\w+)/ ? $1 : 'done' }++;
}
note(join(', ', map { "$_: $states{$_}" } sort keys %states));
$node->safe_psql('postgres', 'SELECT fail_allocation(0)');
cmp_ok($states{53200}, '>', 0, 'trainings run out of memory');
is(join(' ', grep { $_ ne 'done' && $_ ne '53200' } keys %states), '', 'or end well');
is($node->safe_psql('postgres', q{SELECT DISTINCT state, sqlstate FROM hwr_job_details WHERE model = 'starved' AND state <> 'done'}), 'failed|53200', 'their jobs say so');
survived($node, 'out of memory in a training');

# The same as an administrator would meet it: a limit on the process, this much above what it has
$node->safe_psql('postgres', 'CREATE VIEW slow AS SELECT image, label FROM words WHERE pg_sleep(0.01) IS NOT NULL');

sub limit
{
	my ($megabytes) = @_;
	return q{prlimit --pid $PID --as=$(($(awk '/VmSize/ {print $2}' /proc/$PID/status) * 1024 + } . $megabytes * 1048576 . ')):';
}

SKIP:
{
	skip 'no prlimit', 13 if system('prlimit --pid $$ > /dev/null 2>&1') != 0;
	foreach my $megabytes (1, 12)
	{
		my $limit = limit($megabytes);
		my $read = q(SELECT 'read ' || hwr_recognize(image, 'names') FROM words WHERE id = 1);
		my (undef, $out, $err) = $node->psql('postgres', <<SQL, on_error_stop => 0);
LOAD 'hwr';
SELECT FROM words LIMIT 1;
SELECT pg_backend_pid() AS "PID" \\gset
\\setenv PID :PID
\\set VERBOSITY verbose
\\! $limit
$read;
\\! prlimit --pid \$PID --as=unlimited:
$read;
SQL
		like($err, qr/^\S+ ERROR:  53200: .*$/m, "a session that may have $megabytes MB more fails");
		like($out, qr/^\s*read \w+\s*$/, 'and reads once it may have more');
	}
	foreach my $megabytes (8, 64)
	{
		$node->safe_psql('postgres', q{SELECT FROM hwr_train('slow', 'limited', options => '{"epochs": 1, "threads": 2}', wait => false)});
		local $ENV{PID} = $node->safe_psql('postgres',
			q{SELECT pid FROM hwr_job_details WHERE model = 'limited' ORDER BY job DESC LIMIT 1});
		is(system(limit($megabytes)), 0, "a training may have $megabytes MB more");
		job_is($node, 'limited', 'failed');
		recorded('limited', '53200');
	}
	survived($node, 'limits');
}

unlike(slurp_file($node->logfile), qr/PANIC|terminated by signal/, 'no process has died');
$node->stop('fast');
done_testing();
