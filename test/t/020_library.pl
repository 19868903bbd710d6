# What the extension's library needs of others: the documented libraries and nothing else

use strict;
use warnings;

use Test::More;

# doc/dependencies.md says why each; the C library has further names.
my @documented = qw(jpeg png16 png jansson utf8proc fribidi protobuf-c m c pthread gcc_s ld-linux-x86-64 ld-linux-aarch64);

my ($libdir) = map { chomp; $_ } `pg_config --pkglibdir`;
my @needed = map { /NEEDED.*\[(?:lib)?([^\].]+)\.so/ ? $1 : () } `readelf -d '$libdir/hwr.so'`;

ok(@needed > 3, 'the library names what it needs');
foreach my $library (@needed)
{
	ok((grep { $_ eq $library } @documented), "$library is documented");
}

# The other way round: the server's own symbols aside, only PostgreSQL's entry points are exported.
my @foreign = grep { !/^(hwr_|pg_finfo_|Pg_magic_func|_PG_init)/ }
  map { /\b(?:FUNC|OBJECT)\s+GLOBAL\s+DEFAULT\s+\d+\s+(\S+)/ ? $1 : () } `readelf -W --dyn-syms '$libdir/hwr.so'`;
is("@foreign", '', 'every exported symbol begins with hwr_');

done_testing();
