# Nonce, attested document, claim: what is tried again, for how long, and what ends the script.
load machine

setup() {
  make_machine
}

@test "the claim carries nonce, document and machine" {
  enable_agent
  grep -qE 'nonce=0{31}1"' "$SCENE/requests-claim"
  local document
  document=$(sed -nE 's/^data-urlencode = "document=(.*)"$/\1/p' "$SCENE/requests-claim")
  base64 -d <<<"$document" | grep -caF '00000000000000000000000000000001'
  grep -qF "machine=$(uname -n | cut -d . -f 1)\"" "$SCENE/requests-claim"
}

@test "a document for an older nonce is asked for again, with the same nonce" {
  answers document stale stale 200
  enable_agent
  enabled
  [ "$(grep -c registration/nonce "$SCENE/requests-nonce")" -eq 1 ]
  [ "$(seconds_waited)" -eq 3 ]
}

@test "a metadata service that only has older documents is given up after two minutes" {
  answers document stale
  enable_agent
  failed_in proof 20 metadata-unavailable
  [ "$(seconds_waited)" -ge 120 ]
  [ "$(seconds_waited)" -le 135 ]
}

@test "the metadata service may fail for a while" {
  answers document 'exit 7 refused' 404 410 '429 Retry-After: 9' 500 200
  enable_agent
  enabled
  grep -qx 9 "$SCENE/waits"
}

@test "a metadata service that stays away, or says no for good, is named" {
  answers document 'exit 28 timed out'
  enable_agent
  failed_in proof 20 metadata-unavailable
  rm "$SCENE/waits"
  answers document 400
  enable_agent
  failed_in proof 20 metadata-unavailable
  [ ! -e "$SCENE/waits" ]
}

@test "the metadata service is never asked through a proxy" {
  surroundings=(http_proxy=http://proxy.example:3128)
  enable_agent
  grep -qxF 'noproxy = "*"' "$SCENE/requests-document"
}

@test "a refused claim ends the script" {
  answers claim 403
  enable_agent
  failed_in proof 20 claim-refused
  [ "$(grep -c registration/claim "$SCENE/requests-claim")" -eq 1 ]
}

@test "a service that does not know the machine yet is asked again when it said, with a nonce of its own" {
  answers claim '503 Retry-After: 20' '429 Retry-After: 30' 200
  enable_agent
  enabled
  [ "$(seconds_waited)" -eq 50 ]
  [ "$(grep -oE 'nonce=[0-9a-f]{32}' "$SCENE/requests-claim" | sort -u | wc -l)" -eq 3 ]
  [ "$(grep -oE 'key=[0-9a-f]{64}' "$SCENE/requests-claim" | sort -u | wc -l)" -eq 1 ]
}

@test "a service that is never ready is given up after ten minutes" {
  answers nonce '503 Retry-After: 50'
  enable_agent
  failed_in proof 20 service-unreachable
  [ "$(seconds_waited)" -eq 600 ]
}

@test "a service that cannot be reached is given up after two minutes, with the cause" {
  answers nonce 'exit 6 Could not resolve host: service.example'
  enable_agent
  failed_in proof 20 name-resolution
  [ "$(seconds_waited)" -ge 120 ]
  [ "$(seconds_waited)" -le 140 ]
}

@test "a name that resolves late is no failure" {
  answers nonce 'exit 6 Could not resolve host' 'exit 6 Could not resolve host' 200
  enable_agent
  enabled
}

@test "a proxy that cannot be reached is not taken for the service" {
  surroundings=(https_proxy=http://proxy.example:3128)
  answers nonce 'exit 7 Failed to connect to proxy.example'
  enable_agent
  failed_in proof 20 proxy
}

@test "a clock that is more than five minutes wrong is given a minute, then named" {
  LC_ALL=C date -u -d '-7 minutes' '+%a, %d %b %Y %T GMT' >"$SCENE/date"
  enable_agent
  failed_in proof 20 clock-skew
  [ ! -e "$SCENE/requests-claim" ]
  [ "$(seconds_waited)" -le 75 ]
}

@test "an answer without a credential or an address is refused" {
  answer_claim 'token='
  enable_agent
  failed_in proof 20 credential-refused
  answer_claim 'organizationUrl='
  enable_agent
  failed_in proof 20 service-unreachable
}

@test "something that is not the service is named" {
  answers nonce 404
  enable_agent
  failed_in proof 20 service-unreachable
  [ ! -e "$SCENE/waits" ]
}

@test "causes that take turns are given up together, ten minutes after the first" {
  local each answers=()
  for each in {1..40}; do answers+=('503 Retry-After: 50' 502); done
  answers claim "${answers[@]}"
  enable_agent
  failed_in proof 20 service-unreachable
  [ "$(seconds_waited)" -le 600 ]
}

@test "a service that tells to wait for longer than the phase may take is asked once more at its end" {
  answers claim '503 Retry-After: 450'
  enable_agent
  failed_in proof 20 service-unreachable
  [ "$(seconds_waited)" -eq 600 ]
  [ "$(grep -c registration/claim "$SCENE/requests-claim")" -eq 3 ]
}

@test "a service that is not ready is no trouble of the network: its reason is in Diagnostics" {
  answers claim '503 Retry-After: 50'
  enable_agent
  failed_in proof 20 service-unreachable
  [[ $(last_line) == *'Diagnostics of pool 7.' ]]
  [[ $(last_line) != *'can reach the address'* ]]
}
