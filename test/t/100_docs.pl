# Every code block of the documentation runs, in order, as a reader pastes it
#
# Each page has a fresh database "mydb".  A block's language says what it is: sql goes through psql, sh
# through bash, python through python3 where psycopg and NumPy are there; text, json, ini and the like are
# output or files.  A block without a language fails.  Comments of the page, on lines before the block, say
# more:
#
#	<!-- skip: why -->			it cannot run here; it is counted
#	<!-- with: OLD ==> NEW -->	with NEW in the place of OLD, which makes it short; left alone in the long form of the tests
#	<!-- fails: PATTERN -->		it fails, with a message that matches
#	<!-- prints: PATTERN -->	its output or messages match
#	<!-- setup: SQL -->			what the page takes for granted; over several lines

use strict;
use warnings;

use PostgreSQL::Test::Utils;
use Test::More;

use HwrTest;

my $long = $ENV{HWR_LONG};
my $node = PostgreSQL::Test::Cluster->new('docs');
$node->init(allows_streaming => 'logical');
$node->append_conf('postgresql.conf', "max_worker_processes = 16\n");
$node->start;

local $ENV{PGHOST} = $node->host;
local $ENV{PGPORT} = $node->port;
local $ENV{PGDATABASE} = 'mydb';
local $ENV{PYTHONPATH} = 'doc/examples';
my $psycopg = system("python3 -c 'import psycopg, numpy' 2> /dev/null") == 0;

my %runs = (
	sql => sub { return ('psql', '-X', '-v', 'ON_ERROR_STOP=1', '-v', 'VERBOSITY=verbose', '-P', 'pager=off', '-f', shift) },
	sh => sub { return ('bash', '-e', shift) },
	python => sub { return ('python3', shift) });
my %count = (run => 0, skipped => 0, failed => 0, output => 0);
my %why;

sub run_block
{
	my ($language, $text) = @_;
	my $file = "$PostgreSQL::Test::Utils::tmp_check/block";

	open(my $out, '>', $file) or die "could not write $file: $!";
	print $out $text;
	close $out;
	my ($printed, $said) = ('', '');
	my $ok = IPC::Run::run([ $runs{$language}->($file) ], '<', '/dev/null', '>', \$printed, '2>', \$said, IPC::Run::timeout(600));
	return ($ok, $printed . $said);
}

# A block with its comments; counts and judges it.
sub check_block
{
	my ($page, $line, $language, $text, %note) = @_;
	my $name = "$page line $line";

	if (!$language)
	{
		$count{failed}++;
		fail("$name: a block needs a language");
		return;
	}
	if (!exists $runs{$language})
	{
		$count{output}++;
		return;
	}
	$note{skip} //= 'NumPy and psycopg are not installed' if $language eq 'python' && !$psycopg;
	if ($note{skip})
	{
		$count{skipped}++;
		push @{ $why{ $note{skip} } }, $name;
		return;
	}
	foreach my $with (@{ $note{with} // [] })
	{
		my ($old, $new) = split / ==> /, $with, 2;

		ok(index($text, $old) >= 0, "$name: has \"$old\"");
		$text =~ s/\Q$old\E/$new/g unless $long;
	}
	my ($ok, $output) = run_block($language, $text);
	my $good = $note{fails} ? !$ok && $output =~ /$note{fails}/ : $ok;
	$good &&= $output =~ /$note{prints}/s if $note{prints};
	$count{ $good ? 'run' : 'failed' }++;
	ok($good, $name) or diag("$text\n----\n$output");
}

sub check_page
{
	my ($page) = @_;
	my (%note, $language, $start, $text, $setup);

	$node->safe_psql('postgres', 'DROP DATABASE IF EXISTS mydb');
	$node->safe_psql('postgres', 'CREATE DATABASE mydb');
	open(my $in, '<:raw', $page) or die "could not open $page: $!";
	while (my $line = <$in>)
	{
		if (defined $setup)
		{
			if ($line =~ /^\s*-->/)
			{
				my ($ok, $output) = run_block('sql', $setup);
				ok($ok, "$page: set up before line $.") or diag("$setup\n----\n$output");
				undef $setup;
			}
			else
			{
				$setup .= $line;
			}
		}
		elsif (defined $start)
		{
			if ($line =~ /^\s*```\s*$/)
			{
				check_block($page, $start, $language, $text, %note);
				undef $start;
				%note = ();
			}
			else
			{
				$text .= $line;
			}
		}
		elsif ($line =~ /^\s*```(\w*)\s*$/)
		{
			($language, $start, $text) = ($1, $., '');
		}
		elsif ($line =~ /^\s*<!-- setup:\s*$/)
		{
			$setup = '';
		}
		elsif ($line =~ /^\s*<!-- with: (.*) -->$/)
		{
			push @{ $note{with} }, $1;
		}
		elsif ($line =~ /^\s*<!-- (skip|fails|prints): (.*) -->$/)
		{
			$note{$1} = $2;
		}
		elsif ($line =~ /\S/)
		{
			is(join(' ', sort keys %note), '', "$page line $.: a comment that belongs to no block") if %note;
			%note = ();
		}
	}
	close $in;
}

check_page($_) foreach 'README.md', sort(glob('doc/*.md'));
is($count{failed}, 0, 'no block fails');
cmp_ok($count{run}, '>', 40, 'blocks were run');
note("blocks: $count{run} run, $count{skipped} skipped, $count{failed} failed; $count{output} of output");
foreach my $reason (sort keys %why)
{
	note('skipped, ' . scalar(@{ $why{$reason} }) . " times: $reason");
}

$node->stop('fast');
done_testing();
