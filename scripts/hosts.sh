#!/usr/bin/env bash
# Trains on three pretend hosts by ssh, and compares the digest with that of a single process.
#
# Each host is a network namespace with an sshd, a host name, a process table and a home directory of
# its own, without the toolchain. On the way the workers of one host are killed, another is
# switched off and on, and the link of the third is cut for 20 s. Needs root; leaves nothing behind.
#
#   scripts/hosts.sh                  makes a package first
#   scripts/hosts.sh --package FILE   takes one that scripts/package.sh made
#   scripts/hosts.sh --steps N        of as many steps (2500)
#   scripts/hosts.sh --keep DIR       leaves runs and logs in DIR
set -euo pipefail
here=$(cd "$(dirname "${BASH_SOURCE[0]}")/.." && pwd)
package=""
steps=2500
keep=""
while [ $# -gt 0 ]; do
  case "$1" in
    --package | --steps | --keep)
      [ $# -gt 1 ] || { echo "Error: $1 needs a value." >&2; exit 64; }
      case "$1" in --package) package=$(realpath "$2") ;; --steps) steps=$2 ;; --keep) keep=$2 ;; esac
      shift
      ;;
    *)
      sed -n '2,12s/^# \{0,1\}//p' "$0"
      [ "$1" = --help ] && exit 0
      exit 64
      ;;
  esac
  shift
