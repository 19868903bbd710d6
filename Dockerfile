# hwr in the official postgres image of Debian:
#
#	docker build -t postgres-hwr .
#	docker run -e POSTGRES_PASSWORD=secret postgres-hwr
#
# CREATE EXTENSION hwr is said in POSTGRES_DB when a database is first made.  PG_MAJOR comes with the image.
ARG BASE=postgres:17-bookworm

FROM $BASE AS build
RUN apt-get update && apt-get install -y --no-install-recommends gcc libc6-dev make pkg-config \
	libjpeg-dev libpng-dev libjansson-dev libutf8proc-dev libfribidi-dev libprotobuf-c-dev protobuf-c-compiler \
	"postgresql-server-dev-$PG_MAJOR"
COPY . /src
WORKDIR /src
RUN export PG_CONFIG="/usr/lib/postgresql/$PG_MAJOR/bin/pg_config" && make clean && make -j "$(nproc)" && make install DESTDIR=/out
# The packages of the libraries that it needs, by their names in this release.
RUN ldd "/out/usr/lib/postgresql/$PG_MAJOR/lib/hwr.so" | sed -n 's/.* => \([^ ]*\) .*/\1/p' | xargs -n 1 readlink -f | sed 's,^/usr,,' | \
	while read -r file; do dpkg-query -S "*$file" | sed 's/:.*//' | head -n 1; done | sort -u > /out/libraries

FROM $BASE
COPY --from=build /out/ /
RUN apt-get update && apt-get install -y --no-install-recommends $(cat /libraries) && rm -rf /var/lib/apt/lists/* /libraries
RUN echo 'CREATE EXTENSION hwr;' > /docker-entrypoint-initdb.d/10-hwr.sql
