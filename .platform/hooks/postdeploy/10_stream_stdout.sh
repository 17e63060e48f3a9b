#!/usr/bin/env bash
# Stream the container's output to the log group of .ebextensions/logs.config only. This
# runs after a deployment, because the platform replaces the agent's configuration during it.
set -euo pipefail

agent=/opt/aws/amazon-cloudwatch-agent
# The platform would send it to a group of its own as well (docs/aws.md#streamed-twice).
platform=$agent/etc/amazon-cloudwatch-agent.d/file_beanstalk.json
if [ -e "$platform" ]; then
  sed -i 's/\*stdouterr\.log/none.log/g' "$platform"
fi
"$agent/bin/amazon-cloudwatch-agent-ctl" -a append-config -m ec2 -s -c "file:$agent/etc/web-stdout.json"
