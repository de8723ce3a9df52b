#!/bin/sh
# Runs as root while the image is built. No secret is there yet: tenancy-kubeconfig reads them at start.
set -eu

# Checksums are those of the release page, https://dl.k8s.io/release/<version>/bin/linux/<machine>/kubectl.sha256
VERSION=v1.35.1
SHA256_amd64=36e2f4ac66259232341dd7866952d64a958846470f6a9a6a813b9117bd965207
SHA256_arm64=706256e21a4e9192ee62d1a007ac0bfcff2b0b26e92cc7baad487a6a5d08ff82

PREFIX=${PREFIX:-/usr/local}
DOWNLOADS=${KUBECTL_DOWNLOADS:-https://dl.k8s.io/release}

fail() {
    echo "tenancy: $1" >&2
    exit 1
}

download() {
    if command -v curl >/dev/null; then
        curl --fail --silent --show-error --location --retry 3 --output "$2" "$1"
    elif command -v wget >/dev/null; then
        wget -q -O "$2" "$1"
    else
        fail "neither curl nor wget is in the image; add one, or kubectl itself"
    fi
}

install_kubectl() {
    case $(uname -m) in
        x86_64 | amd64) machine=amd64 wanted=$SHA256_amd64 ;;
        aarch64 | arm64) machine=arm64 wanted=$SHA256_arm64 ;;
        *) fail "there is no pinned kubectl for $(uname -m); add kubectl to the image" ;;
    esac
    folder=$(mktemp -d)
    trap 'rm -rf "$folder"' EXIT
    address=$DOWNLOADS/$VERSION/bin/linux/$machine/kubectl
    download "$address" "$folder/kubectl" || fail "$address could not be downloaded"
    echo "$wanted  $folder/kubectl" | sha256sum -c - >/dev/null 2>&1 ||
        fail "$address is not what was pinned: its SHA-256 should be $wanted; nothing was installed"
    put "$folder/kubectl" kubectl
}

put() {
    mkdir -p "$PREFIX/bin"
    cp "$1" "$PREFIX/bin/$2"
    chmod 0755 "$PREFIX/bin/$2"
}

command -v kubectl >/dev/null || install_kubectl
put "$(dirname "$0")/tenancy-kubeconfig" tenancy-kubeconfig
