# Recognition, measurement and model management over time: snapshots, concurrent changes, interrupts, memory,
# dump and restore, other encodings, a standby.
use strict;
use warnings FATAL => 'all';

use PostgreSQL::Test::Cluster;
use PostgreSQL::Test::Utils;
use Test::More;
use Time::HiRes qw(time);

my $node = PostgreSQL::Test::Cluster->new('main');
$node->init(allows_streaming => 1, extra => [ '--encoding=UTF8', '--locale=C' ]);
$node->start;

# The fixtures of the regression tests: stroke_model() and table strokes.
sub load_fixtures
{
	my ($server, $database) = @_;

	$server->psql($database, slurp_file('sql/setup.sql'), on_error_stop => 0);
}

my $reading = q{SELECT hwr_recognize(image, 'strokes') FROM strokes WHERE id = 3};

load_fixtures($node, 'postgres');
$node->safe_psql('postgres', q{SELECT hwr_import_model(stroke_model(), 'strokes')});
$node->safe_psql('postgres', q{SELECT hwr_import_model(stroke_model('{"alphabet": "abc"}'), 'strokes', false)});
is($node->safe_psql('postgres', $reading), 'I^I_', 'a version is read with');

#
# Snapshots
#
{
	my $steady = $node->background_psql('postgres');
	my $other = $node->background_psql('postgres');

	$steady->query_safe('BEGIN ISOLATION LEVEL REPEATABLE READ');
	is($steady->query_safe($reading), 'I^I_', 'repeatable read: version 1');
	$other->query_safe('SET client_min_messages = warning');	# standard error is no place for notices here
	$other->query_safe('BEGIN');
	$other->query_safe(q{SELECT hwr_activate_model('strokes', 2)});
	is($other->query_safe($reading), 'abac', 'the activating transaction sees version 2');
	is($node->safe_psql('postgres', $reading), 'I^I_', 'others do not before it commits');
	$other->query_safe('COMMIT');
	is($node->safe_psql('postgres', $reading), 'abac', 'others do after it commits');
	is($steady->query_safe($reading), 'I^I_', 'repeatable read keeps its version');
	$steady->query_safe('COMMIT');
	is($steady->query_safe($reading), 'abac', 'its next transaction takes the new one');

	# A version that is dropped while a snapshot needs it
	$steady->query_safe('BEGIN ISOLATION LEVEL REPEATABLE READ');
	is($steady->query_safe('SELECT count(*) FROM hwr_models'), '2', 'repeatable read sees two versions');
	$node->safe_psql('postgres', q{SELECT hwr_drop_model('strokes')});
	is($steady->query_safe($reading), 'abac', 'a dropped model can be read with under an older snapshot');
	$steady->query_safe('COMMIT');
	is( $steady->query_safe(q{SELECT outcome($$SELECT hwr_recognize(image, 'strokes') FROM strokes$$)}),
		'42704 model "strokes" does not exist', 'and is gone for the next one');
	$steady->quit;
	$other->quit;
}

#
# Versions stored at the same time
#
{
	my $one = $node->background_psql('postgres');
	my $two = $node->background_psql('postgres');

	$one->query_safe('BEGIN');
	is($one->query_safe(q{SELECT hwr_import_model(stroke_model(), 'strokes')}), '1', 'first import');
	$two->query_until(qr/started/, qq{\\echo started\nSELECT hwr_import_model(stroke_model(), 'strokes');\n});
	ok($node->poll_query_until('postgres',
		q{SELECT count(*) > 0 FROM pg_stat_activity WHERE wait_event_type = 'Lock' AND query LIKE '%hwr_import_model%'}),
		'the second import waits for the first');
	$one->query_safe('COMMIT');
	$two->quit;
	is($node->safe_psql('postgres', q{SELECT string_agg(version::text, ',' ORDER BY version) FROM hwr_models WHERE model = 'strokes'}),
		'1,2', 'and becomes the next version');
	$one->quit;
}

#
# Readers see one version or the other while it is being replaced.
#
{
	my $reader = "SELECT 1 / (hwr_recognize(image, 'strokes') IN ('I^I_', 'abac'))::integer FROM strokes WHERE id = 3;\n";
	my $writer = join '',
	  map { "SELECT hwr_import_model(stroke_model('{\"alphabet\": \"$_\"}'), 'strokes');\nSELECT pg_sleep(0.002);\n" }
	  ('abc', 'I^_');

	$node->pgbench('--no-vacuum --client=3 --transactions=150', 0,
		[qr{processed: 450/450}], [qr{^$}],
		'recognition while the model is replaced',
		{ '001_read@4' => $reader, '001_write@1' => $writer });
}

