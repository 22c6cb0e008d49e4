# The agent's package: only what Azure DevOps describes is installed, whole or not at all.
load machine

setup() {
  make_machine
  extension_file=$agent/vsts-agent-linux-x64-4.250.0.tar.gz
}

@test "what the extension downloaded is used when it is the right one" {
  enable_agent
  enabled
  [ ! -e "$SCENE/requests-package" ]
  [ ! -e "$extension_file" ]
  [ "$(<"$state/package")" = "$sha256" ]
}

@test "a missing or malformed hash installs nothing" {
  for hash in '' abc; do
    answer_claim "packageSha256=$hash"
    enable_agent
    failed_in package 30 hash-missing
    [ ! -e "$agent/bin" ]
  done
}

@test "a damaged or truncated file is removed, and the script's own download used" {
  for damage in 'printf x >>' 'truncate -s 100'; do
    rm -rf "$state" "$agent"/*
    cp "$SCENE/package.tar.gz" "$extension_file"
    eval "$damage $extension_file"
    enable_agent
    enabled
    grep -q 'url = "https://download.agent.example/' "$SCENE/requests-package"
    rm "$agent/.agent" "$SCENE/requests-package"
  done
}

@test "a damaged download installs nothing, leaves nothing and is not tried for ever" {
  rm "$extension_file"
  printf x >>"$SCENE/package.tar.gz"
  enable_agent
  failed_in package 30 hash-mismatch
  [ "$(grep -c ^url "$SCENE/requests-package")" -eq 1 ]
  [ -z "$(ls -A "$agent")" ]
}

@test "without a service there is no second source: a damaged file ends the script" {
  printf x >>"$extension_file"
  run_script - 7 --organization https://dev.azure.com/f --pool p --sha256 "$sha256" --token t0ken
  failed_in package 30 hash-mismatch
  [ ! -e "$extension_file" ]
}

@test "without a service, a damaged file beside the right one is removed and the right one used" {
  printf x >"$agent/a-vsts-agent.tar.gz"
  run_script - 7 --organization https://dev.azure.com/f --pool p --sha256 "$sha256" --token t0ken
  enabled
  [ ! -e "$agent/a-vsts-agent.tar.gz" ]
}

@test "an absent package is downloaded, with new tries" {
  rm "$extension_file"
  answers package 'exit 6 Could not resolve host' 500 'exit 18 transfer closed' 200
  enable_agent
  enabled
}

@test "a host that refuses is asked four times, a version that does not exist once" {
  rm "$extension_file"
  answers package 403
  enable_agent
  failed_in package 30 download-blocked
  [ "$(grep -c ^url "$SCENE/requests-package")" -eq 4 ]
  rm "$SCENE/requests-package"
  answers package 404
  enable_agent
  failed_in package 30 agent-version
  [ "$(grep -c ^url "$SCENE/requests-package")" -eq 1 ]
}

@test "an agent that was in the image unverified is replaced" {
  mkdir -p "$agent/bin"
  echo unverified | tee "$agent/bin/Agent.Listener" >"$agent/run.sh"
  enable_agent
  enabled
  run ! grep -q unverified "$agent/bin/Agent.Listener" "$agent/run.sh"
}

@test "an intact file that is no agent is named" {
  tar -czf "$SCENE/package.tar.gz" -C "$SCENE" uid
  sha256=$(sha256sum "$SCENE/package.tar.gz" | cut -c 1-64)
  answer_claim
  cp "$SCENE/package.tar.gz" "$extension_file"
  enable_agent
  failed_in package 30 agent-version
}

@test "a disk that fills up while unpacking is named" {
  printf '#!/bin/sh\necho "tar: write error: No space left on device"; exit 2\n' >"$SCENE/programs/tar"
  chmod +x "$SCENE/programs/tar"
  enable_agent
  failed_in package 30 disk-full
  [ ! -e "$agent/.unpacking" ]
}

# The package's own installer, which the scene lets fail.
dependencies() {
  printf '#!/bin/sh\necho dependencies >>"$SCENE/calls"\n%s\n' "$1" >"$SCENE/package/bin/installdependencies.sh"
  touch "$SCENE/package/bin/libcoreclr.so"
  tar -czf "$SCENE/package.tar.gz" -C "$SCENE/package" .
  sha256=$(sha256sum "$SCENE/package.tar.gz" | cut -c 1-64)
  cp "$SCENE/package.tar.gz" "$extension_file"
  answer_claim
  stand_in ldd
  stand_in ldconfig
  echo '0 libicuuc.so libssl.so' >"$SCENE/ldconfig"
}

@test "a failing dependency script is a warning while no library is missing" {
  dependencies 'echo cannot install; exit 1'
  enable_agent
  enabled
  [[ $(reports) == *'phase=package result=ok detail=installdependencies.sh ended with 1'* ]]
}

@test "libraries that stay missing end the script and are named" {
  dependencies 'echo cannot install; exit 1'
  echo '0 \tlibgssapi.so.2 => not found' >"$SCENE/ldd"
  enable_agent
  failed_in package 30 dependencies-failed
  [[ $(last_line) == *'libgssapi.so.2'* ]]
  echo '0 libssl.so' >"$SCENE/ldconfig"
  : >"$SCENE/ldd"
  enable_agent
  failed_in package 30 dependencies-failed
  [[ $(last_line) == *'libicuuc'* ]]
}

@test "a held lock of the package manager is waited for" {
  dependencies 'count=$(grep -c dependencies "$SCENE/calls"); [ "$count" -gt 12 ] || { echo "E: Could not get lock /var/lib/dpkg/lock-frontend"; exit 100; }'
  enable_agent
  enabled
  [ "$(seconds_waited)" -eq 60 ]
}

@test "a lock that is never released is given up after ten minutes" {
  dependencies 'echo "E: Could not get lock /var/lib/dpkg/lock-frontend"; exit 100'
  enable_agent
  failed_in package 30 package-lock
  [ "$(seconds_waited)" -eq 600 ]
}

@test "automatic upgrades are held back when the pool says so, and only those that are there and free" {
  printf '%s\n' 'apt-daily.timer enabled enabled' 'apt-daily-upgrade.timer enabled enabled' 'packagekit.service masked enabled' >"$SCENE/unit-files"
  enable_agent
  [ "$(count_of '^systemctl mask')" -eq 0 ]
  rm "$agent/.agent"
  answer_claim holdUpgrades=yes
  enable_agent
  called 'systemctl mask apt-daily.timer apt-daily-upgrade.timer'
  called 'systemctl stop --no-block apt-daily.timer apt-daily-upgrade.timer'
}
