# What readers get neither changes nor vanishes in silence

use strict;
use warnings;

use PostgreSQL::Test::Utils;
use Test::More;

use HwrTest;

my $node = new_server('silence');
my $timed = q('{"architecture": "[1,32,96,1 Cr3,3,8 Mp4,4 Cr3,3,16 Mp8,1 Lbx16", "epochs": 10000, "patience": 0, "max_minutes": 0.02}');
my $reads = "SELECT md5(string_agg(hwr_recognize(image, '%s'), ',' ORDER BY id)) FROM words";

# Standard error of statements that succeed
sub notices
{
	my ($sql, $name) = @_;
	my ($rc, $out, $err) = $node->psql('postgres', $sql, on_error_stop => 1);

	is($rc, 0, $name) or diag($err);
	return $err;
}

sub reading
{
	my ($model) = @_;
	return $node->safe_psql('postgres', sprintf($reads, $model));
}

# A bad training of "default" does not take the bundled model's place
my $bundled = reading('default');
my $err = notices("SELECT * FROM hwr_train('words', options => $HwrTest::tiny)", 'a bad training of default');
like($err, qr/NOTICE:  version 1 is not activated: CER [0-9.]+ % against [0-9.]+ % of the bundled model on the same \d+ images, \d+ read better and \d+ worse, difference between \S+ and \S+ % \(95 %\)\nHINT:  .*hwr_activate_model\('default', 1\)/,
	'says that it is not activated, and why');
is(reading('default'), $bundled, 'readers get what they got before');
is($node->safe_psql('postgres', "SELECT activated, message ~ 'not activated: CER' FROM hwr_job_details"), 'f|t',
	'the job says so as well');
is($node->safe_psql('postgres', "SELECT active FROM hwr_bundled_models WHERE model = 'default'"), 't',
	'the bundled model is active');
is($node->safe_psql('postgres', "CREATE ROLE reader; GRANT SELECT ON words TO reader; SET ROLE reader; " . sprintf($reads,
	'default')), $bundled, 'for others too');
$err = notices("SELECT * FROM hwr_train('words', options => $HwrTest::tiny, activate => 'always')", 'activated as asked');
like($err, qr/NOTICE:  version 2 is activated: as asked\nDETAIL:  It takes the place of the bundled model, which everyone may use.\nHINT:  .*hwr_grant_model\('default', 'public'\).*hwr_activate_model\('default', NULL\)/,
	'says what it replaces, and how to go back');
isnt(reading('default'), $bundled, 'readers get it');
$err = notices("SELECT hwr_activate_model('default', NULL)", 'back to the bundled model');
like($err, qr/NOTICE:  the bundled version of model "default" is active and stays so until another is chosen\nDETAIL:  Before, it was version 2\./, 'says so');
is(reading('default'), $bundled, 'readers get the bundled one again');
$err = notices("SELECT * FROM hwr_train('words', options => $HwrTest::tiny)", 'trained after a choice');
like($err, qr/version 3 is not activated: the bundled model has been chosen and stays; CER/, 'the choice stays');
is(reading('default'), $bundled, 'and readers get it');

# A better one does take its place: the bundled model writes no digits
$node->safe_psql('postgres', "CREATE TABLE strange AS SELECT image, translate(upper(label), 'ABCDEFGHIJKLMNOPQRSTUVWXYZ-'' ', repeat('7', 29)) AS label FROM words");
$err = notices(q{SELECT * FROM hwr_train('strange', 'names', options => '{"architecture": "[1,32,96,1 Cr3,3,8 Bn Mp4,4 Cr3,3,16 Bn Mp8,1 Lbx16", "epochs": 60, "batch_size": 8, "learning_rate": 0.01, "validation_fraction": 0.3, "augment": 0}')},
	'a training for other writing');
like($err, qr/NOTICE:  version 1 is activated: CER [0-9.]+ % against 1[0-9.]+ % of the bundled model/,
	'takes the place of a bundled model that is worse');

# Labels that the network learns otherwise than they stand there: invisible characters are left out, and
# letters are learned in the order of their ink
$node->safe_psql('postgres', q{CREATE TABLE odd AS SELECT image, CASE WHEN id = 1 THEN U&'\05E9\05DC\05D5\05DD' WHEN id < 4 THEN U&'\FEFF' || label ELSE label END AS label
	FROM words});