#
# Interrupts
#
$node->safe_psql('postgres', q{
	CREATE TABLE heap AS SELECT array_agg(image) AS images FROM strokes, generate_series(1, 25000);
});
{
	my $all = q{SELECT array_length(hwr_recognize_batch(images, 'strokes'), 1) FROM heap};
	my $start = time;
	my ($ret, $stdout, $stderr);

	is($node->safe_psql('postgres', $all), '200000', 'an array of 200,000 images');
	my $whole = time - $start;

	$start = time;
	$ret = $node->psql('postgres', sprintf('SET statement_timeout = %d; %s', 1000 * $whole / 8, $all),
		stdout => \$stdout, stderr => \$stderr);
	isnt($ret, 0, 'statement_timeout ends recognition');
	like($stderr, qr/canceling statement due to statement timeout/, 'with its error');
	cmp_ok(time - $start, '<', 0.75 * $whole, 'long before the array is done');

	my $session = $node->background_psql('postgres', on_error_stop => 0);
	my $pid = $session->query_safe('SELECT pg_backend_pid()');
	$session->query_until(qr/started/, "\\echo started\n$all;\n");
	$node->poll_query_until('postgres', "SELECT state = 'active' FROM pg_stat_activity WHERE pid = $pid");
	is($node->safe_psql('postgres', "SELECT pg_cancel_backend($pid)"), 't', 'a cancel request');
	is($session->query($reading), 'I^I_', 'and the session goes on to read');
	like($session->{stderr}, qr/canceling statement due to user request/, 'after the error');
	$session->quit;
}

#
# Memory of a session
#
SKIP:
{
	skip 'no /proc', 1 unless -r "/proc/$$/status";
	my $rss = q{SELECT (regexp_match(pg_read_file('/proc/' || pg_backend_pid() || '/status'), 'VmRSS:\s*(\d+)'))[1]};
	my $session = $node->background_psql('postgres');
	my $twenty_thousand = q{SELECT count(hwr_recognize(image, 'strokes')) FROM strokes, generate_series(1, 2500)};
	my $failures = q{SELECT count(outcome($$SELECT hwr_recognize('\x89504e470d0a1a0a'::bytea, 'strokes')$$)) FROM generate_series(1, 1000)};

	$session->query_safe($_) for ($twenty_thousand, $failures);
	my $before = $session->query_safe($rss);
	$session->query_safe($_) for ($twenty_thousand, $failures);
	my $growth = $session->query_safe($rss) - $before;
	cmp_ok($growth, '<', 2048, "20,000 recognitions leave no memory behind ($growth kB)");
	$session->quit;
}

