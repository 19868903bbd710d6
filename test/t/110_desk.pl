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
my $refused = IPC::Run::run([ $python, '-m', 'desk' ], '>', \$out, '2>', \$log, init => sub { chdir 'web'; $ENV{DESK_DSN} = "$dsn password=x" });
ok(!$refused && $log =~ /DESK_DSN must not have "password"/, 'the desk takes no password of its own') or diag($log);

($out, $log) = ('', '');
my $desk = IPC::Run::start([ $python, '-m', 'desk' ], '<', '/dev/null', '>', \$out, '2>', \$log,
	init => sub { chdir 'web'; @ENV{qw(DESK_DSN DESK_PORT)} = ($dsn, 0); });
my $tries = 0;
$desk->pump_nb, select(undef, undef, undef, 0.1) until $out =~ m{(http://\S+)/} || $tries++ > 600;
my $url = $1 or BAIL_OUT("the desk did not start: $log");

# A script's TAP lines become ours.
sub run_python
{
	my ($script) = @_;
	my $lines = `$python test/desk/$script $url '@{[$node->connstr('postgres')]}' 2>&1`;
	my $status = $?;
	my $count = 0;

	foreach my $line (split /\n/, $lines)
	{
		if ($line =~ /^(not )?ok \d+ - (.*)/)
		{
			ok(!$1, "$script: $2");
			$count++;
		}
		elsif ($line !~ /^1\.\.\d/)
		{
			diag($line);
		}
	}
	ok(($status == 0 || $lines =~ /^not ok/m) && $lines =~ /^1\.\.$count$/m, "$script: ran to its end");
}

run_python('test_api.py');
SKIP:
{
	system("$python -c 'import selenium' 2> /dev/null && command -v chromium chromedriver > /dev/null") == 0
		or skip('no browser tests: Chromium, its driver or Selenium is not there: tools/install-deps browser', 1);
	run_python('test_browser.py');
}

$desk->pump_nb;
unlike($log, qr/Traceback/, 'no error of the desk itself') or diag($log);
$desk->signal('TERM');
$desk->finish;
done_testing();
