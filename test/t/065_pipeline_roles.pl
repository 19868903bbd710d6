# Attached tables and roles that would be others: what a table's owner has put on it runs as who attached it, whoever has the rows read

use strict;
use warnings;

use PostgreSQL::Test::Utils;
use Test::More;

use HwrTest;

my $node = new_server('pipeline_roles', conf => "shared_preload_libraries = 'hwr'\nhwr.service_device = none\nhwr.pipeline_workers = 0");
my ($rc, $out, $err);

sub sql
{
	return $node->safe_psql('postgres', $_[0]);
}

load_golden($node, 'm', 'closed');
sql(<<'SQL');
CREATE ROLE alice LOGIN; CREATE ROLE bob LOGIN; CREATE ROLE mallory LOGIN; CREATE ROLE clerk LOGIN;
SELECT hwr_grant_model('m', 'public');
GRANT EXECUTE ON FUNCTION hwr_attach TO alice, bob, mallory;
GRANT CREATE ON SCHEMA public TO alice, bob, mallory;
GRANT SELECT ON words TO PUBLIC;
CREATE TABLE seen (what text, who text, session text);
GRANT INSERT ON seen TO PUBLIC;
SQL

#
# The owner of a table that a superuser attaches
#

my $traps = <<'SQL';
SET ROLE mallory;
CREATE FUNCTION note(what text) RETURNS boolean LANGUAGE plpgsql AS $$
BEGIN
	INSERT INTO public.seen VALUES (what, current_user, session_user);
	RETURN true;
END $$;
-- tries what it is not allowed to; each by itself
CREATE FUNCTION try(statement text) RETURNS void LANGUAGE plpgsql AS $$
BEGIN
	EXECUTE statement;
	PERFORM public.note('done: ' || statement);
EXCEPTION WHEN OTHERS THEN
	PERFORM public.note('refused: ' || statement);
END $$;
CREATE FUNCTION mischief() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
	PERFORM public.note(TG_NAME);
	PERFORM public.try(s) FROM unnest(ARRAY['SET ROLE postgres', 'RESET ROLE', 'SET SESSION AUTHORIZATION DEFAULT', 'RESET SESSION AUTHORIZATION', 'ALTER ROLE mallory SUPERUSER',
		'CREATE TEMP TABLE left_behind ()', 'DECLARE c CURSOR WITH HOLD FOR SELECT public.note(''held'')',
		'PREPARE p AS SELECT public.note(''prepared'')', 'LISTEN hwr_read', 'DELETE FROM hwr.queue', 'UPDATE hwr.attachment SET role = ''postgres''',
		'SELECT pg_read_file(''PG_VERSION'')']) s;
	PERFORM pg_catalog.set_config('search_path', 'public', false);
	PERFORM pg_catalog.set_config('hwr.max_image_bytes', '1', false);
	RETURN NEW;
END $$;
CREATE FUNCTION late() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN PERFORM public.note('late'); RETURN NULL; END $$;
CREATE FUNCTION odd_check(v integer) RETURNS boolean LANGUAGE plpgsql AS $$ BEGIN PERFORM public.note('domain'); RETURN true; END $$;
CREATE DOMAIN odd AS integer CHECK (public.odd_check(VALUE));
CREATE TABLE trap (id odd PRIMARY KEY, image bytea, text text, confidence float8);
CREATE TRIGGER mischief BEFORE UPDATE ON trap FOR EACH ROW EXECUTE FUNCTION mischief();
CREATE CONSTRAINT TRIGGER late AFTER UPDATE ON trap DEFERRABLE INITIALLY DEFERRED FOR EACH ROW EXECUTE FUNCTION late();
ALTER TABLE trap ENABLE ROW LEVEL SECURITY, FORCE ROW LEVEL SECURITY;
CREATE POLICY p ON trap USING (note('policy'));
RESET ROLE;
SQL
sql($traps);
is(sql(q{SELECT hwr_attach('trap', confidence_column => 'confidence', model => 'm', existing => false) > 0; SELECT role FROM hwr_attachments}), "t\nmallory", "a superuser attaches in the owner's name");

