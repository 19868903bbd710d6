# Choosing the device: no GPU and why, a GPU that breaks, training on it.
#
# The GPU is library_cpu.so, which computes on the CPU and is broken while a certain file exists.
use strict;
use warnings FATAL => 'all';

use Cwd qw(getcwd);
use PostgreSQL::Test::Cluster;
use PostgreSQL::Test::Utils;
use Test::More;

use lib 'test/t';
use HwrTest;

my $libraries = getcwd() . '/libraries';
my $node = PostgreSQL::Test::Cluster->new('main');
my $broken = $node->basedir . '/broken';

$ENV{HWR_TEST_BROKEN} = $broken;
$node->init(extra => [ '--encoding=UTF8', '--locale=C' ]);
$node->start;
$node->psql('postgres', slurp_file('sql/setup.sql'), on_error_stop => 0);
$node->safe_psql('postgres', q{SELECT hwr_import_model(stroke_model(), 'strokes')});

my $reading = q{SELECT hwr_recognize(image, 'strokes') FROM strokes WHERE id = 3};

# Restart with these settings instead of the last ones.
sub restart_with
{
	my (%settings) = @_;

	$settings{shared_preload_libraries} = 'hwr';
	$node->stop;
	$node->append_conf('postgresql.conf', "$_ = '$settings{$_}'") foreach sort keys %settings;
	truncate($node->logfile, 0);
	$node->start;
}

# Without a GPU: sessions compute by themselves, and are told why where they insist.
sub no_gpu_because
{
	my ($reason, $name, $lines) = @_;
	my $log;

	ok($node->poll_query_until('postgres', "SELECT reason ~ '$reason' FROM hwr_devices WHERE backend = 'cuda'"), "$name: reason");
	is($node->safe_psql('postgres', q{SELECT string_agg(state, ',' ORDER BY backend) FROM hwr_devices}),
		'in backend,not available', "$name: hwr_devices");
	is($node->safe_psql('postgres', $reading), 'I^I_', "$name: auto computes on the CPU");
	sql_fails($node, "SET hwr.device = cuda; $reading;", '55000',
		"GPU is not available.*DETAIL:.*$reason.*HINT:  View \"hwr_devices\"", "$name: hwr.device = cuda");
	$log = slurp_file($node->logfile);
	is(scalar(() = $log =~ /LOG:  hwr service/g), $lines, "$name: lines in the log");
}

no_gpu_because('"shared_preload_libraries" does not name "hwr"', 'not preloaded', 0);
restart_with();
no_gpu_because('Could not open .*hwr_cuda.so', 'no library', 1) unless -e $node->config_data('--pkglibdir') . '/hwr_cuda.so';
restart_with('hwr.service_device' => 'cuda', 'hwr.cuda_library' => "$libraries/library_old.so");
no_gpu_because('has backend interface', 'another ABI', 1);
restart_with('hwr.cuda_library' => "$libraries/library_no_device.so");
no_gpu_because('There is no device', 'no device', 1);
append_to_file("$libraries/truncated.so", substr(slurp_file("$libraries/library_cpu.so"), 0, 20000));
restart_with('hwr.cuda_library' => "$libraries/truncated.so");
no_gpu_because('is not a complete shared library', 'truncated', 1);
{
	$node->safe_psql('postgres', q{CREATE ROLE clerk});
	is($node->safe_psql('postgres', q{SET ROLE clerk; SELECT count(*) FROM hwr_devices}), 2, 'everyone may see the devices');
	sql_fails($node, q{SET ROLE clerk; SHOW hwr.cuda_library;}, '42501', 'hwr.cuda_library', 'but not where the library is');
}

# Training knows the same words.
$node->safe_psql('postgres', <<'SQL');
CREATE TABLE words (id integer GENERATED ALWAYS AS IDENTITY, image bytea, label text);
\copy words (image, label) FROM PROGRAM 'tools/load-images --copy test/data/words.csv test/data/words'
DELETE FROM words WHERE id > 40;
SQL
my $options = q{jsonb_build_object('architecture', '[1,32,96,1 Cr3,3,8 Mp4,4 Cr3,3,16 Mp8,1 Lbx16', 'epochs', 1, 'threads', 1)};
sql_fails($node, qq{SELECT hwr_train('words', 'w', options => $options || '{"device": "cuda"}');}, '55000',
	'GPU is not available.*not a complete', 'training on a GPU that is not there');
sql_fails($node, qq{SET hwr.device = cuda; SELECT hwr_train('words', 'w', options => $options);}, '55000', 'GPU is not available',
	'or by hwr.device');
