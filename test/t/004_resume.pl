# Trainings that are stopped and go on, and what a waiting client is told

use strict;
use warnings;

use PostgreSQL::Test::Utils;
use Test::More;

use HwrTest;

my $node = new_server('resume');
my $epochs = 100;
my $options = qq('{"architecture": "[1,32,96,1 Cr3,3,8 Mp4,4 Do 0.2 Cr3,3,16 Mp8,1 Lbx16", "epochs": $epochs, "threads": 2, "average": 0.3, "shortcut": 0.1,
	"checkpoint_minutes": 0.008}');

sub newest_job
{
	my ($model) = @_;
	return $node->safe_psql('postgres', "SELECT max(job) FROM hwr_job_details WHERE model = '$model'");
}

# A job that has a checkpoint and is not near its end
sub start_training
{
	my ($model, $with) = @_;
	$with //= $options;
	$node->safe_psql('postgres', "SELECT * FROM hwr_train('words', '$model', options => $with, wait => false)");
	ok($node->poll_query_until('postgres',
		"SELECT count(*) > 0 FROM hwr_job_details WHERE model = '$model' AND epoch > 2 AND checkpointed IS NOT NULL"),
		"$model is training and has a checkpoint");
	return newest_job($model);
}

sub weights
{
	my ($model) = @_;
	return $node->safe_psql('postgres', "SELECT md5(hwr_export_model('$model'))");
}

sub resumed_like_whole
{
	my ($model, $job) = @_;

	is($node->safe_psql('postgres', "SELECT job, model, version, epochs FROM hwr_resume($job)"), "$job|$model|1|$epochs",
		"$model goes on to its end");
	is(weights($model), weights('whole'), "$model is the model of a training that was not stopped");
	is($node->safe_psql('postgres', "SELECT count(*), min(epoch), max(epoch) FROM hwr_history('$model')"), "$epochs|1|$epochs",
		"$model has every epoch once");
	is($node->safe_psql('postgres', "SELECT state, split_part(message, ';', 1), checkpointed FROM hwr_job_details WHERE job = $job"), 'done|all epochs done|', "the job of $model is done");
	is($node->safe_psql('postgres', "SELECT count(*) FROM hwr.job WHERE checkpoint IS NOT NULL"), '0', 'its checkpoint is gone');
}

my ($rc, $out, $err) = $node->psql('postgres', "SELECT * FROM hwr_train('words', 'whole', options => $options)");
is($rc, 0, 'trained without a stop');
like($err, qr/NOTICE:  average of the last steps \(\d+ snapshots\) val +[0-9.]+ CER +[0-9.]+ %/, 'the average is reported');

# A failed one is told before its worker is gone: it can be dropped or resumed at once all the same.
$node->safe_psql('postgres', "CREATE TABLE unusable AS SELECT image, '' AS label FROM words");
($rc, $out, $err) = $node->psql('postgres', "SELECT * FROM hwr_train('unusable', 'unusable');\nSELECT hwr_drop_job(max(job)) FROM hwr_jobs;\n" x 5, on_error_stop => 0);
is(() = $err =~ /too many unusable rows/g, 5, 'trainings fail');
unlike($err, qr/is running/, 'and their jobs are dropped at once');

# Cancelled
my $job = start_training('cancelled');
sql_fails($node, "SELECT hwr_resume($job)", '55006', "training job $job is running", 'resuming a running job');
sql_fails($node, "SELECT hwr_drop_job($job)", '55006', "training job $job is running", 'dropping a running job');
is($node->safe_psql('postgres', "SELECT hwr_cancel($job)"), 't', 'cancelled');
job_is($node, 'cancelled', 'cancelled');
is($node->safe_psql('postgres', "SELECT count(*) FROM hwr_models WHERE model = 'cancelled'"), '0', 'a checkpoint is no model');
is($node->safe_psql('postgres', 'SELECT count(*) FROM hwr_orphans()'), '0', 'nor an orphan');
# Columns that the table has got since are not its concern.
$node->safe_psql('postgres', 'ALTER TABLE words ADD remark text');
# Nor is what the table is called now.
$node->safe_psql('postgres', 'ALTER TABLE words RENAME TO words_now; CREATE SCHEMA elsewhere; ALTER TABLE words_now SET SCHEMA elsewhere');
resumed_like_whole('cancelled', $job);
$node->safe_psql('postgres', 'ALTER TABLE elsewhere.words_now SET SCHEMA public; ALTER TABLE words_now RENAME TO words; ALTER TABLE words DROP remark');
sql_fails($node, "SELECT hwr_resume($job)", '55000', "training job $job has nothing to go on with",
	'resuming a job that is done');

# Cancelled while an epoch that is done waits to be written down
my $waiting = q(SELECT l.virtualtransaction FROM pg_locks l JOIN hwr.job j ON l.pid = j.pid
	WHERE j.model = 'waiting' AND NOT l.granted AND l.relation = 'hwr.history'::regclass);
my $locker = $node->background_psql('postgres');
$job = start_training('waiting');
$locker->query_safe('BEGIN; LOCK TABLE hwr.history IN SHARE MODE');
ok($node->poll_query_until('postgres', "SELECT EXISTS ($waiting)"), 'an epoch waits to be written down');
my $transaction = $node->safe_psql('postgres', $waiting);
is($node->safe_psql('postgres', "SELECT hwr_cancel($job)"), 't', 'cancelled while it waits');
ok($node->poll_query_until('postgres', "SELECT '$transaction' NOT IN ($waiting)"), 'what waited is undone');
$locker->query_safe('COMMIT');
$locker->quit;
job_is($node, 'waiting', 'cancelled');
resumed_like_whole('waiting', $job);