my $no_other = q{SELECT count(*) FROM seen WHERE who <> 'mallory'};
my $nothing_won = q{SELECT (SELECT bool_or(rolsuper) FROM pg_roles WHERE rolname = 'mallory'), (SELECT count(*) FROM seen WHERE what LIKE 'done: %'
	AND what NOT IN ('done: RESET ROLE', 'done: LISTEN hwr_read', 'done: SET SESSION AUTHORIZATION DEFAULT', 'done: RESET SESSION AUTHORIZATION'))};

foreach my $how ('hwr_work of a superuser', 'a background worker')
{
	sql(q{TRUNCATE seen; TRUNCATE trap; INSERT INTO trap SELECT id, image FROM words WHERE id <= 3; TRUNCATE seen});
	if ($how =~ /^hwr/)
	{
		($rc, $out, $err) = $node->psql('postgres', q{CALL hwr_work(); SHOW search_path; SHOW hwr.max_image_bytes; SELECT current_user, session_user});
		is($rc, 0, "$how: no error") or diag $err;
		like($out, qr/^"\$user", public\n32MB\npostgres\|postgres$/m, "$how: the session is as it was");
	}
	else
	{
		background_until($node, q{SELECT count(*) = 0 FROM hwr.queue WHERE attempts = 0}, "$how: reads");
	}
	cmp_ok(sql('SELECT count(*) FROM seen'), '>', 0, "$how: the owner's functions have run");
	is(sql($no_other), '0', "$how: as nobody but the owner") or diag sql('SELECT DISTINCT what, who, session FROM seen');
	is(sql($nothing_won), 'f|0', "$how: and have won nothing") or diag sql(q{SELECT DISTINCT what, who FROM seen WHERE what LIKE 'done%'});
	is(sql(q{SELECT count(*) FROM seen WHERE what IN ('held', 'prepared')}), '0', "$how: nothing is left for later");
}
sql(q{SELECT hwr_detach('trap')});
is(sql(q{SELECT role FROM hwr_attachments}), '', 'detached');
is(sql($no_other), '0', 'also by that');

# Nothing can be put off until the worker is itself again
sql(q{SET ROLE mallory; CREATE OR REPLACE FUNCTION mischief() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN SET CONSTRAINTS ALL DEFERRED; RETURN NEW; END $$});
sql(q{SELECT hwr_attach('trap', model => 'm', existing => false); INSERT INTO trap SELECT id, image FROM words WHERE id = 9; TRUNCATE seen});
sql_fails($node, 'CALL hwr_work()', '42501', 'cannot fire deferred trigger within security-restricted operation', 'a constraint that is put off');
is(sql($no_other), '0', 'and fires as nobody else');
sql(q{SELECT hwr_detach('trap'); DELETE FROM trap WHERE id = 9});

# What an index, a default or a generated column calls when rows are queued that are there
sql(q{TRUNCATE seen; SELECT hwr_attach('trap', confidence_column => 'confidence', model => 'm')});
is(sql($no_other), '0', 'queueing what is there') or diag sql('SELECT DISTINCT what, who, session FROM seen');
sql(q{SELECT hwr_detach('trap')});

#
# Who attaches without owning: his privileges, and the policies that hold for him
#