is($node->safe_psql('postgres', 'SELECT count(*) FROM hwr_job_details'), 0, 'there is no job');
$node->safe_psql('postgres', qq{SELECT hwr_train('words', 'w', options => $options)});
is($node->safe_psql('postgres', q{SELECT options ->> 'device' FROM hwr_job_details}), 'cpu', 'auto trains on the CPU');
like(slurp_file($node->logfile), qr/LOG:  training runs on the CPU: GPU is not available/, 'and the log says so');

#
# A GPU
#
restart_with('hwr.cuda_library' => "$libraries/library_cpu.so");
ok($node->poll_query_until('postgres', q{SELECT state = 'service' AND name = 'imitation' AND memory = 1024 FROM hwr_devices WHERE backend = 'cuda'}),
	'the service has a GPU');
is($node->safe_psql('postgres', "SET hwr.device = cuda; $reading"), 'I^I_', 'it reads');
is($node->safe_psql('postgres', $reading), 'I^I_', 'auto uses it');
is($node->safe_psql('postgres', 'SELECT device, requests FROM hwr_service'), 'cuda|2', 'hwr_service');
is($node->safe_psql('postgres', qq{SELECT version FROM hwr_train('words', 'w', options => $options || '{"device": "cuda"}')}), 2,
	'training on it');
is($node->safe_psql('postgres', q{SELECT options ->> 'device' FROM hwr_model_details WHERE model = 'w' AND version = 2}), 'cuda',
	'the model tells');

# It breaks
my $pid = $node->safe_psql('postgres', 'SELECT pid FROM hwr_service');
append_to_file($broken, '');
sql_fails($node, "SET hwr.device = cuda; $reading;", '38000', 'GPU operation failed.*DETAIL:  The device is broken',
	'a broken device');
sql_fails($node, "SET hwr.device = cuda; $reading;", '55000', 'GPU is not available.*does not run at present',
	'while there is none');
is($node->safe_psql('postgres', $reading), 'I^I_', 'auto computes on the CPU');
ok($node->poll_query_until('postgres', "SELECT pid <> $pid FROM hwr_service"), 'the worker starts again');
is($node->safe_psql('postgres', $reading), 'I^I_', 'auto computes on the CPU where the service fails');
is($node->safe_psql('postgres', 'SELECT errors, in_use FROM hwr_service'), '2|0', 'hwr_service: errors');
unlink($broken);
ok($node->poll_query_until('postgres', 'SELECT pid IS NOT NULL FROM hwr_service'), 'the worker starts again');
is($node->safe_psql('postgres', "SET hwr.device = cuda; $reading"), 'I^I_', 'a repaired device');

restart_with('hwr.service_device' => 'none');
no_gpu_because('"hwr.service_device" is "none"', 'no service wanted', 0);

#
# HWR_CPU: what it names is used; what the processor does not know or have is ignored, and said once
#

my $driver = q{SELECT driver FROM hwr_devices WHERE backend = 'cpu'};
my $ignored = qr/WARNING:  environment variable "HWR_CPU" is ignored/;
my $best = do { local $ENV{HWR_CPU} = ''; restart_with(); $node->safe_psql('postgres', $driver) };
unlike(slurp_file($node->logfile), $ignored, 'HWR_CPU is empty');
like($best, qr/^[a-z0-9]+(, (bfloat16|int16))?(, int8)?$/, 'instructions and elements');
foreach my $value ('nonsense', 'PLAIN', ' plain')
{
	local $ENV{HWR_CPU} = $value;
	restart_with();
	is($node->safe_psql('postgres', $driver), $best, qq{HWR_CPU "$value" changes nothing});
	like(slurp_file($node->logfile), qr/$ignored\n.*DETAIL:  "$value" names no instructions.*\n.*HINT:  Values for this processor are plain/, 'and the log says so');
	is(scalar(() = slurp_file($node->logfile) =~ /$ignored/g), 1, 'once');
}
$node->append_conf('postgresql.conf', "shared_preload_libraries = ''");
foreach my $value ('nonsense', 'plain')
{
	my ($out, $err);
	my $forced = $node->safe_psql('postgres', "SELECT name FROM pg_settings WHERE name IN ('force_parallel_mode', 'debug_parallel_query')");

	local $ENV{HWR_CPU} = $value;
	$node->restart;
	$node->psql('postgres', "$driver;\nSET $forced = on;\n$reading;\n$reading;", stdout => \$out, stderr => \$err);
	is($out, ($value eq 'plain' ? 'plain' : $best) . "\nI^I_\nI^I_", qq{HWR_CPU "$value" where a session loads the library});
	is(scalar(() = $err =~ /$ignored/g), $value eq 'plain' ? 0 : 1, 'what the session is told');
}
$node->stop;
done_testing();
