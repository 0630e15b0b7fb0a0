#!/bin/sh
# Runs the workflow whose id it is given. A command sends one token: the one that is valid when it starts.
exec temporal workflow execute --address "$TEMPORAL_ADDRESS" --tls=false --namespace "$TEMPORAL_NAMESPACE" \
  --api-key "$(cat "$TOKEN_FILE")" --task-queue "$TASK_QUEUE" --type Hello --input '"World"' --workflow-id "$1"
