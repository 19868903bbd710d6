# Trainings that are ended early, what they say of themselves, and what a screen shows

use strict;
use warnings;

use PostgreSQL::Test::Utils;
use Test::More;

use HwrTest;

my $node = new_server('control');

# The end of a training, now
$node->safe_psql('postgres', "SELECT job FROM hwr_train('words', 'early', options => $HwrTest::endless, wait => false)");
ok($node->poll_query_until('postgres', "SELECT count(*) > 0 FROM hwr_progress WHERE epoch > 3 AND cer IS NOT NULL AND validation_loss > 0 AND ends > now()"),
	'progress shows the last epoch, and when it will end');
my $job = $node->safe_psql('postgres', 'SELECT job FROM hwr_progress');
$node->safe_psql('postgres', 'CREATE ROLE stranger');
sql_fails($node, "SET ROLE stranger; SELECT hwr_finish($job)", '42501', "permission denied to finish training job $job",
	'a stranger');
is($node->safe_psql('postgres', "SELECT hwr_finish($job)"), 't', 'finished');
job_is($node, 'early', 'done');
is($node->safe_psql('postgres', "SELECT version, activated, message ~ '^finished on request; version 1 is activated', checkpoint_bytes > 1000 FROM hwr_job_details WHERE job = $job"),
	'1|t|t|t', 'its best epoch is a version');
is($node->safe_psql('postgres', "SELECT hwr_finish($job)"), 'f', 'there is nothing more to finish');
sql_fails($node, 'SELECT hwr_finish(99)', '42704', 'training job 99 does not exist', 'no such job');
like(slurp_file($node->logfile), qr/LOG:  role "[^"]+" asks to finish training job $job/, 'the log says who');

# It can go on, until its checkpoint is dropped
my $running = start_sql($node, "SELECT version FROM hwr_resume($job)");
job_is($node, 'early', 'running');
$node->poll_query_until('postgres', 'SELECT count(*) > 0 FROM hwr_progress WHERE step > 0');
$node->safe_psql('postgres', "SELECT hwr_finish($job)");
my ($out, $err) = finish_sql($running);
is($out, "2\n", 'it goes on, and is finished again');
like($err, qr/version 2 is (not )?activated: CER/, 'says what became of it');
sql_fails($node, "SET ROLE stranger; SELECT hwr_drop_checkpoint($job)", '42501', 'permission denied',
	'not a stranger\'s checkpoint');
$node->safe_psql('postgres', "SELECT hwr_drop_checkpoint($job)");
is($node->safe_psql('postgres', "SELECT checkpointed IS NULL, checkpoint_bytes IS NULL FROM hwr_job_details WHERE job = $job"),
	't|t', 'a checkpoint is dropped');
sql_fails($node, "SELECT * FROM hwr_resume($job)", '55000', "training job $job has nothing to go on with",
	'and the job cannot go on');
is($node->safe_psql('postgres', q{SELECT count(*) FROM pg_largeobject_metadata l WHERE NOT EXISTS (SELECT FROM hwr.version v WHERE v.weights = l.oid)}), '0', 'no large object is left');

# Ctrl-C: who, and how to go on
$running = start_sql($node, "SELECT * FROM hwr_train('words', 'stopped', options => $HwrTest::endless)");
$node->poll_query_until('postgres', 'SELECT count(*) > 0 FROM hwr_progress WHERE epoch > 1');
my $stopped = $node->safe_psql('postgres', 'SELECT job FROM hwr_progress');
$node->safe_psql('postgres', "SELECT hwr_cancel($stopped)");
($out, $err) = finish_sql($running);
like($err, qr/ERROR:  57014: training job $stopped was cancelled\nDETAIL:  Reason: cancelled on request, by hwr_cancel or pg_cancel_backend\.\nHINT:  What it has learned is kept. To go on: SELECT \* FROM hwr_resume\($stopped\);/,
	'a waiting client is told who cancelled, and how to go on');

