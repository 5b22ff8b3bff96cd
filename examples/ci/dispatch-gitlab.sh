#!/bin/sh
# Starts the deploying job: lading watch MODEL --stage prod --exec ./dispatch-gitlab.sh
#
# Needs GITLAB_PROJECT (its number), GITLAB_TOKEN_FILE, a file with a pipeline trigger token, and
# GITLAB_REF, the branch. The event comes on stdin; the job reads the ledger for itself.
set -eu

api=${GITLAB_API_URL:-https://gitlab.com/api/v4}

# The token goes by stdin: others on this machine can read a command line.
printf 'form = "token=%s"\n' "$(cat "$GITLAB_TOKEN_FILE")" |
    curl --fail --silent --show-error --max-time 60 --config - \
        --form "ref=${GITLAB_REF:-main}" \
        --output /dev/null \
        "$api/projects/$GITLAB_PROJECT/trigger/pipeline"
