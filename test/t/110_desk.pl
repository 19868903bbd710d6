# The desk, the web application of web/: its API and, where Chromium is there, its pages in a browser

use strict;
use warnings;

use IPC::Run ();
use HwrTest;
use Test::More;

my $python = (grep { -x && system("$_ -c 'import fastapi, uvicorn, psycopg, psycopg_pool' 2> /dev/null") == 0 }
	'/usr/bin/python3', map { "$_/python3" } split /:/, $ENV{PATH})[0];
plan skip_all => 'FastAPI, Uvicorn, psycopg 3 or its pool is not there: tools/install-deps desk' unless $python;

my $node = new_server('desk', conf => "shared_preload_libraries = 'hwr'\n");
load_golden($node, 'hers', 'hers');
$node->safe_psql('postgres', do { local (@ARGV, $/) = 'test/desk/roles.sql'; <> });

# The desk lets in whom the server asks for a password.
open(my $hba, '>', $node->data_dir . '/pg_hba.conf') or die;
print $hba 'local all "', scalar getpwuid($<), qq(" peer\nlocal all trusted trust\nlocal all all scram-sha-256\n);
close $hba;
$node->reload;

my $dsn = 'host=' . $node->host . ' port=' . $node->port . ' dbname=postgres';
my ($out, $log) = ('', '');

# A connection string with a password would let everybody in.
my $refused = IPC::Run::run([ $python, '-m', 'desk' ], '>', \$out, '2>', \$log,
	init => sub { chdir 'web'; $ENV{DESK_DSN} = "$dsn password=x" });
ok(!$refused && $log =~ /DESK_DSN must not have "password"/, 'the desk takes no password of its own') or diag($log);

($out, $log) = ('', '');
my $desk = IPC::Run::start([ $python, '-m', 'desk' ], '<', '/dev/null', '>', \$out, '2>', \$log,
	init => sub { chdir 'web'; @ENV{qw(DESK_DSN DESK_PORT DESK_STATEMENT_SECONDS)} = ($dsn, 0, 600); });	# a form takes its time where much else runs
END { local $?; $desk->kill_kill if $desk }
my $tries = 0;
$desk->pump_nb, select(undef, undef, undef, 0.1) until $out =~ m{(http://\S+)/} || $tries++ > 600;
my $url = $1 or BAIL_OUT("the desk did not start: $log");

# A script's TAP lines become ours.
sub run_python
{
	my ($script) = @_;
	my ($count, $plan) = (0, -1);

	local $ENV{PYTHONDONTWRITEBYTECODE} = 1;
	open(my $lines, '-|', qq{$python test/desk/$script $url "} . $node->connstr('postgres') . q{" 2>&1}) or die;
	while (my $line = <$lines>)
	{
		chomp $line;
		if ($line =~ /^(not )?ok \d+ - (.*)/)
		{
			ok(!$1, "$script: $2");
			$count++;
		}
		elsif ($line =~ /^1\.\.(\d+)$/)
		{
			$plan = $1;
		}
		else
		{
			diag($line);
		}
	}
	close $lines;
	is($plan, $count, "$script: ran to its end");
}

run_python('test_api.py');
SKIP:
{
	system("$python -c 'import selenium' 2> /dev/null && command -v chromium chromedriver > /dev/null") == 0
		or skip('no browser tests: Chromium, its driver or Selenium is not there: tools/install-deps browser', 1);
	run_python('test_browser.py');
}

# The same in SQL, for PostgREST: web/hwr_api.sql
foreach (1, 2)
{
	$node->command_ok([ 'psql', '-Xq', '-d', $node->connstr('postgres'), '-f', 'web/hwr_api.sql' ], "hwr_api.sql runs, time $_");
}
sub api_is
{
	my ($role, $sql, $expected, $name) = @_;

	is($node->safe_psql('postgres', "SET ROLE $role; $sql"), $expected, "hwr_api: $name");
}
api_is('anna', q{SELECT count(*) > 1 FROM hwr_api.models WHERE model = 'hers'}, 't', 'her models');
api_is('ben', q{SELECT count(*) FROM hwr_api.models WHERE model = 'hers'}, '0', 'are not his');
api_is('anna', q{SELECT r.text = hwr_recognize(f.image) FROM forms f, hwr_api.read(f.image) r WHERE id = 1 AND rank = 1}, 't',
	'an image is read');
api_is('anna', q{SELECT count(*) FROM forms f, hwr_api.read_with(encode(f.image, 'base64'), 'names', 3) WHERE id = 1}, '3',
	'in base64, by a model');
api_is('anna', q{SELECT count(*) FROM hwr_api.review('forms', "limit" => 4)}, '4', 'review');
api_is('anna', q{SELECT count(*) > 0 FROM forms f, hwr_api.search('forms', 'ink', 'id', quote_ident(lower(hwr_text(f.ink)))) s
	WHERE hwr_text(f.ink) ~ '^[A-Z]{2,}$'}, 't', 'search');
api_is('anna', qq{SELECT hwr_api.cancel(hwr_api.train('words', 'sql', options => $HwrTest::endless))}, 't',
	'a training is started and cancelled');
api_is('anna', q{SELECT count(*) FROM hwr_api.jobs WHERE model = 'sql'}, '1', 'her job');
$node->safe_psql('postgres', q{CREATE TABLE tried (id integer PRIMARY KEY, image bytea, text text); ALTER TABLE tried OWNER TO anna; SELECT hwr_attach('tried', model => 'hers')});
api_is('anna', q{SELECT waiting FROM hwr_api.queue WHERE data = 'tried'::regclass}, '0', 'a table that reads itself');
api_is('anna', q{SELECT hwr_api.try('tried', 'names') > 0; SELECT verdict ~ 'too early' FROM hwr_api.compare('tried'); SELECT hwr_api.try_end('tried')}, "t\nt\nt", 'a version is tried');
sql_fails($node, q{SET ROLE anna; SELECT * FROM hwr_api.improve('hers')}, '55000', 'too few corrections',
	'hwr_api: nothing to learn from');
sql_fails($node, q{SET ROLE ben; SELECT * FROM hwr_api.improve('hers')}, '42501', 'permission denied',
	'hwr_api: learning without the privilege');
sql_fails($node, q{SET ROLE ben; SELECT hwr_api.try('tried', 'names')}, '42704', 'is not attached', 'hwr_api: another\'s table');
sql_fails($node, q{SET ROLE ben; SELECT * FROM hwr_api.review('forms')}, '42501', 'permission denied',
	'hwr_api: the queue of another\'s table');
sql_fails($node, q{SET ROLE ben; SELECT hwr_api.train('shared')}, '42501', 'permission denied',
	'hwr_api: a training without the privilege');
sql_fails($node, q{SET ROLE anna; SELECT * FROM hwr_api.search('forms; DROP TABLE forms', 'ink', 'id', 'x')}, '42(P01|601|602)',
	'', 'hwr_api: a table with a poisoned name');

# A key of someone's type is shown without his cast to text
$node->safe_psql('postgres', <<'SQL');
CREATE TYPE drawer AS ENUM ('upper', 'lower');
CREATE FUNCTION drawer_text(drawer) RETURNS text LANGUAGE plpgsql AS $$ BEGIN RAISE 'run as %', current_user; END $$;
CREATE CAST (drawer AS text) WITH FUNCTION drawer_text(drawer);
CREATE TABLE drawers (drawer drawer, ink hwr_posterior);
INSERT INTO drawers SELECT 'lower', ink FROM forms WHERE hwr_text(ink) ~ '^[A-Z]{2,}$';
GRANT SELECT ON drawers TO anna;
SQL
api_is('anna', q{SELECT DISTINCT key FROM drawers d, hwr_api.search('drawers', 'ink', 'drawer', quote_ident(lower(hwr_text(d.ink))))}, 'lower', 'a key of a type with a cast');

# hwr in a schema of its own, as doc/privileges.md advises: tables are still where who asks would look for them.
$node->safe_psql('postgres', 'CREATE DATABASE apart');
$node->safe_psql('apart', <<'SQL');
CREATE SCHEMA apart;
GRANT USAGE ON SCHEMA apart TO PUBLIC;
CREATE EXTENSION hwr SCHEMA apart;
CREATE TABLE forms (id integer GENERATED ALWAYS AS IDENTITY PRIMARY KEY, image bytea, label text, ink apart.hwr_posterior);
\copy forms (image, label) FROM PROGRAM 'tools/load-images --copy test/data/words.csv test/data/words'
DELETE FROM forms WHERE id > 5;
UPDATE forms SET ink = apart.hwr_posterior(image, 'names');
GRANT SELECT ON forms TO anna;
SQL
$node->command_ok([ 'psql', '-Xq', '-d', $node->connstr('apart'), '-f', 'web/hwr_api.sql' ], 'hwr_api.sql runs, with hwr in a schema of its own');
is($node->safe_psql('apart', q{SET ROLE anna; SELECT count(*) FROM hwr_api.review('forms', 'names')}), '5', 'hwr_api: a table without its schema');
is($node->safe_psql('apart', q{SET ROLE anna; SELECT count(*) > 0 FROM hwr_api.search('forms', 'ink', 'id', (SELECT lower(apart.hwr_text(ink)) FROM forms WHERE id = 3))}),
	't', 'hwr_api: searched');
foreach ([ q{hwr_api.train('forms')}, 'permission denied for function hwr_train' ], [ q{hwr_api.try('forms', 'names')}, 'is not attached' ],
	[ q{hwr_api.compare('forms')}, 'is not attached' ], [ q{hwr_api.improve(training => 'forms')}, 'permission denied for function hwr_improve' ])
{
	my (undef, undef, $err) = $node->psql('apart', "SET ROLE anna; SELECT * FROM $_->[0]");
	like($err, qr/$_->[1]/, "hwr_api: $_->[0] finds the table");
}

$desk->pump_nb;
unlike($log, qr/Traceback/, 'no error of the desk itself') or diag($log);
done_testing();