# How long it will take
my ($rc, $stdout, $stderr) = $node->psql('postgres', q{SELECT * FROM hwr_train('words', 'slow', options =>
	'{"architecture": "[1,32,96,1 Cr3,3,8 Mp4,4 Cr3,3,16 Mp8,1 Lbx16", "epochs": 10000, "patience": 0, "max_minutes": 0.12}')});
is($rc, 0, 'trained for a time');
like($stderr, qr/WARNING:  10000 epochs will take about \S+ (s|min|h), but "max_minutes" is 0.12: about \d+ will be done/,
	'warned that its epochs will not fit');

# What a version has seen
$node->safe_psql('postgres', q{CREATE TABLE others (image bytea, label text);
\copy others (image, label) FROM PROGRAM 'tools/load-images --copy test/data/words.csv test/data/words'
DELETE FROM others o USING words w WHERE o.image = w.image;
DELETE FROM others WHERE ctid NOT IN (SELECT ctid FROM others LIMIT 50)});
($rc, $stdout, $stderr) = $node->psql('postgres', "SELECT model, version, images, overlap FROM hwr_evaluate('words', 'slow')");
is($stdout, 'slow|1|100|100', 'an evaluation says which version, and what it has seen');
like($stderr, qr/NOTICE:  100 of the 100 images are among those that the model was trained or validated on/, 'aloud');
is($node->safe_psql('postgres', "SELECT overlap FROM hwr_evaluate('others', 'slow')"), '0', 'nothing of another table');
is($node->safe_psql('postgres', "SELECT validation_data, evaluation_data, overlap FROM hwr_model_details WHERE model = 'slow'"),
	'public.words|public.others|0', 'validation and evaluation are told apart');
is($node->safe_psql('postgres', "SELECT overlap FROM hwr_evaluate('words', 'names')"), '0',
	'the bundled model knows its images too');
$node->safe_psql('postgres', "SELECT hwr_import_model(hwr_export_model('slow'), 'foreign')");
is($node->safe_psql('postgres', "SELECT overlap IS NULL FROM hwr_evaluate('words', 'foreign')"), 't', 'a file does not');
is($node->safe_psql('postgres', "SELECT count(*) FROM hwr_metrics('names') WHERE version IS NULL"), '2',
	'the bundled model has figures');
cmp_ok($node->safe_psql('postgres', "SELECT count(*) FROM hwr_confusions('names')"), '>', 20, 'and confusions');
is($node->safe_psql('postgres', q{SELECT bool_and(CASE WHEN truth = '' THEN error ~ '^".+" read, and not there$' WHEN guess = '' THEN error ~ '^".+" missed$'
	WHEN truth = guess THEN error IS NULL ELSE error ~ '^".+" read as ".+"$' END) FROM hwr_confusions('names')}), 't',
		'errors in words, blanks in quotes');

# On a screen of 120 columns
foreach my $view ('hwr_models', 'hwr_jobs', 'hwr_model_grants')
{
	my ($widest) = sort { $b <=> $a } map { length } split /\n/, join('', run_command([ 'psql', '-X', '-d',
		$node->connstr('postgres'), '-c', "SELECT * FROM $view" ]));

	cmp_ok($widest, '<=', 120, "$view fits");
	cmp_ok($widest, '>', 20, "$view shows something");
}
is($node->safe_psql('postgres', q{SELECT bool_and(length(cer::text) <= 6 AND length(loss::text) <= 8) FROM hwr_metrics()}), 't',
	'figures have few digits');

# Settings before the library is loaded
($rc, $stdout, $stderr) = $node->psql('postgres',
	"SET hwr.precision = 'foo'; SELECT count(hwr_recognize(image)) FROM words WHERE id = 1; SHOW hwr.precision");
like($stderr, qr/WARNING:  invalid value for parameter "hwr.precision": "foo"/,
	'a wrong value is noted when the library is loaded');
is($stdout, "1\nauto", 'and the default holds');

$node->stop('fast');
done_testing();