#
# Dump and restore keep models, owners, grants and measurements.
#
{
	my $dump = $node->basedir . '/dump.sql';
	my $state = q{
		SELECT model, version, active, owner, hwr_export_model(model, version) = stroke_model() FROM hwr_models ORDER BY 1, 2;
		SELECT model, split, images, cer FROM hwr_metrics('kept');
		SELECT truth, guess, count FROM hwr_confusions('kept');
	};

	$node->safe_psql('postgres', q{
		DROP TABLE heap;
		SELECT hwr_drop_model('strokes');
		CREATE ROLE owner;
		CREATE ROLE reader;
		GRANT SELECT ON strokes TO owner, reader;
		GRANT EXECUTE ON FUNCTION hwr_import_model, hwr_activate_model, hwr_evaluate TO owner;
		SET ROLE owner;
		SELECT hwr_import_model(stroke_model(), 'kept');
		SELECT hwr_import_model(stroke_model(), 'kept');
		SELECT hwr_activate_model('kept', 1);
		SELECT images FROM hwr_evaluate('strokes', 'kept');
		DO $$ BEGIN EXECUTE format('GRANT SELECT ON LARGE OBJECT %s TO reader', (SELECT weights FROM hwr_model_details WHERE active)); END $$;
	});
	my $before = $node->safe_psql('postgres', $state);
	like($before, qr/^kept\|1\|t\|owner\|t$/m, 'state before the dump');

	$node->command_ok([ 'pg_dump', '--file', $dump, $node->connstr('postgres') ], 'pg_dump');
	$node->safe_psql('postgres', 'CREATE DATABASE restored TEMPLATE template0');
	$node->command_ok([ 'psql', '--no-psqlrc', '--quiet', '--set', 'ON_ERROR_STOP=1', '--output', '/dev/null',
			'--file', $dump, $node->connstr('restored') ], 'restore');
	is($node->safe_psql('restored', $state), $before, 'state after the restore');
	is($node->safe_psql('restored', q{SET ROLE reader; SELECT hwr_recognize(image, 'kept') FROM strokes WHERE id = 3}),
		'I^I_', 'a grant still holds');
	is($node->safe_psql('restored', q{SET ROLE owner; SELECT hwr_import_model(stroke_model(), 'kept')}), '3',
		'the next version follows');
	$node->command_ok([ 'vacuumlo', $node->connstr('restored') ], 'vacuumlo');
	is($node->safe_psql('restored', q{SELECT hwr_recognize(image, 'kept') FROM strokes WHERE id = 3}),
		'I^I_', 'vacuumlo leaves the weights alone');
	$node->safe_psql('restored', 'REASSIGN OWNED BY owner TO reader');
	is($node->safe_psql('restored', q{SELECT DISTINCT owner FROM hwr_models}), 'reader', 'REASSIGN OWNED moves models');
}

#
# Another encoding than the core's UTF-8
#
{
	$node->safe_psql('postgres', q{CREATE DATABASE latin TEMPLATE template0 ENCODING 'LATIN1' LOCALE 'C'});
	load_fixtures($node, 'latin');
	$node->safe_psql('latin', q{SELECT hwr_import_model(stroke_model('{"alphabet": "I\u00c4\u00dc"}'), 'strokes')});
	is($node->safe_psql('latin', q{SELECT hwr_recognize(image, 'strokes') = E'I\xc4I\xdc' FROM strokes WHERE id = 3}),
		't', 'a reading comes in LATIN1');
	is($node->safe_psql('latin', q{SELECT alphabet = E'I\xc4\xdc' FROM hwr_model_details}), 't', 'so does the alphabet');
	is($node->safe_psql('latin', q{
			UPDATE strokes SET label = translate(label, '^_', E'\xe4\xfc');
			SELECT images, cer FROM hwr_evaluate('strokes', 'strokes')}), '7|0', 'labels come in LATIN1 too');
	is($node->safe_psql('latin', q{SELECT count(*) > 2 FROM hwr_confusions('strokes') WHERE truth = guess}), 't', 'and confusions');
	is($node->safe_psql('latin', q{SELECT count(*) > 1, bool_or(alphabet LIKE '%?%') FROM hwr_bundled_model_details}), 't|t',
		'and what comes with hwr, whose alphabet is larger');

	# Characters that LATIN1 lacks: the model has them, and people see question marks.
	my $wide = $node->safe_psql('postgres', q{SELECT encode(stroke_model('{"alphabet": "I\u0153\u0161"}'), 'hex')});
	$node->safe_psql('latin', "SELECT hwr_import_model(decode('$wide', 'hex'), 'wide')");
	is($node->safe_psql('latin', q{SELECT alphabet FROM hwr_model_details WHERE model = 'wide'}), 'I??', 'an alphabet that is larger');
	my $line = q{(SELECT image FROM strokes WHERE id = 3)};
	foreach my $reads (
		"hwr_recognize($line, 'wide')",
		"(hwr_recognize_batch(ARRAY[$line], 'wide'))[1]",
		"(SELECT text FROM hwr_read_batch(ARRAY[$line], 'wide') WHERE problem IS NULL)",
		"(SELECT text FROM hwr_recognize_nbest($line, 20, 'wide') WHERE rank = 1)",
		"(SELECT string_agg(c->>'char', '') FROM hwr_recognize_nbest($line, 1, 'wide'), jsonb_array_elements(characters) c)",
		"hwr_text(hwr_posterior($line, 'wide'))",
		"(SELECT string_agg(\"char\", '' ORDER BY \"position\") FROM hwr_places(hwr_posterior($line, 'wide')))",
		q{(SELECT guess FROM hwr_readings('strokes', 'wide') WHERE "row" = 3)})
	{
		is($node->safe_psql('latin', "SELECT $reads"), 'I?I?', "$reads reads what it can");
	}
	is($node->safe_psql('latin', "SELECT characters FROM hwr_posterior_info(hwr_posterior($line, 'wide'))"), 'I??', 'a posterior has them');
	is($node->safe_psql('latin', q{
			UPDATE strokes SET label = translate(label, E'\xe4\xfc', 'xx');
			SELECT images > 0 FROM hwr_evaluate('strokes', 'wide')}), 't', 'measured');
	is($node->safe_psql('latin', q{SELECT count(*), sum(count) > 2 FROM hwr_confusions('wide') WHERE truth = 'X' AND guess = '?'}), '1|t',
		'confusions with either are one');
	like($node->safe_psql('latin', q{SELECT hwr_report('wide', 'strokes')}), qr{>\?</i>}, 'a report');
	is($node->safe_psql('latin', q{SELECT count(*) FROM hwr_review('strokes', 'wide')}) > 0, 1, 'a review');

	# The file has what the column lacks.
	$node->safe_psql('latin', q{SELECT hwr_import_model(hwr_export_model('latin'), 'copy')});
	is($node->safe_psql('latin', q{SELECT hwr_export_model('copy') = hwr_export_model('latin')}), 't', 'a model is stored as it is');
	is($node->safe_psql('latin', q{SELECT hwr_recognize(image, 'copy') = hwr_recognize(image, 'latin') FROM strokes WHERE id = 3}), 't', 'and reads as it does');
	is($node->safe_psql('latin', q{
			DELETE FROM strokes WHERE label = '';
			SELECT version FROM hwr_train('strokes', 'ours', options => '{"base": "wide", "epochs": 1, "validation_fraction": 0, "threads": 1}')}), '1', 'a training from it is stored');
	is($node->safe_psql('latin', q{SELECT alphabet FROM hwr_model_details WHERE model = 'ours'}), 'IX??', 'with the base\'s characters');
	$node->safe_psql('latin', q{SELECT hwr_make_ensemble('both', '{wide,ours}')});
	is($node->safe_psql('latin', "SELECT hwr_recognize($line, 'both')"), 'I?I?', 'an ensemble too');
}

