# CSV files as RFC 4180 has them and Python's csv reads them, for the programs beside it: a field is quoted if it begins with a quote, may then
# span lines, and has "" for a quote; anywhere else a quote is a character like others.  A field that is quoted and never ends is an error.
package Csv;

use strict;
use warnings;

# The whole file, which with utf8 => 1 has to be in UTF-8; an exception says where it is wrong.
sub new
{
	my ($class, $path, %wanted) = @_;
	open(my $file, '<:raw', $path) or die "could not open $path: $!\n";
	my $text = do { local $/; <$file> } // '';
	$text =~ s/^\xef\xbb\xbf//;
	my $self = bless { path => $path, text => $text, behind => 1 }, $class;
	# All of it is looked through before anything is made of its first part.
	while (my $fields = $self->next)
	{
		die "$path, line $self->{line}: this is not in UTF-8\n" if $wanted{utf8} && grep { !utf8::decode(my $copy = $_) } @$fields;
	}
	pos($self->{text}) = 0;
	$self->{behind} = 1;
	return $self;
}

# The next record as a reference to its fields, of which an empty line has one; undef at the end.  line() is where it begins.
sub next
{
	my ($self) = @_;
	my $text = \$self->{text};
	my $start = pos($$text) // 0;
	return undef if $start == length $$text;
	$self->{line} = $self->{behind};
	my @fields;
	do
	{
		my $field = $$text =~ /\G"/gc ? $self->quoted : '';
		$$text =~ /\G([^,\r\n]*)/gc;
		push @fields, $field . $1;
	} while ($$text =~ /\G,/gc);
	$self->{behind} += $$text =~ /\G(?:\r\n?|\n)/gc;
	return \@fields;
}

sub line
{
	my ($self) = @_;
	return $self->{line};
}

# The rest of a quoted field.
sub quoted
{
	my ($self) = @_;
	my $text = \$self->{text};
	my $start = $self->{behind};
	my $field = '';
	while ($$text =~ /\G([^"]*)"("?)/gc)
	{
		my ($part, $quote) = ($1, $2);
		$field .= $part . $quote;
		$self->{behind} += () = $part =~ /\r\n?|\n/g;
		return $field if $quote eq '';
	}
	die "$self->{path}, line $start: a quoted field begins here and never ends\n";
}

1;