sql(<<'SQL');
SET ROLE alice;
CREATE TABLE shared (id integer PRIMARY KEY, whose name, image bytea, text text);
GRANT SELECT, INSERT, TRIGGER ON shared TO bob;
GRANT INSERT ON shared TO clerk;
ALTER TABLE shared ENABLE ROW LEVEL SECURITY;
CREATE POLICY own ON shared TO bob USING (whose = current_user);
CREATE POLICY all_in ON shared FOR INSERT TO clerk WITH CHECK (true);
SQL
sql_fails($node, "SET ROLE bob; SELECT hwr_attach('shared', text_column => 'text', model => 'm')", '42501', 'permission denied for table shared', 'who may not UPDATE cannot attach');
sql('SET ROLE alice; GRANT UPDATE (text) ON shared TO bob; REVOKE TRIGGER ON shared FROM bob');
sql_fails($node, "SET ROLE bob; SELECT hwr_attach('shared', text_column => 'text', model => 'm')", '42501', 'permission denied for table shared', 'nor who may not make triggers');
sql_fails($node, "SET ROLE bob; SELECT hwr_attach('trap', text_column => 'text', model => 'm')", '42501', 'permission denied for', 'nor to what is not his');
sql('SET ROLE alice; GRANT TRIGGER ON shared TO bob');
sql_fails($node, "SET ROLE bob; SELECT hwr_attach('shared', text_column => 'text', model => 'closed')", '42501', 'permission denied for model "closed"', 'nor with a model that is not for him');
is(sql("SET ROLE bob; SELECT hwr_attach('shared', text_column => 'text', model => 'm') > 0"), 't', 'with all of these he can');
sql(q{SET ROLE clerk; INSERT INTO shared SELECT id, CASE WHEN id % 2 = 0 THEN 'bob' ELSE 'carol' END, image FROM words WHERE id <= 10});
is(sql('SELECT count(*) FROM hwr.queue'), '10', 'rows of a clerk, who may nothing but insert, are queued');
is(sql('SET ROLE clerk; SELECT count(*) FROM hwr_attachments'), '0', 'and sees nothing of it');
sql('SET ROLE bob; CALL hwr_work()');
is(sql("SELECT string_agg(id::text, ' ' ORDER BY id) FROM shared WHERE text IS NOT NULL"), '2 4 6 8 10', 'the rows that he sees are read');
# what others have said of rows that he does not see
sql(q{SET ROLE alice; UPDATE shared SET text = 'HIS' WHERE id = 2; UPDATE shared SET text = 'HIDDEN' WHERE id = 3});
sql(q{INSERT INTO hwr.shadow (trial, attachment, key, hash, model, version, text) SELECT 1, attachment, key, '', 'm', 1, label FROM hwr.correction});
foreach (['bob', 'HIS'], ['alice', 'HIDDEN HIS'], ['mallory', ''], ['clerk', ''])
{
	my ($role, $labels) = @$_;

	is(sql("SET ROLE $role; SELECT string_agg(label, ' ' ORDER BY label) FROM hwr.own_corrections"), $labels, "corrections that $role sees");
	is(sql("SET ROLE $role; SELECT string_agg(label, ' ' ORDER BY label) FROM hwr_corrections"), $labels, "with their images");
	is(sql("SET ROLE $role; SELECT string_agg(text, ' ' ORDER BY text) FROM hwr.own_shadows"), $labels, "and shadow readings");
}
is(sql(q{SET ROLE bob; SELECT count(*) FROM hwr.own_rows WHERE key = '{3}'}), '0', 'nor that somebody has');
# who is a member of the role that attached it sees what that role sees, and runs nothing of the owner's
sql(q{CREATE ROLE carol LOGIN IN ROLE bob; TRUNCATE seen; SET ROLE alice; CREATE FUNCTION peek() RETURNS boolean LANGUAGE plpgsql AS $$
	BEGIN INSERT INTO public.seen VALUES ('peek', current_user); RETURN true; END $$; CREATE POLICY peek ON shared AS RESTRICTIVE USING (peek())});
