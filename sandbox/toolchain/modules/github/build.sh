#!/bin/sh
# Usage: build.sh OUT VERSION — builds the plugin pulumi-resource-github into the file OUT. VERSION is that of
# the Python package pulumi-github, as whose plugin the engine asks for it.
#
# Two builds in one: a generator that asks the upstream provider for its resources and writes the Pulumi
# schema (800 KB, so it is made here rather than kept in git), then the plugin with that schema embedded.
# The source folder is never written to. $GO names the go command, "go" where unset.
#
# go.sum holds only what these two builds need. `go mod tidy` cannot make it from nothing: the checksum
# database does not serve github.com/bored-engineer/github-conditional-http-transport, whose lines come
# from the go.sum of terraform-provider-github (a module that the database does verify).
set -eu

if [ $# -ne 2 ]; then
    echo "usage: build.sh OUT VERSION" >&2
    exit 2
fi
go=${GO:-go}
case $1 in
    /*) out=$1 ;;
    *) out=$PWD/$1 ;;
esac
source=$(CDPATH='' cd -- "$(dirname -- "$0")" && pwd)
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
trap 'exit 130' INT TERM

flags="-s -w -X tenancy.sandbox/github/provider.Version=$2"
export GOWORK=off
cd "$source"
"$go" build -mod=readonly -trimpath -ldflags "$flags" -o "$work/pulumi-tfgen-github" ./cmd/pulumi-tfgen-github
"$work/pulumi-tfgen-github" schema --out "$work" --skip-docs --skip-examples >"$work/log" 2>&1 || {
    cat "$work/log" >&2
    echo "build.sh: the schema of pulumi-resource-github could not be generated" >&2
    exit 1
}
# An overlay puts the generated file beside the code that embeds it, for this build only.
printf '{"Replace": {"%s": "%s"}}\n' \
    "$source/cmd/pulumi-resource-github/schema.json" "$work/schema.json" >"$work/overlay.json"
"$go" build -mod=readonly -trimpath -ldflags "$flags" -overlay "$work/overlay.json" \
    -o "$work/plugin" ./cmd/pulumi-resource-github
mv "$work/plugin" "$out.part"
mv "$out.part" "$out"
