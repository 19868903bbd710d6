# Model files of every format version can be read; ALTER EXTENSION UPDATE keeps models, jobs and grants
#
# An update ends where a fresh installation begins: the same members, with the same definitions and privileges.  Tried is every
# older version that the installed scripts lead from, and a version 0.9 made here, so that there is always one.  Scripts cannot be
# put where PostgreSQL is installed, so this server runs from a copy of it.

use strict;
use warnings;

use PostgreSQL::Test::Cluster;
use PostgreSQL::Test::Utils;
use Test::More;

use HwrTest;

sub write_file
{
	my ($path, $content) = @_;

	unlink $path;
	append_to_file($path, $content);
}

# Version 0.9: as the present one, without a function and without a column.  Taken from the present script, so that it
# stays a smaller sibling of it.
sub make_old_version
{
	my ($extension, $version) = @_;
	my $script = slurp_file("$extension/hwr--$version.sql");
	my $column = 'created\s+timestamptz\s+NOT NULL DEFAULT pg_catalog.clock_timestamp\(\)';

	$script =~ s/^(CREATE FUNCTION hwr_orphans\(.*?;\n)(COMMENT ON FUNCTION hwr_orphans\(.*?;\n)//ms or die 'hwr_orphans not found';
	my ($function, $comment) = ($1, $2);
	$script =~ s/(^CREATE TABLE hwr\.model \([^;]*?),[^\n]*\n\s*($column)(?=\n\);)/$1/m or die 'column of hwr.model not found';
	write_file("$extension/hwr--0.9.sql", $script);
	write_file("$extension/hwr--0.9--$version.sql", "ALTER TABLE hwr.model ADD COLUMN $2;\n$function$comment");
}

# All that makes the extension up, one line a fact
my $members = q{
	WITH member AS (SELECT classid, objid FROM pg_depend
		WHERE refclassid = 'pg_extension'::regclass AND refobjid = (SELECT oid FROM pg_extension WHERE extname = 'hwr') AND deptype = 'e'),
	fact(object, fact) AS (
		SELECT pg_describe_object(classid, objid, 0), 'comment ' || coalesce(obj_description(objid, classid::regclass::text), '') FROM member
		UNION ALL SELECT objid::regprocedure::text, CASE WHEN prokind <> 'a' THEN pg_get_functiondef(objid) END || coalesce(p.proacl::text, '')
			FROM member JOIN pg_proc p ON classid = 'pg_proc'::regclass AND p.oid = objid
		UNION ALL SELECT objid::regclass::text, concat_ws(' ', c.relkind, c.relacl, c.reloptions, CASE WHEN c.relkind = 'v' THEN pg_get_viewdef(objid) END,
				array_position(e.extconfig, objid) IS NOT NULL)
			FROM member JOIN pg_class c ON classid = 'pg_class'::regclass AND c.oid = objid JOIN pg_extension e ON e.extname = 'hwr'
		UNION ALL SELECT objid::regclass::text, concat_ws(' ', a.attnum, a.attname, format_type(a.atttypid, a.atttypmod), a.attnotnull, a.attidentity,
				pg_get_expr(d.adbin, d.adrelid), a.attacl, col_description(objid, a.attnum))
			FROM member JOIN pg_attribute a ON classid = 'pg_class'::regclass AND a.attrelid = objid AND a.attnum > 0 AND NOT a.attisdropped
				LEFT JOIN pg_attrdef d ON d.adrelid = objid AND d.adnum = a.attnum
		UNION ALL SELECT objid::regclass::text, pg_get_constraintdef(c.oid) FROM member JOIN pg_constraint c ON classid = 'pg_class'::regclass AND c.conrelid = objid
		UNION ALL SELECT objid::regclass::text, pg_get_indexdef(i.indexrelid) FROM member JOIN pg_index i ON classid = 'pg_class'::regclass AND i.indrelid = objid
		UNION ALL SELECT objid::regclass::text, pg_get_triggerdef(t.oid) FROM member JOIN pg_trigger t ON classid = 'pg_class'::regclass AND t.tgrelid = objid
		UNION ALL SELECT objid::regnamespace::text, n.nspacl::text FROM member JOIN pg_namespace n ON classid = 'pg_namespace'::regclass AND n.oid = objid)
	SELECT object, fact FROM fact ORDER BY 1, 2};

sub differences
{
	my ($left, $right) = map { { map { $_ => 1 } split /\n/ } } @_;

	return join("\n", (map { "- $_" } grep { !$right->{$_} } sort keys %$left), map { "+ $_" } grep { !$left->{$_} } sort keys %$right);
}

# What users have
my $contents = q{
	SELECT 'model', m.model, m.version, m.active, m.owner, m.job FROM hwr_model_details m
	UNION ALL SELECT 'grant', m.model, m.version, true, a.grantee::regrole::name, NULL
		FROM hwr_model_details m JOIN pg_largeobject_metadata l ON l.oid = m.weights, aclexplode(l.lomacl) a
	UNION ALL SELECT 'job', model, version, true, state, job FROM hwr_job_details
	UNION ALL SELECT 'metric', model, version, true, split, images FROM hwr_metrics()
	UNION ALL SELECT 'epoch', '', epoch, best, job::text, NULL FROM hwr_history('trained')
	ORDER BY 1, 2, 3, 4, 5;
	SELECT has_function_privilege('clerk', 'hwr_train'::regproc, 'EXECUTE');
	SELECT id, hwr_recognize(image, 'golden') FROM words WHERE id <= 20 ORDER BY id;
	SET ROLE clerk; SELECT count(hwr_recognize(image, 'golden')) FROM words WHERE id <= 5};

my ($install_path, $share) = copy_installation(PostgreSQL::Test::Utils::tempdir);
my $extension = "$share/extension";
my ($version) = slurp_file("$extension/hwr.control") =~ /^default_version = '(.*)'$/m or die 'default_version not found';
make_old_version($extension, $version);

my $node = PostgreSQL::Test::Cluster->new('upgrade', install_path => $install_path);
$node->init;
$node->start;
load_words($node);

#
# Model files
#

load_golden($node);
foreach my $csv (sort glob 'test/data/golden/*.csv')
{
	my ($format) = $csv =~ /(\d+)\.csv$/ or die $csv;
	my $expected = join("\n", map { s/,/|/r } grep { !/^id,/ } split /\n/, slurp_file($csv));
	my $ids = join(',', $expected =~ /^(\d+)\|/mg);
	foreach my $name ($format, "$format-half")
	{
		load_file($node, "\"file_$name\"", "test/data/golden/$name.safetensors");
		is($node->safe_psql('postgres', qq{SELECT hwr_import_model(file, 'golden $name') FROM "file_$name"}), '1', "model file $name can be imported");
		is($node->safe_psql('postgres', "SET hwr.precision = float32; SELECT id, hwr_recognize(image, 'golden $name') FROM words WHERE id IN ($ids) ORDER BY id"),
			$expected, 'and reads as it did');
	}
}
$node->safe_psql('postgres', "SELECT * FROM hwr_train('words', 'new', options => $HwrTest::tiny)");
my $format = $node->safe_psql('postgres', q{SELECT substring(encode(hwr_export_model('new'), 'escape') FROM '"format_version": ?"(\d+)"')});
ok(-e "test/data/golden/$format.csv", "there is a golden file of the present format version, $format");

#
# Updates
#

my $grant = 'GRANT EXECUTE ON FUNCTION hwr_train TO clerk';
$node->safe_psql('postgres', "CREATE ROLE clerk; $grant");
my $fresh = $node->safe_psql('postgres', $members);
my @older = split /\n/, $node->safe_psql('postgres', qq{
	SELECT p.source FROM pg_extension_update_paths('hwr') p JOIN pg_available_extension_versions v ON v.name = 'hwr' AND v.version = p.source
	WHERE p.target = '$version' AND p.path IS NOT NULL ORDER BY 1});
cmp_ok(scalar(grep { $_ eq '0.9' } @older), '==', 1, 'there are older versions: ' . join(' ', @older));
my @scripts = grep { !/--0\.9--/ } glob("$extension/hwr--*--*.sql");
foreach my $from (map { /hwr--(.*)--/ } @scripts)
{
	ok(scalar(grep { $_ eq $from } @older), "the update from $from can be tried: its hwr--$from.sql is there, and the path leads to $version");
}
foreach my $from (@older)
{
	(my $database = "from_$from") =~ s/\W/_/g;
	my $connstr = $node->connstr($database);

	$node->safe_psql('postgres', "CREATE DATABASE $database");
	$node->safe_psql($database, "CREATE EXTENSION hwr VERSION '$from'; $grant");
	isnt(differences($fresh, $node->safe_psql($database, $members)), '', "$from is another version");
	foreach my $table ('words', 'golden')
	{
		run_log([ 'bash', '-c', "pg_dump --table=$table -d \"" . $node->connstr('postgres') . "\" | psql -Xq -v ON_ERROR_STOP=1 -d \"$connstr\"" ]) or die;
	}
	$node->safe_psql($database, q{
		GRANT SELECT ON words TO clerk;
		SELECT hwr_import_model(file, 'golden') FROM golden;
		SELECT hwr_grant_model('golden', 'clerk');
	});
	$node->safe_psql($database, "SELECT * FROM hwr_train('words', 'trained', options => $HwrTest::tiny)");
	my $before = $node->safe_psql($database, $contents);
	like($before, qr/^20\|\w+/m, "$from with this library: models are there");
	$node->safe_psql($database, 'ALTER EXTENSION hwr UPDATE');
	is($node->safe_psql($database, 'SELECT extversion FROM pg_extension WHERE extname = \'hwr\''), $version, "update from $from");
	is(differences($fresh, $node->safe_psql($database, $members)), '', 'ends where a fresh installation begins');
	is($node->safe_psql($database, $contents), $before, 'models, jobs and grants are there');
	is($node->safe_psql($database, "SET ROLE clerk; SELECT version FROM hwr_train('words', 'clerk', options => $HwrTest::tiny)"), '1', 'training');
}
$node->stop('fast');
done_testing();
