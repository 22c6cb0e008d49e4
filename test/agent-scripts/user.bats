# The account that jobs run under: made or adopted, with every group and grant either way.
load machine

setup() {
  make_machine
}

granted() {
  called 'usermod --append --groups docker,adm AzDevOps' && called 'groupadd --system docker' &&
    [ "$(<"$root/etc/sudoers.d/scale-set-agents")" = 'AzDevOps ALL=(ALL) NOPASSWD:ALL' ] &&
    [ "$(stat -c %a "$root/etc/sudoers.d/scale-set-agents")" = 440 ]
}

@test "an absent user is made with groups, sudo and a group of its own" {
  enable_agent
  enabled
  granted
  called 'useradd --create-home --shell /bin/bash --comment Azure Pipelines agent --user-group AzDevOps'
}

@test "a user of the image is adopted with the same groups and grants" {
  echo "AzDevOps:x:1500:1500::$root/home/own:/bin/zsh" >>"$SCENE/passwd"
  mkdir -p "$root/home/own"
  enable_agent
  enabled
  granted
  [ "$(count_of '^useradd')" -eq 0 ]
}

@test "a user of the image without a home gets one" {
  echo "AzDevOps:x:1500:1500::$root/home/own:/bin/zsh" >>"$SCENE/passwd"
  # Giving a folder away takes root rights; the units are installed by the real program.
  printf '#!/bin/sh\ncase $* in *" -o "*) echo "install $*" >>"$SCENE/calls" ;; *) exec %s "$@" ;; esac\n' "$(type -P install)" >"$SCENE/programs/install"
  chmod +x "$SCENE/programs/install"
  enable_agent
  enabled
  called "install -d -m 750 -o AzDevOps -g 1500 $root/home/own"
}

@test "groups that are there are not made again, and adm only given where it exists" {
  echo 'docker:x:998:' >"$SCENE/group"
  enable_agent
  [ "$(count_of '^groupadd')" -eq 0 ]
  called 'usermod --append --groups docker AzDevOps'
}

@test "a group of that name without its user is used" {
  echo 'AzDevOps:x:1200:' >>"$SCENE/group"
  enable_agent
  called 'useradd --create-home --shell /bin/bash --comment Azure Pipelines agent --gid AzDevOps AzDevOps'
}

@test "a system that minds capitals in names is told that they are meant" {
  echo "3 useradd: invalid user name 'AzDevOps': use --badname to ignore" >"$SCENE/useradd"
  echo '0 ' >>"$SCENE/useradd"
  enable_agent
  enabled
  called 'useradd --create-home --shell /bin/bash --comment Azure Pipelines agent --user-group --badname AzDevOps'
}

@test "the password is random, given on standard input and kept nowhere" {
  enable_agent
  [[ $(<"$SCENE/password") =~ ^AzDevOps:[0-9a-f]{64}$ ]]
  local first
  first=$(cut -d : -f 2 "$SCENE/password")
  run ! grep -rqF "$first" "$root" "$SCENE/calls"
  rm "$agent/.agent"
  enable_agent
  [ "$(cut -d : -f 2 "$SCENE/password")" != "$first" ]
}

@test "sudo is taken back when the pool says no" {
  enable_agent
  rm "$agent/.agent"
  answer_claim sudo=no
  enable_agent
  enabled
  [ -z "$(ls -A "$root/etc/sudoers.d")" ]
}

@test "a sudo rule that visudo refuses is not installed" {
  echo '1 syntax error' >"$SCENE/visudo"
  enable_agent
  failed_in user 40 unknown
  [ ! -e "$root/etc/sudoers.d/scale-set-agents" ]
}

@test "a system without sudo is a warning in the report" {
  rmdir "$root/etc/sudoers.d"
  enable_agent
  enabled
  [[ $(reports) == *'phase=user result=ok detail=sudo is not installed'* ]]
}

@test "being the machine's primary administrator is refused with the fix" {
  echo AzDevOps >"$SCENE/administrator"
  enable_agent
  failed_in user 40 user-is-admin
  [[ $(last_line) == *'--admin-username'* ]]
  [ "$(count_of '^(useradd|usermod|chpasswd)')" -eq 0 ]
}

@test "an administrator is known by what cloud-init or waagent granted, too" {
  answers administrator 404
  for file in 90-cloud-init-users waagent; do
    echo 'AzDevOps ALL=(ALL) NOPASSWD:ALL' >"$root/etc/sudoers.d/$file"
    enable_agent
    failed_in user 40 user-is-admin
    echo 'azureuser ALL=(ALL) NOPASSWD:ALL' >"$root/etc/sudoers.d/$file"
  done
  enable_agent
  enabled
}
