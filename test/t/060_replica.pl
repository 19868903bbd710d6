# A hot standby reads while its primary trains, and switches when the transaction is replayed; models over logical replication

use strict;
use warnings;

use PostgreSQL::Test::Cluster;
use PostgreSQL::Test::Utils;
use Test::More;

use HwrTest;

my $primary = new_server('primary', init => { allows_streaming => 'logical' });
load_golden($primary, 'm');
$primary->safe_psql('postgres', q{
	SELECT hwr_evaluate('words', 'm');
	SELECT hwr_train_lm('words', 'words', 'label');
});
$primary->backup('backup');
my $standby = PostgreSQL::Test::Cluster->new('standby');
$standby->init_from_backup($primary, 'backup', has_streaming => 1);
$standby->start;

sub caught_up
{
	$primary->wait_for_catchup($standby, 'replay', $primary->lsn('insert'));
}

# What reads and shows gives the same on both
sub alike
{
	my ($name, $query) = @_;
	my $expected = $primary->safe_psql('postgres', $query);

	caught_up();
	isnt($expected, '', "$name: there is something to see");
	is($standby->safe_psql('postgres', $query), $expected, "$name: the standby shows the same");
}

my $texts = "SELECT string_agg(hwr_recognize(image, 'm'), ' ' ORDER BY id) FROM words WHERE id <= 20";
alike('recognition', $texts);
alike('an array', "SELECT hwr_recognize_batch(array_agg(image ORDER BY id), 'm') FROM words WHERE id <= 20");
alike('n-best', "SELECT id, n.* FROM words, hwr_recognize_nbest(image, 3, 'm', lm => 'words') n WHERE id <= 3 ORDER BY 1, 2");
alike('score', "SELECT hwr_score(image, 'MAN', 'm') FROM words WHERE id <= 5 ORDER BY id");
alike('models', 'SELECT * FROM hwr_model_details');
alike('metrics', 'SELECT * FROM hwr_metrics()');
alike('confusions', "SELECT * FROM hwr_confusions('m')");
alike('language models', 'SELECT * FROM hwr_lms');
alike('export', "SELECT md5(hwr_export_model('m'))");
alike('readings', "SELECT * FROM hwr_readings('words', 'm') WHERE row <= 5 ORDER BY row");
$standby->safe_psql('postgres', 'SELECT * FROM hwr_devices');

# What writes says so
my @writers = (
	[ 'hwr_train', "hwr_train('words')" ],
	[ 'hwr_cancel', 'hwr_cancel(1)' ],
	[ 'hwr_evaluate', "hwr_evaluate('words', 'm')" ],
	[ 'hwr_import_model', "hwr_import_model(file, 'n') FROM golden" ],
	[ 'hwr_activate_model', "hwr_activate_model('m', 1)" ],
	[ 'hwr_drop_model', "hwr_drop_model('m')" ],
	[ 'hwr_grant_model', "hwr_grant_model('m', 'public')" ],
	[ 'hwr_revoke_model', "hwr_revoke_model('m', 'public')" ],
	[ 'hwr_train_lm', "hwr_train_lm('words', 'words', 'label')" ],
	[ 'hwr_drop_lm', "hwr_drop_lm('words')" ]);
sql_fails($standby, "SELECT $_->[1]", '25006', "cannot execute $_->[0]", "$_->[0] on a standby") foreach @writers;

# While the primary trains, the standby reads: first the one version, then the other, and nothing else
my $first = $standby->safe_psql('postgres', $texts);
$standby->safe_psql('postgres', 'SELECT pg_wal_replay_pause()');
my $kept = $standby->background_psql('postgres', on_error_stop => 1);
$kept->query_safe('BEGIN ISOLATION LEVEL REPEATABLE READ');
is($kept->query_safe($texts), $first, 'a transaction begins');
my $training = start_sql($primary, "SELECT * FROM hwr_train('words', 'm', options => $HwrTest::tiny, activate => 'always')");
my (undef, $err) = finish_sql($training);
unlike($err, qr/ERROR/, 'the primary trains');
my $second = $primary->safe_psql('postgres', $texts);
isnt($second, $first, 'the new version reads otherwise');
is($standby->safe_psql('postgres', $texts), $first, 'a standby reads with what it has replayed');
is($standby->safe_psql('postgres', "SELECT version, active FROM hwr_models WHERE model = 'm'"), '1|t', 'and shows that');
$standby->safe_psql('postgres', 'SELECT pg_wal_replay_resume()');
caught_up();
is($standby->safe_psql('postgres', $texts), $second, 'it switches when the transaction is replayed');
is($standby->safe_psql('postgres', "SELECT version, active FROM hwr_models WHERE model = 'm' ORDER BY 1"), "1|f\n2|t",
	'and shows that');