# The server crashes
$job = start_training('crashed');
$node->stop('immediate');
$node->start;
job_is($node, 'crashed', 'interrupted');
resumed_like_whole('crashed', $job);

# The worker is terminated; the data change before it goes on
$job = start_training('changed');
$node->safe_psql('postgres', "SELECT pg_terminate_backend(pid) FROM hwr_job_details WHERE job = $job");
job_is($node, 'changed', 'interrupted');
$node->safe_psql('postgres', 'CREATE TABLE kept AS SELECT * FROM words WHERE id = 50; DELETE FROM words WHERE id = 50');
sql_fails($node, "SELECT hwr_resume($job)", '22000', 'the training data has changed since the checkpoint', 'other rows');
job_is($node, 'changed', 'failed');
$node->safe_psql('postgres', 'CREATE ROLE stranger; GRANT EXECUTE ON FUNCTION hwr_resume, hwr_drop_job TO stranger');
sql_fails($node, "SET ROLE stranger; SELECT hwr_resume($job)", '42501', "permission denied to resume training job $job",
	'resuming as a stranger');
sql_fails($node, "SET ROLE stranger; SELECT hwr_drop_job($job)", '42501', "permission denied to drop training job $job",
	'dropping as a stranger');
$node->safe_psql('postgres', "SELECT hwr_drop_job($job)");
is($node->safe_psql('postgres', "SELECT count(*) FROM hwr_job_details WHERE job = $job"), '0', 'the job is dropped');
sql_fails($node, "SELECT hwr_resume($job)", '42704', "training job $job does not exist", 'and cannot go on');

# A time limit is raised
is($node->safe_psql('postgres', "SELECT epochs < $epochs FROM hwr_train('words', 'short', options => ${options}::jsonb || '{\"max_minutes\": 0.005}')"),
	't', 'a time limit ends a training');
$job = newest_job('short');
is($node->safe_psql('postgres', "SELECT job, version, epochs FROM hwr_resume($job, 60)"), "$job|2|$epochs",
	'with more time it goes on');
is($node->safe_psql('postgres', 'SELECT count(*) FROM pg_largeobject_metadata l WHERE NOT EXISTS (SELECT FROM hwr.version WHERE weights = l.oid)'),
	'0', 'no large object is left behind');

# A base's language model and card are the model's, stopped or not
my $base = $options . q(::jsonb || '{"language_model": "labels", "epochs": 30, "validation_fraction": 0.3, "licence": "CC0-1.0"}');
my $based = qq('{"base": "base", "epochs": 60, "threads": 2, "validation_fraction": 0.3, "checkpoint_minutes": 0.008}');
my $inside = sub {
	my ($model) = @_;
	return $node->safe_psql('postgres', qq(SELECT position('HWLM'::bytea IN hwr_export_model('$model')) > 0, card->>'licence' FROM hwr_model_details WHERE model = '$model'));
};
$node->safe_psql('postgres', "SELECT * FROM hwr_train('words', 'base', options => $base)");
is($inside->('base'), 't|CC0-1.0', 'a base with a language model and a licence');
$node->safe_psql('postgres', "SELECT * FROM hwr_train('words', 'based', options => $based)");
is($inside->('based'), 't|CC0-1.0', 'a training from it has both');
$job = start_training('stopped', $based);
is($node->safe_psql('postgres', "SELECT hwr_cancel($job)"), 't', 'cancelled');
job_is($node, 'stopped', 'cancelled');
$node->safe_psql('postgres', "SELECT hwr_resume($job)");
is($inside->('stopped'), 't|CC0-1.0', 'so has one that was stopped');
is(weights('stopped'), weights('based'), 'and the same values');
$job = start_training('orphaned', $based);
is($node->safe_psql('postgres', "SELECT hwr_cancel($job)"), 't', 'cancelled');
job_is($node, 'orphaned', 'cancelled');
$node->safe_psql('postgres', "SELECT hwr_drop_model('base')");
($rc, $out, $err) = $node->psql('postgres', "SELECT hwr_resume($job)");
is($rc, 0, 'it goes on where its base is gone');
like($err, qr/WARNING:  training job $job goes on without its base model\nDETAIL:  model "base" does not exist\nHINT:  /, 'and says so');
is($inside->('orphaned'), 'f|', 'without what the base would have given');

# What the client is told: why a version is not activated, why nothing is read
my $stuck = qq('{"architecture": "[1,32,96,1 Cr3,3,4 Mp4,4 Mp8,1 Lbx4", "epochs": 12, "learning_rate": 1e-9, "augment": 0, "threads": 1}');
($rc, $out, $err) = $node->psql('postgres', "SELECT * FROM hwr_train('words', 'cancelled', options => $stuck)");
is($rc, 0, 'a stuck training ends');
like($err, qr/NOTICE:  the training loss no longer falls\nHINT:  /, 'it is told to be stuck');
is(() = $err =~ /the training loss no longer falls/g, 1, 'once');
like($err, qr/NOTICE:  version 2 is (not )?activated: (CER|exact match) [0-9.]+ % against [0-9.]+ % of version 1 on the same \d+ images/, 'why a version is activated or not');

$node->stop('fast');
done_testing();