is(sql("SET ROLE carol; SELECT string_agg(label, ' ' ORDER BY label) FROM $_"), 'HIS', "a member of the role sees its rows: $_") foreach 'hwr.own_corrections', 'hwr_corrections';
is(sql(q{SET ROLE carol; SELECT string_agg(text, ' ' ORDER BY text) FROM hwr.own_shadows}), 'HIS', 'and shadow readings');
is(sql(q{SELECT string_agg(DISTINCT who, ' ') FROM seen}), 'bob', 'as that role');
is(sql('SET ROLE clerk; SELECT hwr.role_sees_row(' . sql('SELECT attachment FROM hwr_attachments') . q{, '{2}')}), 'f', 'others see nothing by it');
sql('SET ROLE alice; DROP POLICY peek ON shared; RESET ROLE; TRUNCATE seen');
sql('DELETE FROM hwr.shadow');
# the table's owner tries a model that the role may use, and he may not, or the other way round
sql("SELECT hwr_grant_model('closed', 'bob')");
sql_fails($node, "SET ROLE alice; SELECT hwr_try('shared', 'closed', share => 1, shadow => false)", '42501', 'permission denied for model "closed"', "the owner's own right counts");
sql("SELECT hwr_revoke_model('closed', 'bob'); SELECT hwr_grant_model('closed', 'alice')");
sql_fails($node, "SET ROLE alice; SELECT hwr_try('shared', 'closed', share => 1)", '42501', 'permission denied for model "closed"', "and the role's");
sql("SELECT hwr_grant_model('closed', 'bob')");
is(sql("SET ROLE alice; SELECT hwr_try('shared', 'closed', share => 1) > 0; SELECT hwr_try_end('shared')"), "t\nt", 'with both he can');
sql("SELECT hwr_revoke_model('closed', 'bob'); SELECT hwr_revoke_model('closed', 'alice')");
# by its number, who may not see an attachment learns nothing of it
{
	my $number = sql('SELECT attachment FROM hwr_attachments');

	foreach my $call ("hwr.set_trial($number, 'm', 1, 0.5, true)", "hwr.pause_attachment($number, true)", "hwr.queue_rows($number, 'all')",
		"hwr.delete_attachment($number, true)", "hwr.set_baseline($number, true)", "hwr.confirm_row($number, '{1}')", "hwr.undo_correction($number, '{1}')")
	{
		sql_fails($node, "SET ROLE clerk; SELECT $call", '42501', "permission denied for attachment $number\n", $call);
	}
}
sql_fails($node, "SET ROLE mallory; SELECT hwr_detach('shared')", '42704', 'is not attached', 'others do not see it');
sql_fails($node, q{SET ROLE mallory; CALL hwr_work('shared')}, '42704', 'nothing attached that you may read', 'nor have it read');
sql('SET ROLE alice; REVOKE UPDATE (text) ON shared FROM bob');
sql(q{INSERT INTO shared SELECT id, 'bob', image FROM words WHERE id BETWEEN 11 AND 14});
sql_fails($node, 'SET ROLE bob; CALL hwr_work()', '42501', 'permission denied for table shared', 'a privilege that is taken back is gone');
background_until($node, q{SELECT problem LIKE 'permission denied for table shared' AND sqlstate = '42501' FROM hwr_attachments}, 'a background worker says so');
is(sql('SELECT count(*), max(attempts) FROM hwr.queue'), '4|0', 'and no row is to blame');
sql('SET ROLE alice; GRANT UPDATE (text) ON shared TO bob');
is(sql("SET ROLE bob; CALL hwr_work(); SELECT problem IS NULL FROM hwr_attachments"), "4|0\nt", 'given again, it goes on');
sql(q{INSERT INTO shared SELECT id, 'bob', image FROM words WHERE id = 15});
sql('SELECT hwr_revoke_model(\'m\', \'public\')');
sql_fails($node, 'SET ROLE bob; CALL hwr_work()', '42501', 'permission denied for model "m"', 'a model that is taken back too');
sql('SELECT hwr_grant_model(\'m\', \'public\')');
# mode now reads as who attached, for inserters who have no model
sql("SET ROLE bob; SELECT hwr_detach('shared'); SELECT hwr_attach('shared', text_column => 'text', model => 'm', mode => 'now', existing => false)");
sql("SELECT hwr_revoke_model('m', 'public'); SELECT hwr_grant_model('m', 'bob')");
sql(q{SET ROLE clerk; INSERT INTO shared SELECT id, 'bob', image FROM words WHERE id = 20});
is(sql('SELECT text = hwr_recognize(image, \'m\') FROM shared WHERE id = 20'), 't', 'in the INSERT of a clerk who has no model');
# the owner of the table may end what another began on it
is(sql("SET ROLE alice; SELECT hwr_detach('shared'); SELECT count(*) FROM pg_trigger WHERE tgrelid = 'shared'::regclass"), "\n0", 'the owner detaches');
# a role that is gone
sql(q{SELECT hwr_grant_model('m', 'public'); SET ROLE bob; SELECT hwr_attach('shared', text_column => 'text', model => 'm')});
sql(q{REASSIGN OWNED BY bob TO alice; DROP OWNED BY bob; DROP ROLE bob; INSERT INTO shared SELECT id, 'bob', image FROM words WHERE id = 30});
is(sql('CALL hwr_work(); SELECT waiting, role FROM hwr_queue JOIN hwr_attachments USING (attachment)') =~ s/^0\|0\n//r, '2|', 'of a role that is gone nothing is read');
sql_fails($node, q{SELECT hwr_reread('shared', 'missing')}, '42704', 'the role that attached table "shared" does not exist', 'nor queued');
sql("SET ROLE alice; SELECT hwr_detach('shared')");

done_testing();