is($standby->safe_psql('postgres', "SELECT state, version FROM hwr_job_details WHERE model = 'm'"), 'done|2', 'the job is done');
is($kept->query_safe($texts), $first, 'a transaction that began before keeps its version');
$kept->query_safe('COMMIT');
is($kept->query_safe($texts), $second, 'the next one does not');
$kept->quit;

# Readers do not notice a switch
my $reader = start_sql($standby, <<SQL, "SELECT 'read'");
DO \$\$
DECLARE
	seen text[] := '{}';
	was text;
BEGIN
	FOR i IN 1 .. 500 LOOP
		was := ($texts);
		IF was NOT IN ('$first', '$second') THEN
			RAISE 'read: %', was;
		END IF;
		seen := seen || was;
		EXIT WHEN '$first' = ANY (seen) AND '$second' = ANY (seen);
		PERFORM pg_sleep(0.01);
	END LOOP;
	IF NOT ('$first' = ANY (seen) AND '$second' = ANY (seen)) THEN
		RAISE 'one version was not seen';
	END IF;
END \$\$
SQL
ok($standby->poll_query_until('postgres', q{SELECT count(*) > 0 FROM pg_stat_activity WHERE query ~ '^DO' AND state = 'active'}),
	'someone reads');
$primary->safe_psql('postgres', "SELECT pg_sleep(0.2), hwr_activate_model('m', 1)");
my ($out) = finish_sql($reader);
is($out, "read\n", 'a reader sees the one version, then the other');

# Promotion
$standby->promote;
is($standby->safe_psql('postgres', "SELECT version FROM hwr_train('words', 'm', options => $HwrTest::tiny)"), '3',
	'a promoted standby trains');
$standby->stop('fast');

#
# Logical replication
#

my $subscriber = PostgreSQL::Test::Cluster->new('subscriber');
$subscriber->init;
$subscriber->start;
$subscriber->safe_psql('postgres', 'CREATE EXTENSION hwr; CREATE TABLE words (id integer, image bytea, label text)');
$primary->safe_psql('postgres', 'CREATE PUBLICATION hwr FOR TABLE words');
# doc/backup.md has these statements
my $table = 'CREATE TABLE shipped_models (model text, version integer, file bytea, PRIMARY KEY (model, version))';
$_->safe_psql('postgres', $table) foreach ($primary, $subscriber);
$subscriber->safe_psql('postgres', <<'SQL');
CREATE FUNCTION store_shipped_model() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
	PERFORM public.hwr_import_model(NEW.file, NEW.model);
	RETURN NULL;
END $$;
CREATE TRIGGER store AFTER INSERT ON shipped_models FOR EACH ROW EXECUTE FUNCTION store_shipped_model();
ALTER TABLE shipped_models ENABLE ALWAYS TRIGGER store;
SQL
$primary->safe_psql('postgres', 'ALTER PUBLICATION hwr ADD TABLE shipped_models');
my $connection = $primary->connstr('postgres');
$subscriber->safe_psql('postgres', "CREATE SUBSCRIPTION hwr CONNECTION \$\$$connection\$\$ PUBLICATION hwr");
$subscriber->wait_for_subscription_sync($primary, 'hwr');
is($subscriber->safe_psql('postgres', 'SELECT count(*) FROM words'), '100', 'images are replicated');
sql_fails($subscriber, "SELECT hwr_recognize(image, 'm') FROM words", '42704', 'model "m" does not exist', 'models are not');
sql_fails($primary, 'ALTER PUBLICATION hwr ADD TABLE pg_largeobject', '22023', 'cannot add relation', 'large objects');
$primary->safe_psql('postgres', "INSERT INTO shipped_models SELECT model, version, hwr_export_model(model, version) FROM hwr_models WHERE model = 'm' AND active");
$primary->wait_for_catchup('hwr');
is($subscriber->safe_psql('postgres', $texts), $first,
	'a model that is exported into a replicated table is stored, and reads the same');
$primary->safe_psql('postgres', "INSERT INTO shipped_models SELECT 'm', 2, hwr_export_model('m', 2)");
$primary->wait_for_catchup('hwr');
is($subscriber->safe_psql('postgres', $texts), $second, 'so is the next version');
$subscriber->stop('fast');
$primary->stop('fast');
done_testing();
