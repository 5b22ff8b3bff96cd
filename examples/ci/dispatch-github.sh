#!/bin/sh
# Starts the deploying workflow: lading watch MODEL --stage prod --exec ./dispatch-github.sh
#
# Needs GITHUB_REPOSITORY (owner/name) and GITHUB_TOKEN_FILE, a file with a fine-grained token that
# may write the contents of that repository alone. The event comes on stdin; its number is enough
# for people, and the workflow reads the rest for itself.
set -eu

api=${GITHUB_API_URL:-https://api.github.com}

# The token goes by stdin: others on this machine can read a command line.
printf 'header = "Authorization: Bearer %s"\n' "$(cat "$GITHUB_TOKEN_FILE")" |
    curl --fail --silent --show-error --max-time 60 --config - \
        --header 'Accept: application/vnd.github+json' \
        --data "{\"event_type\": \"lading\", \"client_payload\": {\"seq\": $LADING_EVENT_SEQ}}" \
        "$api/repos/$GITHUB_REPOSITORY/dispatches"
