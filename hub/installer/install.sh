#!/bin/sh
# Brings the Muster agent to this machine from its hub, joins it, and as root makes it a service.
# Needs Node.js 20.19 or later and nothing else. "muster-hub invite" shows the whole line to type:
#   curl -fsSk --pinnedpubkey 'sha256//…' https://HUB:7443/install.sh | sh -s -- --hub https://HUB:7443 --token T --pin sha256:…
# Without --token it only brings the files up to date.
#   --prefix DIR    where the agent's files go (root: /opt/muster-agent, others: ~/.muster-agent)
#   --data DIR      where it keeps its identity (root: /var/lib/muster-agent, others: PREFIX/data)
#   --device ID, --name TEXT, --force   as of "muster-agent join"
#   --docker        let the service ask Docker (as good as root)
#   --no-service    as root, too: no service
#   --run           report at once, in the foreground
set -eu

SHA256=@SHA256@

say() { printf '%s\n' "$*"; }
die() {
  printf 'install.sh: %s\n' "$*" >&2
  exit 1
}

check_node() {
  command -v node >/dev/null 2>&1 || die "Node.js is missing. Install 20.19 or later (Debian 13, Raspberry Pi OS 13: apt install nodejs; else https://nodejs.org), then type this again."
  node -e 'const [a, b] = process.versions.node.split(".").map(Number); process.exit(a > 20 || (a === 20 && b >= 19) ? 0 : 1)' ||
    die "Node.js 20.19 or later is needed; this is $(node -v). Debian 13 and Raspberry Pi OS 13 have it; else see https://nodejs.org"
}

fetch() {
  node --input-type=module - "$hub" "$pin" "$SHA256" "$prefix" <<'END_OF_FETCH'
@FETCH@
END_OF_FETCH
}

join() {
  MUSTER_DATA="$data" "$agent" join --quiet --hub "$hub" --token "$token" ${pin:+--pin "$pin"} \
    ${device:+--device "$device"} ${name:+--name "$name"} ${force:+--force}
}

# Everything is in here, so that half a script does nothing.
main() {
  hub='' token='' pin='' prefix='' data='' device='' name='' force='' docker='' service=yes run=''
  while [ $# -gt 0 ]; do
    case $1 in
      --hub | --token | --pin | --prefix | --data | --device | --name)
        [ $# -ge 2 ] || die "$1 needs a value after it"
        case $1 in
          --hub) hub=${2%/} ;;
          --token) token=$2 ;;
          --pin) pin=$2 ;;
          --prefix) prefix=$2 ;;
          --data) data=$2 ;;
          --device) device=$2 ;;
          --name) name=$2 ;;
        esac
        shift 2
        ;;
      --force) force=yes && shift ;;
      --docker) docker=yes && shift ;;
      --no-service) service='' && shift ;;
      --run) run=yes && shift ;;
      *) die "\"$1\" is not understood; \"muster-hub invite\" prints the whole line" ;;
    esac
  done
  [ -n "$hub" ] || die '--hub is missing; "muster-hub invite" prints the whole line'
  check_node

  if [ "$(id -u)" = 0 ]; then
    prefix=${prefix:-/opt/muster-agent}
    data=${data:-/var/lib/muster-agent}
    [ -d /run/systemd/system ] || service=''
  else
    prefix=${prefix:-$HOME/.muster-agent}
    data=${data:-$prefix/data}
    service=''
  fi
  agent=$prefix/app/bin/muster-agent.mjs

  fetch
  say "The agent is in $prefix/app."
  if [ -n "$token" ]; then
    join
    say "This machine has joined $hub."
  fi
  if [ -n "$service" ]; then
    "$agent" install --prefix "$prefix" --data "$data" ${docker:+--docker}
  elif [ -n "$run" ]; then
    exec "$agent" run --data "$data"
  else
    say "Start it:  $agent run --data $data"
    [ "$(id -u)" = 0 ] || say "As a service:  sudo $agent install --data $data"
  fi
}

main "$@"
