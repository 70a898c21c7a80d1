#!/usr/bin/env bash
# Gradescope runs this once, as root, when it builds the image. It installs and builds all that grading needs,
# and grades the reference: unless that gets full marks, there is no image.
set -euo pipefail
cd "${AUTOGRADER_ROOT:-/autograder}/source"
export DEBIAN_FRONTEND=noninteractive
python=python3
apt-get update -q

# Ubuntu 22.04, the newest image that Gradescope has, lacks what the project needs. Python 3.11 and GCC 12 it has
# beside its own; CMake, Asio and fmt are Debian 12's, which make-bundle has put into packages/.
if grep -q '^VERSION_ID="22.04"' /etc/os-release; then
  apt-get install -q -y --no-install-recommends python3.11 g++-12 ./packages/*.deb
  update-alternatives --install /usr/bin/c++ c++ /usr/bin/g++-12 120
  python=python3.11
fi

"$python" labs/teach/grade http1 chapters/http1 --yes

# The students' code runs as this user, who may write only where it is compiled.
id -u student >/dev/null 2>&1 || useradd --create-home student
chown -R student build/labs
