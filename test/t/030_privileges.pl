# Installing into a schema of another's, dropping the extension, and restoring where roles are others

use strict;
use warnings;

use PostgreSQL::Test::Cluster;
use PostgreSQL::Test::Utils;
use Test::More;

use HwrTest;

my $node = new_server('privileges');

# A schema in which someone has put operators that fit better than PostgreSQL's own: none of them gets into a view
$node->safe_psql('postgres', q{
	CREATE ROLE mallory;
	CREATE DATABASE trap;
});
$node->safe_psql('trap', q{
	CREATE SCHEMA trap AUTHORIZATION mallory;
	GRANT CREATE ON DATABASE trap TO mallory;
	SET ROLE mallory;
	SET search_path = trap;
	DO $$
	DECLARE
		l text;
		r text;
		o text;
		n integer := 0;
		types text[] := '{int2,int4,int8,float4,float8,numeric,text,varchar,name,oid,bool,timestamptz,interval,jsonb}';
	BEGIN
		FOREACH l IN ARRAY types LOOP
			FOREACH r IN ARRAY types LOOP
				n := n + 1;
				EXECUTE format('CREATE FUNCTION trap_%s(%s, %s) RETURNS bool LANGUAGE plpgsql AS $f$ BEGIN RAISE ''trapped''; END $f$', n, l, r);
				EXECUTE format('CREATE FUNCTION trap_value_%s(%s, %s) RETURNS %s LANGUAGE plpgsql AS $f$ BEGIN RAISE ''trapped''; END $f$', n, l, r, r);
				FOREACH o IN ARRAY '{=,<>,<,>,<=,>=,?,~,~~}'::text[] LOOP
					EXECUTE format('CREATE OPERATOR %s (FUNCTION = trap_%s, LEFTARG = %s, RIGHTARG = %s)', o, n, l, r);
				END LOOP;
				FOREACH o IN ARRAY '{+,-,*,/,||,&,->,->>}'::text[] LOOP
					EXECUTE format('CREATE OPERATOR %s (FUNCTION = trap_value_%s, LEFTARG = %s, RIGHTARG = %s)', o, n, l, r);
				END LOOP;
			END LOOP;
		END LOOP;
	END $$;
});
$node->safe_psql('trap', 'CREATE EXTENSION hwr SCHEMA trap');
is($node->safe_psql('trap', q{
	SELECT DISTINCT pg_describe_object(d.classid, d.objid, 0) || ' uses ' || pg_describe_object(d.refclassid, d.refobjid, 0)
	FROM pg_depend d LEFT JOIN pg_proc p ON d.refclassid = 'pg_proc'::regclass AND p.oid = d.refobjid
		LEFT JOIN pg_operator o ON d.refclassid = 'pg_operator'::regclass AND o.oid = d.refobjid
	WHERE 'mallory'::regrole IN (p.proowner, o.oprowner) AND d.classid <> 'pg_operator'::regclass
}), '', 'nothing of the extension uses what was lying in its schema');
is($node->safe_psql('trap', 'SELECT count(*) FROM trap.hwr_progress'), '0', 'its views work');
is($node->safe_psql('trap', "SELECT count(*) FROM trap.hwr_metrics() WHERE version IS NOT NULL"), '0', 'so do its functions');
my ($rc, $out, $err) = $node->psql('postgres', 'CREATE DATABASE mallory OWNER mallory');
($rc, $out, $err) = $node->psql('mallory', 'SET ROLE mallory; CREATE EXTENSION hwr');
like($err, qr/permission denied to create extension "hwr"/, 'the owner of a database cannot create the extension');

