#!/usr/bin/env bash
# Add the file of .ebextensions/logs.config to the CloudWatch agent's configuration. This
# runs after a deployment, because the platform replaces the configuration during it.
set -euo pipefail

/opt/aws/amazon-cloudwatch-agent/bin/amazon-cloudwatch-agent-ctl -a append-config -m ec2 -s \
  -c file:/opt/aws/amazon-cloudwatch-agent/etc/web-stdout.json
