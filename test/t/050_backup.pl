# Dumps in every format, a base backup, vacuumlo, pg_upgrade: models, their history and grants are kept, and read the same

use strict;
use warnings;

use PostgreSQL::Test::Cluster;
use PostgreSQL::Test::Utils;
use Test::More;

use HwrTest;

# Everything that users see of models and jobs, in names, not OIDs
my %visible = (
	'readings' => q{SELECT id, hwr_recognize(image), hwr_recognize(image, 'granted') FROM words WHERE id <= 40 ORDER BY id},
	'models' => q{SELECT model, version, active, chosen, owner, validation_cer, evaluation_cer, parameters, bytes, architecture, alphabet, options, job, created
		FROM hwr_model_details ORDER BY model, version},
	'files' => q{SELECT model, version, md5(hwr_export_model(model, version)) FROM hwr_models ORDER BY model, version},
	'grants' => q{SELECT m.model, m.version, a.grantee::regrole, a.is_grantable
		FROM hwr_model_details m JOIN pg_largeobject_metadata l ON l.oid = m.weights, aclexplode(l.lomacl) a ORDER BY 1, 2, 3},
	'function grants' => q{SELECT p.oid::regprocedure, p.proacl FROM pg_proc p WHERE p.proname ~ '^hwr' AND p.proacl IS NOT NULL ORDER BY 1::text},
	'jobs' => q{SELECT job, model, training, owner, state, epoch, loss, images, version, sqlstate, message, requested, started, finished, options
		FROM hwr_job_details ORDER BY job},
	'history' => q{SELECT n, h.* FROM (VALUES ('default'), ('granted')) m(n), hwr_history(n) h ORDER BY 1, h.job, h.epoch},
	'metrics' => q{SELECT * FROM hwr_metrics() ORDER BY 1, 2, 3, 4},
	'confusions' => q{SELECT n, c.* FROM (VALUES ('default'), ('granted')) m(n), hwr_confusions(n) c ORDER BY 1, 2, 3, 4},
	'language models' => q{SELECT name, owner, ngrams, created, hwr_lm_perplexity(name, '{LONDON}') FROM hwr_lms ORDER BY name});

sub sees
{
	my ($node, $database) = @_;

	return { map { $_ => $node->safe_psql($database, "SET timezone = 'UTC'; SET extra_float_digits = 3; $visible{$_}") } keys %visible };
}

my $node = new_server('backup', init => { allows_streaming => 1 });
load_golden($node, 'default');
$node->safe_psql('postgres', q{
	CREATE ROLE clerk;
	CREATE ROLE trainer;
	GRANT EXECUTE ON FUNCTION hwr_train, hwr_import_model, hwr_grant_model, hwr_evaluate TO trainer;
	GRANT SELECT ON words, golden TO trainer, clerk;
	SET ROLE trainer;
	SELECT hwr_import_model(file, 'granted') FROM golden;
	SELECT hwr_grant_model('granted', 'clerk');
	RESET ROLE;
	SELECT hwr_train_lm('words', 'words', 'label');
});
$node->safe_psql('postgres', "SET ROLE trainer; SELECT * FROM hwr_train('words', 'granted', options => $HwrTest::tiny)");
$node->safe_psql('postgres', q{
	SELECT hwr_activate_model('granted', 1);
	SELECT hwr_evaluate('words', 'granted');
});
$node->safe_psql('postgres', q{CREATE TABLE broken AS SELECT '\xff'::bytea AS image, 'label' AS label});
sql_fails($node, "SELECT hwr_train('broken', 'failed')", '22000', '', 'a job that fails');
my $before = sees($node, 'postgres');
isnt($before->{$_}, '', "$_ before") foreach sort keys %visible;
like($before->{readings}, qr/\|\w{4,}/, 'readings are texts');

# What was there before is there, and life goes on: the next job and version get new numbers
sub is_whole
{
	my ($server, $database, $name) = @_;
	my $after = sees($server, $database);
	my $differing = join(', ', grep { $after->{$_} ne $before->{$_} } sort keys %visible);

	is($differing, '', "$name: everything is there") or diag(map { "$_\n$before->{$_}\n---\n$after->{$_}\n" } split(/, /, $differing));
	is($server->safe_psql($database, q{SET ROLE clerk; SELECT count(hwr_recognize(image, 'granted')) FROM words WHERE id <= 5}), '5', "$name: a grant holds");
	is($server->safe_psql($database, qq{SET ROLE trainer; SELECT version, job > (SELECT max(id) FROM pg_temp.old) FROM hwr_train('words', 'granted', options => $HwrTest::tiny)}
			=~ s/^/CREATE TEMP TABLE old AS SELECT max(job) AS id FROM hwr_job_details; GRANT SELECT ON pg_temp.old TO trainer; /r),
		'3|t', "$name: the next version");
}

