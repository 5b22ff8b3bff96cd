#!/bin/sh
# Pushes files as blobs, then a manifest, with curl: a POST and a PUT for each blob, one by one.
#
#   push_with_curl.sh REPOSITORY_URL FOLDER [CURL_OPTION...]
#
# FOLDER holds "files" (paths, one a line), "manifest.json" and "digests" (lines of
# "<hex> *<path>", in the same order); without "digests" openssl finds them first.
# Two curl processes over kept connections for all blobs: as quick as curl alone can be.
set -e
repository=$1 folder=$2
shift 2
cd "$folder"

if [ ! -e digests ]; then
    xargs openssl dgst -sha256 -r <files >digests
fi

while read -r _; do
    echo "url = \"$repository/blobs/uploads/\""
done <files >posts
curl -q -sSf --fail-early "$@" -X POST -d '' -w '%header{location}\n' -K posts >locations

exec 3<digests 4<locations
while read -r digest _ <&3 && read -r location <&4 && read -r path; do
    echo "url = \"$location&digest=sha256:$digest\""
    echo "upload-file = \"$path\""
done <files >puts
curl -q -sSf --fail-early "$@" -H 'Content-Type: application/octet-stream' -K puts

curl -q -sSf "$@" -H 'Content-Type: application/vnd.oci.image.manifest.v1+json' \
    -T manifest.json "$repository/manifests/1.0.0"