# DROP EXTENSION leaves the weights; they can be found, stored again and removed
my $reading = "SELECT md5(string_agg(hwr_recognize(image, 'kept'), ',' ORDER BY id)) FROM words";
$node->safe_psql('postgres', "SELECT * FROM hwr_train('words', 'kept', options => $HwrTest::tiny)");
my $before = $node->safe_psql('postgres', $reading);
my $weights = $node->safe_psql('postgres', "SELECT weights FROM hwr_model_details WHERE model = 'kept'");
$node->safe_psql('postgres', "SELECT lo_from_bytea(0, 'something else')");
is($node->safe_psql('postgres', 'SELECT count(*) FROM hwr_orphans()'), '0', 'no orphans as long as there are versions');
# Said where the library is loaded, and only of what is hwr's
my (undef, undef, $notice) = $node->psql('postgres', q{
	LOAD 'hwr';
	BEGIN;
	CREATE TABLE version (weights oid);
	INSERT INTO version VALUES (1);
	DROP TABLE version;
	UPDATE hwr.job SET checkpoint = weights FROM hwr_model_details v WHERE v.model = 'kept' AND job.model = 'kept';
	DROP EXTENSION hwr;
	ROLLBACK;
	BEGIN;
	SELECT hwr_drop_model('kept');
	DROP EXTENSION hwr;
	ROLLBACK;
});
is($notice, <<'NOTICES' =~ s/\n\z//r, 'DROP EXTENSION says what it leaves');
psql:<stdin>:8: NOTICE:  1 checkpoint of a training remains, as a large object
HINT:  After CREATE EXTENSION hwr, hwr_rescue() takes models back; to leave nothing, roll back and call hwr_uninstall() first.
psql:<stdin>:8: NOTICE:  the weights of 1 model version remain, as a large object
HINT:  After CREATE EXTENSION hwr, hwr_rescue() takes models back; to leave nothing, roll back and call hwr_uninstall() first.
NOTICES
$node->safe_psql('postgres', 'DROP EXTENSION hwr');
is($node->safe_psql('postgres', q{
	SELECT loid FROM pg_largeobject WHERE pageno = 0 AND encode(data, 'escape') ~ '"format": ?"hwr"'
}), $weights, 'without the extension they can be told by their content');
$node->safe_psql('postgres', 'CREATE EXTENSION hwr');
is($node->safe_psql('postgres', 'SELECT weights, owner, kind, model, version FROM hwr_orphans()'), "$weights|" . $node->safe_psql('postgres', 'SELECT current_user') . '|model|kept|1',
	'an orphan is found');
is($node->safe_psql('postgres', 'SELECT weights, model, version, problem FROM hwr_rescue()'), "$weights|kept|1|", 'and stored again');
is($node->safe_psql('postgres', 'SELECT count(*) FROM hwr_orphans()'), '0', 'and no orphan any more');
$node->safe_psql('postgres', "SELECT hwr_activate_model('kept', 1)");
is($node->safe_psql('postgres', $reading), $before, 'it reads as before');
is($node->safe_psql('postgres', 'SELECT count(*) FROM pg_largeobject_metadata'), '2', 'other large objects stay');

# A dump knows roles by name
$node->safe_psql('postgres', q{
	CREATE ROLE clerk;
	CREATE ROLE "Odd ""Name";
	CREATE ROLE gone;
	GRANT SELECT ON words TO clerk, "Odd ""Name", gone;
	GRANT EXECUTE ON FUNCTION hwr_train, hwr_import_model, hwr_grant_model, hwr_train_lm_texts(text, text[], text, integer, integer) TO clerk, "Odd ""Name", gone;
});
$node->safe_psql('postgres', "SELECT * FROM hwr_train('words', 'kept', options => $HwrTest::tiny)");
foreach my $role ('clerk', 'Odd "Name', 'gone')
{
	(my $quoted = $role) =~ s/"/""/g;
	my $model = $role eq 'clerk' ? 'clerk' : $role eq 'gone' ? 'gone' : 'odd';
	$node->safe_psql('postgres', qq{SET ROLE "$quoted"; SELECT * FROM hwr_train('words', '$model', options => $HwrTest::tiny)});
	$node->safe_psql('postgres', qq{SET ROLE "$quoted"; SELECT * FROM hwr_train_lm_texts('$model', '{a,b}'::text[])});
}
$node->safe_psql('postgres', q{
	SET ROLE clerk;
	SELECT hwr_grant_model('clerk', 'Odd "Name');
	RESET ROLE;
	SELECT hwr_drop_model('gone');
	REASSIGN OWNED BY gone TO clerk;
	DROP OWNED BY gone;
	DROP ROLE gone;
});
my $owners = q{
	SELECT 'job', model, owner FROM hwr_job_details WHERE model <> 'gone' UNION ALL SELECT 'lm', name, owner FROM hwr_lms WHERE name <> 'gone'
		UNION ALL SELECT 'model', model, owner FROM hwr_models ORDER BY 1, 2, 3
};
my $owned = $node->safe_psql('postgres', $owners);
like($owned, qr/^job\|odd\|Odd "Name$/m, 'owners before the dump');
my $directory = $node->basedir;
command_ok([ 'pg_dumpall', '--roles-only', '--file', "$directory/roles.sql", '--dbname', $node->connstr('postgres') ], 'dump of the roles');
command_ok([ 'pg_dump', '--format', 'custom', '--file', "$directory/dump", $node->connstr('postgres') ], 'dump');

my $other = PostgreSQL::Test::Cluster->new('other');
$other->init;
$other->start;
# what the OIDs of the dumped roles mean here: other people
$other->safe_psql('postgres', "CREATE DATABASE $_") foreach ('with_roles', 'without_roles');
$other->safe_psql('postgres', "CREATE ROLE stranger_$_") foreach (1 .. 20);
command_ok([ 'pg_restore', '--exit-on-error', '--no-owner', '--no-privileges', '--dbname', $other->connstr('without_roles'), "$directory/dump" ],
	'restore where the roles do not exist');
is($other->safe_psql('without_roles', q{SELECT owner = current_user FROM hwr_job_details WHERE model = 'kept'}), 't',
	'a job belongs to the role that is there as well');
is($other->safe_psql('without_roles', q{SELECT count(*), count(owner) FROM hwr_job_details WHERE model IN ('clerk', 'odd', 'gone')}), '3|0', 'the other ones to nobody');
is($other->safe_psql('without_roles', 'SELECT count(*), count(owner) FROM hwr_lms'), '3|0', 'so do language models');
is($other->safe_psql('without_roles', 'SET ROLE stranger_1; SELECT count(*) FROM hwr_job_details'), '0', 'and strangers see none');
is($other->safe_psql('without_roles', 'SELECT count(*) FROM hwr.history'), '8', 'the history is there');

$other->psql('postgres', '\i ' . "$directory/roles.sql");	# complains about the superuser, who exists
command_ok([ 'pg_restore', '--exit-on-error', '--dbname', $other->connstr('with_roles'), "$directory/dump" ], 'restore where they do');
is($other->safe_psql('with_roles', $owners), $owned, 'owners are the same');
isnt($other->safe_psql('postgres', q{SELECT 'clerk'::regrole::oid}), $node->safe_psql('postgres', q{SELECT 'clerk'::regrole::oid}),
	'though their OIDs are others');
is($other->safe_psql('with_roles', q{SELECT owner FROM hwr_job_details WHERE model = 'gone'}), '', 'the job of a dropped role is nobody\'s');
is($other->safe_psql('with_roles', $reading), $node->safe_psql('postgres', $reading), 'readings are the same');
is($other->safe_psql('with_roles', q{SET ROLE clerk; SELECT count(*) FROM hwr_job_details}), '1', 'a role sees its job');
is($other->safe_psql('with_roles', q{SET ROLE "Odd ""Name"; SELECT count(hwr_recognize(image, 'clerk')) FROM words}), '100', 'a granted model is granted');
is($other->safe_psql('with_roles', qq{SET ROLE clerk; SELECT version FROM hwr_train('words', 'clerk', options => $HwrTest::tiny)}), '2', 'EXECUTE is granted');
($rc, $out, $err) = $other->psql('with_roles', "SET ROLE stranger_1; SELECT hwr_train('words')");
like($err, qr/permission denied for function hwr_train/, 'and to nobody else');

$other->stop('fast');
$node->stop('fast');
done_testing();