#
# Dumps
#

my $directory = $node->basedir;
my $source = $node->connstr('postgres');
my $other = PostgreSQL::Test::Cluster->new('other');
$other->init;
$other->start;
command_ok([ 'pg_dumpall', '--roles-only', '--file', "$directory/roles.sql", '--dbname', $source ], 'dump of the roles');
# other OIDs than those of the first server, for roles and large objects
$other->safe_psql('postgres', 'CREATE ROLE other_' . $_) foreach (1 .. 3);
$other->safe_psql('postgres', 'SELECT lo_create(0) FROM generate_series(1, 5)');
$other->psql('postgres', '\i ' . "$directory/roles.sql", on_error_stop => 0);	# complains about the superuser, who exists

sub restored
{
	my ($name, $dump, @restores) = @_;
	(my $database = lc $name) =~ s/\W+/_/g;

	command_ok([ 'pg_dump', @$dump, $source ], "$name: dump") if $dump;
	$other->safe_psql('postgres', "CREATE DATABASE $database");
	command_ok([ @$_, '--dbname', $other->connstr($database) ], "$name: $_->[0]") foreach (map { [ map { $_ eq 'FILE' ? "$directory/$database" : $_ } @$_ ] } @restores);
	is_whole($other, $database, $name);
}

my @psql = qw(psql --no-psqlrc --quiet --set ON_ERROR_STOP=1 --output /dev/null);
my @restore = qw(pg_restore --exit-on-error);

restored('plain', [ '--format=plain', "--file=$directory/plain" ], [ @psql, '--file', 'FILE' ]);
restored('inserts', [ '--format=plain', '--inserts', "--file=$directory/inserts" ], [ @psql, '--single-transaction', '--file', 'FILE' ]);
restored('custom', [ '--format=custom', "--file=$directory/custom" ], [ @restore, 'FILE' ]);
restored('directory', [ '--format=directory', "--file=$directory/directory" ], [ @restore, 'FILE' ]);
# Parallel restore loads an extension's tables in any order, so a foreign key fails there, but not every time
is($node->safe_psql('postgres', q{SELECT conrelid::regclass, conname FROM pg_constraint WHERE contype = 'f' AND connamespace = 'hwr'::regnamespace}),
	'', 'no foreign keys among the tables of the extension');
is($node->safe_psql('postgres', q{SELECT c.oid::regclass FROM pg_class c, pg_extension e
		WHERE e.extname = 'hwr' AND c.relnamespace = 'hwr'::regnamespace AND c.relkind IN ('r', 'S') AND c.oid <> ALL (e.extconfig)}),
	'', 'all tables and sequences of the extension are marked for dumps');
restored('parallel', [ '--format=directory', '--jobs=2', "--file=$directory/parallel" ], [ @restore, '--jobs=2', 'FILE' ]);
# first the schema, then the data: from two dumps, and from one
command_ok([ 'pg_dump', '--schema-only', '--file', "$directory/schema", $source ], 'dump of the schema');
restored('data only', [ '--data-only', "--file=$directory/data_only" ], [ @psql, '--file', "$directory/schema" ],
	[ @psql, '--file', 'FILE' ]);
restored('sections', undef, map { [ @restore, "--section=$_", "$directory/custom" ] } qw(pre-data data post-data));

# A dump of one schema leaves the large objects out, and the extension too
command_ok([ 'pg_dump', '--schema=public', '--file', "$directory/public", $source ], 'dump of a schema');
unlike(slurp_file("$directory/public"), qr/lo_create|hwr\.version|CREATE EXTENSION/, 'has no models');
# A dump without large objects has the names of models but not their weights, and this is what one is told
command_ok([ 'pg_dump', '--no-blobs', '--file', "$directory/no_blobs", $source ], 'dump without large objects');
$other->safe_psql('postgres', 'CREATE DATABASE no_blobs');
command_ok([ @psql, '--file', "$directory/no_blobs", '--dbname', $other->connstr('no_blobs') ], 'restored');
(undef, undef, my $err) = $other->psql('no_blobs', "\\set VERBOSITY verbose\nSELECT hwr_recognize(image) FROM words");
like($err, qr/ERROR:  XX001: the weights of model "default" are missing\nDETAIL:  The large object of version 1 does not exist\.\nHINT/,
	'an error says that the weights are missing');