#
# A standby
#
{
	$node->backup('standby');
	my $standby = PostgreSQL::Test::Cluster->new('standby');
	my ($ret, $stdout, $stderr);

	$standby->init_from_backup($node, 'standby', has_streaming => 1);
	$standby->start;
	$node->wait_for_catchup($standby);
	is($standby->safe_psql('postgres', q{SELECT hwr_recognize(image, 'kept') FROM strokes WHERE id = 3}), 'I^I_',
		'a standby reads');
	is($standby->safe_psql('postgres', q{
			SET parallel_setup_cost = 0; SET parallel_tuple_cost = 0; SET min_parallel_table_scan_size = 0;
			SET parallel_leader_participation = off;
			SELECT count(*) FROM strokes WHERE hwr_recognize(image, 'kept') = label}), '8', 'in parallel too');
	is($standby->safe_psql('postgres', q{SELECT count(*) FROM hwr_models}), '2', 'it lists models');
	is($standby->safe_psql('postgres', q{SELECT hwr_export_model('kept') = stroke_model()}), 't', 'it exports them');
	for my $call (q{hwr_activate_model('kept', 2)}, q{hwr_drop_model('kept')}, q{hwr_import_model(stroke_model(), 'kept')},
		q{hwr_evaluate('strokes', 'kept')})
	{
		my ($name) = $call =~ /^(\w+)/;

		$ret = $standby->psql('postgres', "SELECT $call", stdout => \$stdout, stderr => \$stderr);
		like($stderr, qr/cannot execute $name\(\) in a read-only transaction/, "$name is refused on a standby");
	}
	$node->safe_psql('postgres', q{SELECT hwr_import_model(stroke_model('{"alphabet": "abc"}'), 'kept', activate => true)});
	$node->wait_for_catchup($standby);
	is($standby->safe_psql('postgres', q{SELECT hwr_recognize(image, 'kept') FROM strokes WHERE id = 3}), 'abac',
		'a new version reaches the standby');
	$standby->stop;
}

$node->stop;
done_testing();
