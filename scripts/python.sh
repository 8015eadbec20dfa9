#!/bin/sh
# Makes the Python environment of the tests in target/python: the AWS CLI, boto3 and pytest, at fixed versions.
set -eu
cd "$(dirname "$0")/.."
wanted="awscli==1.45.11 boto3==1.43.11 botocore==1.43.11 pytest==8.4.2"
environment=target/python
if [ "$(cat $environment/.wanted 2>/dev/null)" != "$wanted" ]; then
    rm -rf $environment
    python3 -m venv $environment
    # shellcheck disable=SC2086  # a list of words
    $environment/bin/pip install --quiet --disable-pip-version-check $wanted
    echo "$wanted" >$environment/.wanted
fi