# A table whose constraint reads images: rows are restored before large objects, unless one sees to it
$node->safe_psql('postgres', q{
	CREATE TABLE checked (image bytea, CONSTRAINT short CHECK (length(hwr_recognize(image, 'granted')) < 50));
	INSERT INTO checked SELECT image FROM words WHERE id <= 3});
command_ok([ 'pg_dump', '--format=custom', '--file', "$directory/checked", $source ], 'dump of a table that checks what its images say');
my $count = 'SELECT count(*) FROM checked WHERE length(hwr_recognize(image, $$granted$$)) < 50';
$other->safe_psql('postgres', "CREATE DATABASE checked_$_") foreach qw(plain list later);
command_fails_like([ @restore, '--dbname', $other->connstr('checked_plain'), "$directory/checked" ], qr/the weights of model "granted" are missing.*HINT:  Large objects are restored after the rows of tables/s,
	'as it is, the restore says why it fails');
my ($list) = run_command([ 'pg_restore', '--list', "$directory/checked" ]);
my @lines = split /\n/, $list;
my @blobs = grep { / BLOB(S| METADATA) / } @lines;
my @others = grep { !/ BLOB(S| METADATA) / } @lines;
my ($first) = grep { $others[$_] =~ / TABLE DATA public / } 0 .. $#others;
append_to_file("$directory/list", join("\n", @others[ 0 .. $first - 1 ], @blobs, @others[ $first .. $#others ]) . "\n");
command_ok([ @restore, '--use-list', "$directory/list", '--dbname', $other->connstr('checked_list'), "$directory/checked" ], 'restored with large objects before rows');
is($other->safe_psql('checked_list', $count), '3', 'with its rows');
$node->safe_psql('postgres', q{ALTER TABLE checked DROP CONSTRAINT short;
	ALTER TABLE checked ADD CONSTRAINT short CHECK (length(hwr_recognize(image, 'granted')) < 50) NOT VALID});
command_ok([ 'pg_dump', '--file', "$directory/checked_later", $source ], 'dump of a constraint that is not validated');
command_ok([ @psql, '--file', "$directory/checked_later", '--dbname', $other->connstr('checked_later') ], 'restored');
is($other->safe_psql('checked_later', $count), '3', 'with its rows');
like(($other->psql('checked_later', "INSERT INTO checked SELECT image FROM words; ALTER TABLE checked VALIDATE CONSTRAINT short"))[2], qr/^$/, 'and holds again');
$node->safe_psql('postgres', 'DROP TABLE checked');
$other->stop('fast');

#
# vacuumlo
#

$node->safe_psql('postgres', "SELECT lo_from_bytea(0, 'nobody refers to this')");
my $objects = $node->safe_psql('postgres', 'SELECT count(*) FROM pg_largeobject_metadata');
SKIP:
{
	skip 'vacuumlo is not installed', 3 if !grep { -x "$_/vacuumlo" } split /:/, $ENV{PATH};
	command_ok([ 'vacuumlo', '--verbose', $source ], 'vacuumlo');
	is($node->safe_psql('postgres', 'SELECT count(*) FROM pg_largeobject_metadata'), $objects - 1, 'removes what nobody refers to');
	is_deeply(sees($node, 'postgres'), $before, 'and no model');
}

#
# Base backup
#

$node->backup('physical', backup_options => [ '--checkpoint=fast' ]);
command_ok([ 'pg_verifybackup', $node->backup_dir . '/physical' ], 'base backup');
my $copy = PostgreSQL::Test::Cluster->new('copy');
$copy->init_from_backup($node, 'physical');
$copy->start;
is_whole($copy, 'postgres', 'base backup');
$copy->stop('fast');

#
# pg_upgrade, from this version to this version
#

my $upgraded = PostgreSQL::Test::Cluster->new('upgraded');
$upgraded->init;
$node->stop('fast');
my $bindir = $node->config_data('--bindir');
my @upgrade = ('pg_upgrade', '--no-sync', '--link', '--old-datadir', $node->data_dir, '--new-datadir', $upgraded->data_dir,
	'--old-bindir', $bindir, '--new-bindir', $bindir, '--socketdir', $node->host, '--old-port', $node->port, '--new-port', $upgraded->port);
chdir $upgraded->basedir or die;
command_ok([ @upgrade, '--check' ], 'pg_upgrade --check');
command_ok([@upgrade], 'pg_upgrade --link');
$upgraded->start;
is_whole($upgraded, 'postgres', 'pg_upgrade');
$upgraded->stop('fast');
done_testing();
