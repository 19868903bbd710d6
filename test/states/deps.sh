#!/bin/bash
# tools/install-deps finds out what is missing: in particular the server's headers, where pg_config and pgxs.mk, which come with
# libpq-dev and the client, are there.  It is run as another user than root, who is only told.

. test/states/states.sh
if ! command -v dpkg-query > /dev/null; then
	echo "# skipped: not Debian, and so there is nothing to install"
	finish
fi
real=$(command -v "${PG_CONFIG:-pg_config}")
version=$("$real" --version | sed 's/^PostgreSQL \([0-9]*\).*/\1/')

# One whose headers lie elsewhere.
cat > "$state_dir/pg_config" <<- END
	#!/bin/sh
	case \$1 in
		--includedir-server) echo "$state_dir/include" ;;
		*) exec "$real" "\$@" ;;
	esac
END
chmod 755 "$state_dir" "$state_dir/pg_config"

# This folder may be closed to others: the script comes by standard input.
as_user() {
	local user=()
	[ "$(id -u)" -ne 0 ] || user=(setpriv --reuid=nobody --regid=nogroup --clear-groups)
	(cd / && "${user[@]}" env PATH="$state_dir/bin:$PATH" PG_CONFIG="$1" bash -s -- build) < tools/install-deps
}

is_content() {
	mkdir "$state_dir/include" && : > "$state_dir/include/postgres.h" && as_user "$state_dir/pg_config" && [ ! -s "$state_dir/out" ]
}

# fake_dpkg COMMAND: what dpkg says of packages goes through COMMAND, where $query is the question
fake_dpkg() {
	mkdir -p "$state_dir/bin"
	printf '#!/bin/bash\nquery=(%q "$@")\n%s\n' "$(PATH=${PATH#"$state_dir/bin:"} command -v dpkg-query)" "$1" > "$state_dir/bin/dpkg-query"
	chmod 755 "$state_dir/bin" "$state_dir/bin/dpkg-query"
}

is_content_with_two() {
	fake_dpkg '"${query[@]}" && "${query[@]}"'
	as_user "$real" && [ ! -s "$state_dir/out" ]
}

misses_foreign() {
	fake_dpkg "\"\${query[@]}\" | sed 's/^$(dpkg --print-architecture) /foreign /'"
	refuses 'apt-get install .* libpng-dev' as_user "$real"
}

is "install-deps asks for the server's headers" \
	refuses "apt-get install .* postgresql-server-dev-$version\|has no server headers" as_user "$state_dir/pg_config"
is "install-deps is content with them" is_content
is "install-deps says that PG_CONFIG is not there" refuses "PG_CONFIG.*$state_dir/none" as_user "$state_dir/none"
is "install-deps is content with packages of two architectures" is_content_with_two
is "install-deps misses a package that is there for another architecture only" misses_foreign
finish
