# postgres-source.sh
#	PostgreSQL's source, for bash scripts that source this file after private-server.sh.
#
#	download_source		Debian's source package of the version of PG_CONFIG into build/core/source, if it is not there

# Security updates first, where they still lie there.  With apt lists of our own in build/.
download_source() {
	local apt=(apt-get -q=2 -o "Dir::Etc::sourcelist=$PWD/build/core/list.sources.list" -o Dir::Etc::sourceparts=/dev/null
		-o "Dir::State::lists=$PWD/build/core/lists" -o "Dir::Cache=$PWD/build/core/cache" -o APT::Sandbox::User=root)
	local package version tarball
	[ ! -e build/core/source/configure ] || return 0
	package=postgresql-$("$PG_CONFIG" --version | sed 's/^PostgreSQL \([0-9]*\).*/\1/')
	mkdir -p build/core/lists/partial build/core/cache/archives/partial
	apt-get indextargets --format '$(REPO_URI) $(RELEASE) $(COMPONENT) $(ORIGIN) $(CREATED_BY)' |
		awk '$3 == "main" && $4 == "Debian" && $5 == "Packages" {
			print "deb-src [signed-by=/usr/share/keyrings/debian-archive-keyring.gpg]", $1, $2, $3 }' \
		> build/core/list.sources.list
	run "${apt[@]}" update || return 1
	for version in $("${apt[@]/#apt-get/apt-cache}" madison "$package" | awk '/Sources$/ { print $3 }'); do
		if (cd build/core && run "${apt[@]}" source --download-only "$package=$version" > download.log 2>&1); then
			tarball=$(ls build/core/"${package}_${version%-*}".orig.tar.*) || return 1
			mkdir -p build/core/source
			tar -C build/core/source --strip-components=1 -xf "$tarball"
			return
		fi
	done
	cat build/core/download.log >&2
	return 1
}
