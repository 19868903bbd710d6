# What the TAP tests share: a server with the extension and some words, and psql sessions beside the test.
package HwrTest;

use strict;
use warnings;

use Exporter 'import';
use File::Basename;
use File::Path qw(make_path);
use IPC::Run ();
use PostgreSQL::Test::Cluster;
use PostgreSQL::Test::Utils;
use Test::More;

our @EXPORT = qw(new_server copy_installation load_words load_file load_golden keep_model survived job_is sql_fails start_sql interrupt finish_sql background_until);

# Training options: a network that trains in a moment, and a job whose end is not near.
our $tiny = q('{"architecture": "[1,32,96,1 Cr3,3,8 Mp4,4 Cr3,3,16 Mp8,1 Lbx16", "epochs": 2}');
our $endless = q('{"architecture": "[1,32,96,1 Cr3,3,8 Mp4,4 Cr3,3,16 Mp8,1 Lbx16", "epochs": 10000, "patience": 0}');

# Seconds that a session beside the test, or a statement that is to fail, may take
our $patience = 120;

# A server without pipeline workers has some for a while, until this is true.
sub background_until
{
	my ($node, $query, $name) = @_;

	$node->append_conf('postgresql.conf', 'hwr.pipeline_workers = 2');
	$node->reload;
	ok($node->poll_query_until('postgres', $query), $name);
	$node->append_conf('postgresql.conf', 'hwr.pipeline_workers = 0');
	$node->reload;
	$node->poll_query_until('postgres', "SELECT count(*) = 0 FROM pg_stat_activity WHERE backend_type = 'hwr pipeline worker'");
}