$err = notices("SELECT * FROM hwr_train('odd', 'odd', options => $HwrTest::tiny)", 'a training on odd labels');
like($err, qr/NOTICE:  invisible characters of 2 labels were left out\n/, 'invisible characters are told');
like($err, qr/NOTICE:  1 label has letters that are written from right to left\nDETAIL:  The network reads from left to right: it learns such labels in the order of their ink\./, 'the direction too');
is($node->safe_psql('postgres', q{SELECT strpos(alphabet, U&'\FEFF') FROM hwr_model_details WHERE model = 'odd'}), '0',
	'they are no classes');

# Too wide, for a width that was chosen or for any
$node->safe_psql('postgres', q{CREATE TABLE wide AS SELECT image, label FROM words;
	UPDATE wide SET image = hwr_crop(image, polygon(box '(0,0.1),(2000,2)')) WHERE ctid IN (SELECT ctid FROM wide LIMIT 2)});
foreach my $width ([ 96, '\[1,height,0,1 takes' ], [ 0, 'No network takes more than 4096 columns\. Cut' ])
{
	$err = notices(qq{SELECT * FROM hwr_train('wide', 'wide', options => '{"architecture": "[1,32,$width->[0],1 Cr3,3,8 Mp4,4 Cr3,3,16 Mp8,1 Lbx16", "epochs": 1}')}, "width $width->[0]");
	like($err, qr/NOTICE:  [0-9]+ images are wider than the network's input and were squeezed\nHINT:  [A-Za-z ]*$width->[1]/, 'the hint is one for this network');
}

# Without validation images nothing is known
$err = notices(q{SELECT * FROM hwr_train('words', 'names', options => '{"architecture": "[1,32,96,1 Cr3,3,8 Mp4,4 Cr3,3,16 Mp8,1 Lbx16", "epochs": 1, "validation_fraction": 0}')}, 'trained without validation');
like($err, qr/version 2 is not activated: there are no validation images on which to compare it with version 1/, 'not activated');

# A rollback sticks
load_golden($node, 'kept');
my $good = reading('kept');
$err = notices("SELECT * FROM hwr_train('words', 'kept', options => $timed, activate => 'always')", 'out of time');
like($err, qr/version 2 is activated: as asked/, 'version 2 is active');
$err = notices("SELECT hwr_activate_model('kept', 1)", 'rolled back');
like($err, qr/version 1 of model "kept" is active and stays so until another is chosen\nDETAIL:  Before, it was version 2\./,
	'says so');
is($node->safe_psql('postgres', "SELECT string_agg(version || ' ' || active || ' ' || chosen, ', ' ORDER BY version) FROM hwr_models WHERE model = 'kept'"),
	'1 true true, 2 false false', 'it shows as chosen');
my $job = $node->safe_psql('postgres', "SELECT max(job) FROM hwr_job_details WHERE model = 'kept'");
sql_fails($node, "SELECT * FROM hwr_resume($job)", '55000',
	"training job $job has nothing to go on with.*used up its \"max_minutes\", 0.02.*hwr_resume\\($job, max_minutes => 0.04\\)",
	'there is nothing to resume');
sql_fails($node, "SELECT * FROM hwr_resume($job, 0.01)", '55000', 'nothing to go on with', 'nor with less time');
$err = notices("UPDATE hwr.job SET activate = 'auto' WHERE id = $job; SELECT * FROM hwr_resume($job, 0.04)",
	'resumed with more time');
like($err, qr/version 3 is not activated: version 1 has been chosen and stays; CER/, 'the twin is not activated');
is($node->safe_psql('postgres', "SELECT options->>'max_minutes' FROM hwr_job_details WHERE job = $job"), '0.04',
	'the job shows its limit');
is(reading('kept'), $good, 'readers get the chosen version');
$err = notices("SELECT hwr_import_model(file, 'kept') FROM golden", 'imported');
like($err, qr/NOTICE:  version 4 of model "kept" is stored, and readers still get version 1, which had been chosen\nHINT:  .*hwr_activate_model\('kept', 4\)/,
	'an import leaves what was chosen');
is(reading('kept'), $good, 'for readers too');
$err = notices("SELECT hwr_import_model(file, 'kept', activate => true) FROM golden", 'imported to be active');
like($err, qr/NOTICE:  version 5 of model "kept" is active instead of version 1, which had been chosen/,
	'it says what it replaces');
notices("SELECT hwr_activate_model('kept', 1, keep => false)", 'activated, not kept');
is($node->safe_psql('postgres', "SELECT version, chosen FROM hwr_models WHERE model = 'kept' AND active"), '1|f',
	'the next training may take its place');

# A twin is no better than the active version
my $same = q('{"architecture": "[1,32,96,1 Cr3,3,8 Bn Mp4,4 Cr3,3,16 Bn Mp8,1 Lbx16", "epochs": 15, "threads": 1, "seed": %d, "validation_fraction": 0.3}');
notices("SELECT * FROM hwr_train('words', 'twin', options => " . sprintf($same, 1) . ')', 'a first version');
$err = notices("SELECT * FROM hwr_train('words', 'twin', options => " . sprintf($same, 1) . ')', 'the same again');
like($err, qr/version 2 is not activated: CER ([0-9.]+) % against \1 % of version 1 on the same \d+ images, 0 read better and 0 worse, difference between 0.00 and 0.00 % \(95 %\), which can be chance/,
	'a twin is not activated');

# DROP EXTENSION warns in a session that has not loaded the library, and only of hwr
$node->safe_psql('postgres', "CREATE ROLE owner; CREATE ROLE clerk; GRANT EXECUTE ON FUNCTION hwr_import_model, hwr_grant_model, hwr_activate_model TO owner");
$node->safe_psql('postgres', "GRANT SELECT ON golden TO owner; SET ROLE owner; SELECT hwr_import_model(file, 'owned') FROM golden; SELECT hwr_grant_model('owned', 'clerk')");
my $objects = 'SELECT count(*), sum(length(lo_get(oid))), count(lomacl) FROM pg_largeobject_metadata';
my $versions = "SELECT model, version, owner, hash FROM hwr_model_details ORDER BY model, version";
my $before = $node->safe_psql('postgres', $versions);
$node->safe_psql('postgres', "SELECT lo_from_bytea(0, 'something else')");
my $all = $node->safe_psql('postgres', $objects);
my $models = $node->safe_psql('postgres', 'SELECT count(*) FROM hwr_models');
my $checkpoints = $node->safe_psql('postgres', 'SELECT count(checkpoint) FROM hwr.job');
cmp_ok($checkpoints, '>', 0, 'there is a checkpoint');
$err = notices('BEGIN; DROP EXTENSION hwr; ROLLBACK', 'dropped in a session of its own');
like($err, qr/WARNING:  DROP EXTENSION leaves the weights of $models model version\(s\) and $checkpoints checkpoint\(s\), as large objects\nHINT:  .*hwr_rescue\(\).*hwr_uninstall\(\)/, 'warns');
is(notices("DROP EXTENSION IF EXISTS nothing", 'another extension') =~ s/.*does not exist, skipping\n?//r, '',
	'says nothing of others');

# The documented rescue, pasted whole, loses nothing
$node->safe_psql('postgres', 'DROP EXTENSION hwr; CREATE EXTENSION hwr');
is($node->safe_psql('postgres', 'SELECT kind, count(*), count(model), count(version) FROM hwr_orphans() GROUP BY kind ORDER BY kind'),
	"checkpoint|$checkpoints|0|0\nmodel|$models|$models|$models", 'orphans have a kind, and models their names');
my $damaged = $node->safe_psql('postgres', q{SELECT lo_from_bytea(0, overlay(lo_get(weights) PLACING '\xffffffff' FROM (octet_length(lo_get(weights)) - 3)))
	FROM hwr_orphans() WHERE model = 'owned'});
my ($rc, $out, $stderr) = $node->psql('postgres', 'SELECT * FROM hwr_rescue()');
is($rc, 0, 'rescued');
like($stderr, qr/NOTICE:  $models model version\(s\) are stored again; none of them has been made active\nDETAIL:  Until then readers .*\nHINT:  Choose with hwr_activate_model/, 'says how many');
like($out, qr/^\d+\|checkpoint\|\|\|\w+\|its training job is gone$/m, 'a checkpoint cannot be stored');
like($out, qr/^$damaged\|model\|rescued_$damaged\|\|\w+\|\S+/m, 'a damaged file stays, and why');
is($node->safe_psql('postgres', $versions), $before, 'all versions are there, with names, numbers and owners');
is($node->safe_psql('postgres', "SELECT count(*) FROM hwr_models WHERE active"), '0', 'none is active before somebody says so');
is($node->safe_psql('postgres', "SELECT count(*) FROM ($objects) o(n, bytes, grants) WHERE (n - 1, grants) = (" . join(',',
	(split /\|/, $all)[0, 2]) . ")"), '1', 'no large object is lost, nor a grant');
is($node->safe_psql('postgres', 'SELECT count(*) FROM hwr_rescue() WHERE problem IS NULL'), '0',
	'a second time there is nothing to do');
$node->safe_psql('postgres', "SELECT hwr_activate_model('kept', 1)");
is(reading('kept'), $good, 'a rescued model reads as before');
$node->safe_psql('postgres', "GRANT SELECT ON words TO clerk; GRANT EXECUTE ON FUNCTION hwr_activate_model TO owner; SET ROLE owner; SELECT hwr_activate_model('owned', 1)");
is($node->safe_psql('postgres', "SET ROLE clerk; " . sprintf($reads, 'owned')), $good, 'for those, too, to whom it was granted');
$node->safe_psql('postgres', "SELECT lo_unlink($damaged)");

# A rescue takes nobody's model away
$node->safe_psql('postgres', 'DROP EXTENSION hwr; CREATE EXTENSION hwr; GRANT EXECUTE ON FUNCTION hwr_rescue, hwr.adopt TO owner');
is($node->safe_psql('postgres', 'SET ROLE owner; SELECT model, version, owner, problem FROM hwr_rescue()'), 'owned|1|owner|',
	'an owner rescues what is his');
my $foreign = $node->safe_psql('postgres', "SELECT weights FROM hwr_orphans() WHERE model = 'kept' AND version = 1");
sql_fails($node, "SET ROLE owner; SELECT hwr.adopt($foreign, 'mine', 1)", '42501', "must be owner of large object $foreign",
	'and nothing else');
sql_fails($node, "SELECT hwr.adopt($foreign, 'owned', 7)", '42501', 'model "owned" belongs to another role',
	'a model has one owner');
sql_fails($node, 'SELECT hwr.adopt(weights, \'again\', 1) FROM hwr_model_details', '42710', 'belongs to a model version already',
	'a version is no orphan');
sql_fails($node, 'SELECT hwr.adopt(1, \'none\', 1)', '42704', 'large object 1 does not exist', 'no large object');
$node->safe_psql('postgres', 'SELECT * FROM hwr_rescue()');

# Uninstalling leaves nothing
$node->safe_psql('postgres', "SELECT job FROM hwr_train('words', 'endless', options => $HwrTest::endless, wait => false)");
job_is($node, 'endless', 'running');
sql_fails($node, 'SELECT * FROM hwr_uninstall(really => true)', '55006', 'training job \d+ is running',
	'not while a training runs');
$node->safe_psql('postgres', 'SELECT hwr_cancel(job) FROM hwr_progress');
job_is($node, 'endless', 'cancelled');
sql_fails($node, 'GRANT EXECUTE ON FUNCTION hwr_uninstall TO owner; SET ROLE owner; SELECT * FROM hwr_uninstall()', '42501',
	'must be owner of extension hwr', 'not by anyone');
$node->safe_psql('postgres', "SELECT hwr_train_lm_texts('texts', '{LYON,PARIS}')");
($rc, $out, $stderr) = $node->psql('postgres', 'SELECT * FROM hwr_uninstall()');
like($stderr, qr/NOTICE:  nothing has been removed\nHINT:  .*really => true/, 'asks before it removes');
is(scalar(split(/\|/, $out)), 5, 'and counts');
is($node->safe_psql('postgres', 'SELECT count(*) FROM hwr_models'), $models, 'nothing is removed yet');
($rc, $out, $stderr) = $node->psql('postgres',
	'SELECT models > 3, versions, language_models, jobs, checkpoints FROM hwr_uninstall(really => true)');
is($out, "t|$models|1|1|1", 'removes all');
like($stderr, qr/DETAIL:  Large objects of an earlier installation remain: \d+\.\nHINT:  .*hwr_orphans\(\)/,
	'and says what it leaves');
$err = notices('DROP EXTENSION hwr', 'dropped');
is($err, '', 'without a warning');
is($node->safe_psql('postgres', "SELECT count(*) FROM pg_largeobject_metadata WHERE lo_get(oid) <> 'something else' AND obj_description(oid, 'pg_largeobject') !~ 'checkpoint'"), '0', 'nothing is left but others\' large objects and older checkpoints');

$node->stop('fast');
done_testing();
