#!/usr/bin/env bash
# Let the CloudWatch agent read also what .ebextensions/logs.config names. After the
# deployment, because the platform writes the agent's configuration anew during it.
set -euo pipefail

/opt/aws/amazon-cloudwatch-agent/bin/amazon-cloudwatch-agent-ctl -a append-config -m ec2 -s \
  -c file:/opt/aws/amazon-cloudwatch-agent/etc/web-stdout.json