done
. "$here/scripts/setup.sh"
[ "$(id -u)" = 0 ] || setup_fail "network namespaces need root."
setup_packages openssh-server openssh-client iproute2 util-linux
if [ -z "$package" ]; then
  "$here/scripts/package.sh"
  package=$(ls -t "$here"/.build/package/*.tar.gz | head -n 1)
fi

work=$(mktemp -d "/tmp/relate-hosts.XXXXXX")
chmod 755 "$work"
net="relate$$"
declare -A host_process
launcher=""
# Ends what was started here, and never anything else.
finish() {
  [ -z "$launcher" ] || kill -KILL "$launcher" 2>/dev/null || true
  for process in "${host_process[@]}"; do kill -KILL "$process" 2>/dev/null || true; done
  wait 2>/dev/null || true
  for i in 0 1 2 3; do ip netns del "$net-$i" 2>/dev/null || true; done
  if [ -n "$keep" ]; then
    mkdir -p "$keep"
    cp -r "$work"/run-* "$work"/log-* "$keep/" 2>/dev/null || true
  fi
  rm -rf "$work"
}
trap finish EXIT
trap 'exit 130' INT TERM

echo "[1/5] Three hosts"
mkdir "$work/package"
tar -C "$work/package" --strip-components=1 -xzf "$package"
relate="$work/package/bin/relate"
toolchain=$(dirname "$(dirname "$(readlink -f "$(command -v swift)")")")
[ "$toolchain" != /usr ] || toolchain=""
for i in 0 1 2 3; do
  ip netns add "$net-$i"
  ip -n "$net-$i" link set lo up
done
ip -n "$net-0" link add br0 type bridge
ip -n "$net-0" addr add 10.77.0.10/24 dev br0
ip -n "$net-0" link set br0 up
ssh-keygen -q -t ed25519 -N '' -f "$work/host_key"
ssh-keygen -q -t ed25519 -N '' -f "$work/id"
cp "$work/id.pub" "$work/authorized_keys"
cat > "$work/sshd_config" <<END
Port 2222
HostKey $work/host_key
AuthorizedKeysFile $work/authorized_keys
PidFile none
UsePAM no
PasswordAuthentication no
KbdInteractiveAuthentication no
PermitRootLogin prohibit-password
StrictModes no
UseDNS no
END
cat > "$work/ssh_config" <<END
Host *
  User root
  IdentityFile $work/id
  IdentitiesOnly yes
  UserKnownHostsFile $work/known_hosts
  StrictHostKeyChecking yes
  BatchMode yes
  ConnectTimeout 5
  ServerAliveInterval 20
END

# A host, whose first process is an sshd: killing it kills everything there. host_up NUMBER
host_up() {
  mkdir -p "$work/home-$1"
  nsenter --net="/run/netns/$net-$1" unshare --mount --uts --pid --fork --kill-child=KILL --mount-proc sh -c '
    set -e
    hostname "host$1"
    mount -t tmpfs tmpfs /dev/shm
    mount --bind "$0/home-$1" "$HOME"
    [ -z "$2" ] || mount -t tmpfs tmpfs "$2"
    mkdir -p -m 755 /run/sshd
    exec /usr/sbin/sshd -D -e -f "$0/sshd_config"' "$work" "$1" "$toolchain" 2>> "$work/log-sshd-$1" &
  host_process[$1]=$!
}
for i in 1 2 3; do
  ip -n "$net-0" link add "v$i" type veth peer name eth0 netns "$net-$i"
  ip -n "$net-0" link set "v$i" master br0 up
  ip -n "$net-$i" addr add "10.77.0.1$i/24" dev eth0
  ip -n "$net-$i" link set eth0 up
  echo "[10.77.0.1$i]:2222 $(cut -d' ' -f1,2 "$work/host_key.pub")" >> "$work/known_hosts"
  echo "10.77.0.1$i port=2222 workers=$((i == 3 ? 2 : 1))" >> "$work/hosts"
  host_up "$i"
done

# The processes of a name on a host: processes_of NUMBER NAME
processes_of() {
  local space path
  # The process that was started here is outside of the table that its child is the first of.
  space=$(readlink "/proc/${host_process[$1]}/ns/pid_for_children")
  for path in /proc/[0-9]*; do
    if [ "$(readlink "$path/ns/pid" 2>/dev/null)" = "$space" ] && [ "$(cat "$path/comm" 2>/dev/null)" = "$2" ]; then
      echo "${path#/proc/}"
    fi
  done
}
finished_steps() { if [ -f "$1/steps.jsonl" ]; then wc -l < "$1/steps.jsonl"; else echo 0; fi; }
digest_of() { tail -n 1 "$1/steps.jsonl" | sed 's/.*"digest":"\([0-9a-f]*\)".*/\1/'; }
wait_for_step() {
  while [ "$(finished_steps "$work/run-hosts")" -lt "$1" ]; do
    kill -0 "$launcher" 2>/dev/null || { cat "$work/log-launcher" >&2; setup_fail "the run ended before step $1."; }
    sleep 0.1
  done
}
experiment="sort-of-clevr --preset quick --steps $steps --evaluate-every $((steps / 2))"

echo "[2/5] $steps steps of quick in one process"
# Words of an experiment are words of the command.
# shellcheck disable=SC2086
"$relate" train $experiment --single-process --run "$work/run-single" > "$work/log-single" 2>&1 ||
  { cat "$work/log-single" >&2; exit 1; }

echo "[3/5] The same on three hosts with four workers"
begun=$(date +%s)
# shellcheck disable=SC2086
nsenter --net="/run/netns/$net-0" "$relate" train $experiment --run "$work/run-hosts" --hosts "$work/hosts" \
  --package "$package" --ssh "ssh -F $work/ssh_config" > "$work/log-launcher" 2>&1 &
launcher=$!
wait_for_step $((steps / 10))
echo "  step $(finished_steps "$work/run-hosts") after $(($(date +%s) - begun)) s: the workers of host 3 are killed"
kill -KILL $(processes_of 3 Worker)
wait_for_step $((steps / 5))
echo "  step $(finished_steps "$work/run-hosts"): host 2 is switched off"
ip -n "$net-0" link set v2 down
kill -KILL "${host_process[2]}"
wait "${host_process[2]}" 2>/dev/null || true
sleep 2
ip -n "$net-0" link set v2 up
host_up 2
echo "  and on again"
echo "  step $(finished_steps "$work/run-hosts"): the link of host 1 is cut for 20 s"
ip -n "$net-0" link set v1 down
sleep 20
ip -n "$net-0" link set v1 up
echo "  step $(finished_steps "$work/run-hosts"): it is back"
code=0
wait "$launcher" || code=$?
launcher=""
[ "$code" = 0 ] || { cat "$work/log-launcher" >&2; setup_fail "the run on hosts ended with code $code."; }

echo "[4/5] What is left on the hosts"
for i in 1 2 3; do
  for name in relate Worker; do
    [ -z "$(processes_of "$i" "$name")" ] || setup_fail "host $i still has a process of $name."
  done
done
[ -z "$(find "$work"/home-* -name secret)" ] || setup_fail "a host still has keys."
echo "  no process and no key"

echo "[5/5] Digests after $steps steps"
echo "  one process   $(digest_of "$work/run-single")"
echo "  three hosts   $(digest_of "$work/run-hosts"), $(($(date +%s) - begun)) s"
echo "  lost and found, as the launcher told it:"
grep -E "^10.*(ended by signal|joining again|closed by remote)|Its work goes" "$work/log-launcher" | sed 's/^/    /' || true
[ "$(digest_of "$work/run-single")" = "$(digest_of "$work/run-hosts")" ] || { echo "DIFFERENT" >&2; exit 1; }
[ "$(grep -c "^10.77.0.12: Joined" "$work/log-launcher")" = 2 ] || setup_fail "host 2 did not come back."
again=$(grep -c "^10.77.0.11: .*joining again" "$work/log-launcher" || true)
echo "  identical; the worker whose link was cut joined again $again time(s)"
