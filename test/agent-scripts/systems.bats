# Every Linux that the agent supports, with stand-ins for its package manager. No booted machine here covers any but Debian.
load machine

without() {
  make_machine
  lack "$@"
}

@test "nothing is installed where nothing is missing" {
  without
  stand_in apt-get
  enable_agent
  enabled
  [ "$(count_of '^apt-get')" -eq 0 ]
}

@test "Ubuntu and Debian: apt-get, which waits for its lock" {
  without curl useradd runuser
  stand_in apt-get
  enable_agent
  enabled
  called 'apt-get -o DPkg::Lock::Timeout=60 -qq update'
  called 'apt-get -o DPkg::Lock::Timeout=60 -qq --yes --no-install-recommends install ca-certificates curl util-linux passwd'
}

@test "RHEL, Alma, Rocky, Oracle: dnf" {
  without curl openssl tar useradd
  stand_in dnf
  stand_in yum
  enable_agent
  enabled
  called 'dnf --assumeyes --quiet install ca-certificates curl openssl tar shadow-utils'
  [ "$(count_of '^yum')" -eq 0 ]
}

@test "Azure Linux: tdnf, and no group adm" {
  without tar gzip useradd find
  stand_in tdnf
  echo 'root:x:0:' >"$SCENE/group"
  enable_agent
  enabled
  called 'tdnf --assumeyes --quiet install ca-certificates tar gzip shadow-utils findutils'
  called 'usermod --append --groups docker AzDevOps'
}

@test "SUSE: zypper" {
  without flock useradd sha256sum
  stand_in zypper
  enable_agent
  enabled
  called 'zypper --non-interactive --quiet install --no-recommends ca-certificates coreutils util-linux shadow'
}

@test "a missing openssl is installed: without it the service cannot tell who signed the document" {
  without openssl
  stand_in apt-get
  enable_agent
  enabled
  called 'apt-get -o DPkg::Lock::Timeout=60 -qq --yes --no-install-recommends install ca-certificates openssl'
}

@test "without a package manager the missing tool is named" {
  without tar
  enable_agent
  failed_in prerequisites 10 dependencies-failed
}

@test "a tool that is still missing after the installation is named" {
  without tar
  rm "$SCENE/missing/tar"
  stand_in dnf
  enable_agent
  failed_in prerequisites 10 dependencies-failed
  [[ $(last_line) == *'tar is still missing'* ]]
}

@test "each manager's lock is waited for" {
  local each
  for each in 'apt-get|E: Could not get lock /var/lib/dpkg/lock-frontend. It is held by process 811 (unattended-upgr)' \
    'dnf|Waiting for process with pid 811 to finish.' 'yum|Another app is currently holding the yum lock; waiting for it to exit...' \
    'tdnf|ERROR: failed to obtain instance lock' 'zypper|System management is locked by the application with pid 811 (zypper).'; do
    rm -rf "$SCENE"
    without tar
    stand_in "${each%%|*}"
    printf '%s\n' "1 ${each#*|}" "7 ${each#*|}" '0 done' >"$SCENE/${each%%|*}"
    enable_agent
    enabled
    [ "$(seconds_waited)" -eq 10 ]
  done
}

@test "a lock that is never released is named after ten minutes" {
  without tar
  stand_in zypper
  echo '7 System management is locked by the application with pid 811 (zypper).' >"$SCENE/zypper"
  enable_agent
  failed_in prerequisites 10 package-lock
  [ "$(seconds_waited)" -eq 600 ]
}

@test "an interrupted dpkg is mended" {
  without tar
  stand_in apt-get
  stand_in dpkg
  printf '%s\n' '0 lists' "100 E: dpkg was interrupted, you must manually run 'dpkg --configure -a' to correct the problem." '0 done' >"$SCENE/apt-get"
  enable_agent
  enabled
  called 'dpkg --configure -a'
}

@test "package sources that cannot be reached have their cause" {
  local each
  for each in "E: Failed to fetch http://deb.example  Temporary failure resolving 'deb.example'|name-resolution" \
    'E: No space left on device|disk-full' 'Status code: 407 Proxy Authentication Required|proxy' 'E: Unable to locate package tar|dependencies-failed'; do
    rm -rf "$SCENE"
    without tar
    stand_in apt-get
    echo "100 ${each%|*}" >"$SCENE/apt-get"
    enable_agent
    failed_in prerequisites 10 "${each#*|}"
  done
}

@test "automatic upgrades of every family are asked for" {
  make_machine
  answer_claim holdUpgrades=yes
  enable_agent
  local name
  for name in apt-daily unattended-upgrades dnf-automatic dnf5-automatic tdnf-automatic yum-cron packagekit transactional-update yast2-online-update; do
    grep -E '^systemctl list-unit-files' "$SCENE/calls" | grep -qF "$name"
  done
}