sub new_server
{
	my ($name, %args) = @_;
	my $node = PostgreSQL::Test::Cluster->new($name);

	$node->init(%{ $args{init} // {} });
	$node->append_conf('postgresql.conf', $args{conf}) if $args{conf};
	$node->start;
	load_words($node);
	return $node;
}

# A PostgreSQL whose files a test may change: a folder that holds its programs and is otherwise symbolic
# links, since PostgreSQL looks for its files beside its programs.  PREFIX/lib/postgresql/15/bin and
# PREFIX/share/postgresql/15 become HERE/lib/... and HERE/share/...  Returns where it is installed, for a
# cluster's install_path, and its share folder.
sub copy_installation
{
	my ($here) = @_;
	my %path = map { my ($p) = run_command([ 'pg_config', "--$_" ]); $_ => $p } qw(bindir sharedir pkglibdir);
	my $prefix = $path{bindir};

	$prefix = dirname($prefix) while grep { index($_, "$prefix/") != 0 && $_ ne $prefix } values %path;
	my %copy = map { $_ => $here . substr($path{$_}, length $prefix) } keys %path;
	make_path($copy{bindir}, "$copy{sharedir}/extension", "$copy{sharedir}/hwr", dirname($copy{pkglibdir}));
	system('cp', (map { "$path{bindir}/$_" } qw(postgres initdb pg_ctl pg_config psql)), $copy{bindir}) == 0 or die;
	symlink $path{pkglibdir}, $copy{pkglibdir} or die;
	link_all("$path{sharedir}$_", "$copy{sharedir}$_") foreach '', '/extension', '/hwr';
	return (dirname($copy{bindir}), $copy{sharedir});
}

sub link_all
{
	my ($from, $to) = @_;

	foreach my $file (glob("$from/*"))
	{
		my $link = "$to/" . basename($file);
		symlink $file, $link or die "could not link $link: $!" unless -e $link;
	}
}

# Table words: 100 images.
sub load_words
{
	my ($node) = @_;

	$node->safe_psql('postgres', <<'SQL');
CREATE EXTENSION hwr;
CREATE TABLE words (id integer GENERATED ALWAYS AS IDENTITY, image bytea, label text);
\copy words (image, label) FROM PROGRAM 'tools/load-images --copy test/data/words.csv test/data/words'
DELETE FROM words WHERE id > 100;
SQL
}

# Make table golden, of a model file that reads words, which one trained in a moment does not; store it under these names.
sub load_golden
{
	my ($node, @models) = @_;

	load_file($node, 'golden', 'test/data/golden/1.safetensors');
	$node->safe_psql('postgres', "SELECT hwr_import_model(file, '$_') FROM golden") foreach @models;
}

# A model that no fault may harm, and what it is and reads
my $contents = q{SELECT m.model, m.version, m.active, md5(hwr_export_model(m.model, m.version)),
		(SELECT string_agg(hwr_recognize(image, m.model), ' ' ORDER BY id) FROM words WHERE id <= 5)
	FROM hwr_models m WHERE m.model = 'kept'};
my $kept;

sub keep_model
{
	my ($node) = @_;

	load_golden($node, 'kept');
	$kept = $node->safe_psql('postgres', $contents);
	like($kept, qr/LON/, 'a model reads');
}

# What holds after every fault.  Jobs of this model, if one is given, have ended like this; trainings
# afterwards are of model "after".
sub survived
{
	my ($node, $name, $model, $state) = @_;

	ok($node->poll_query_until('postgres', 'SELECT NOT pg_is_in_recovery()'), "$name: the server answers");
	is($node->safe_psql('postgres', $contents), $kept, "$name: no model is lost");
	job_is($node, $model, $state) if $model;
	is($node->safe_psql('postgres', q{SELECT (SELECT count(*) FROM hwr.version), (SELECT count(*) FROM hwr_orphans()),
				(SELECT count(*) FROM hwr.model m WHERE NOT EXISTS (SELECT FROM hwr.version v WHERE v.model_id = m.id))})
			=~ s/^\d+/n/r, 'n|0|0', "$name: no model is half there");
	is($node->safe_psql('postgres', 'SELECT count(*) FROM hwr_progress'), '0', "$name: nothing seems to run");
	is(join(' ', glob($node->data_dir . '/base/pgsql_tmp/*')), '', "$name: no temporary file");
	is($node->safe_psql('postgres', "SELECT version > 0 FROM hwr_train('words', 'after', options => $HwrTest::tiny)"), 't',
		"$name: a training succeeds");
}

# A table of one row and column, file, with the bytes of this file
sub load_file
{
	my ($node, $table, $path) = @_;

	open(my $file, '<:raw', $path) or die "could not open $path: $!";
	my $bytes = do { local $/; <$file> };
	close $file;
	$node->safe_psql('postgres', "CREATE TABLE $table AS SELECT decode('" . unpack('H*', $bytes) . "', 'hex') AS file");
}

# Wait until the newest job of a model is in this state.
sub job_is
{
	my ($node, $model, $state) = @_;

	ok($node->poll_query_until('postgres',
			"SELECT state = '$state' FROM hwr_job_details WHERE model = '$model' ORDER BY job DESC LIMIT 1"),
		"job of $model is $state");
}

# The statement fails with this SQLSTATE and a message that matches.  One that goes on instead, such as a
# training that should have been refused, ends after a while.
sub sql_fails
{
	my ($node, $sql, $sqlstate, $pattern, $name) = @_;
	my ($rc, $out, $err) = $node->psql('postgres', "\\set VERBOSITY verbose\nSET statement_timeout = '${patience}s';\n$sql");

	isnt($rc, 0, "$name: fails");
	like($err, qr/ERROR:  $sqlstate: .*$pattern/s, "$name: error");
}

# Run statements in a psql of its own and go on.
sub start_sql
{
	my ($node, @statements) = @_;
	my $session = { out => '', err => '' };

	$session->{run} = IPC::Run::start(
		[ 'psql', '-XAtq', '-v', 'ON_ERROR_STOP=1', '-v', 'VERBOSITY=verbose', '-d', $node->connstr('postgres'),
			map { ('-c', $_) } @statements ],
		'<', '/dev/null', '>', \$session->{out}, '2>', \$session->{err},
		IPC::Run::timeout($patience));
	return $session;
}

# Ctrl-C
sub interrupt
{
	my ($session) = @_;

	$session->{run}->signal('INT');
}

# Its output and messages, once it has ended.
sub finish_sql
{
	my ($session) = @_;

	$session->{run}->finish;
	return ($session->{out}, $session->{err});
}

1;
