#!/usr/bin/env bash
# Trains a small run with --metrics, has Prometheus read it, and shows what it found.
# Needs the Debian package prometheus and a release build (or BUILD=DIR, the folder of the executables).
set -euo pipefail
here=$(cd "$(dirname "${BASH_SOURCE[0]}")/.." && pwd)
build=${BUILD:-$here/.build/release}
for tool in prometheus promtool curl python3; do
  command -v "$tool" >/dev/null || { echo "Error: $tool is missing; apt-get install prometheus curl python3" >&2; exit 1; }
done
scratch=$(mktemp -d)
processes=()
finish() {
  for process in "${processes[@]}"; do kill "$process" 2>/dev/null || true; done
  wait
  rm -rf "$scratch"
}
trap finish EXIT

"$build/relate" train sort-of-clevr --preset quick --replicas 2 --batch-size 8 --steps 20000 --workers 1 --set images.training=100 \
  --run "$scratch/run" --metrics 127.0.0.1:0 >"$scratch/output" &
processes+=($!)
for _ in $(seq 100); do
  address=$(sed -n 's|^Metrics: http://\(.*\)/metrics.*|\1|p' "$scratch/output")
  [ -n "$address" ] && break
  sleep 0.1
done
[ -n "$address" ] || { echo "Error: the run did not say where its metrics are" >&2; cat "$scratch/output" >&2; exit 1; }

echo "promtool check metrics:"
curl -fsS "http://$address/metrics" | promtool check metrics && echo "  nothing to complain about"

cat >"$scratch/prometheus.yml" <<CONFIGURATION
global: { scrape_interval: 1s }
scrape_configs:
  - job_name: relate
    static_configs: [{ targets: ["$address"] }]
CONFIGURATION
port=$(python3 -c 'import socket; s = socket.socket(); s.bind(("127.0.0.1", 0)); print(s.getsockname()[1])')
prometheus --config.file="$scratch/prometheus.yml" --storage.tsdb.path="$scratch/data" \
  --web.listen-address="127.0.0.1:$port" >"$scratch/prometheus.log" 2>&1 &
processes+=($!)

query() { # EXPRESSION: its samples, one a line.
  curl -fsS -G "http://127.0.0.1:$port/api/v1/query" --data-urlencode "query=$1" | python3 -c '
import json, sys
for sample in json.load(sys.stdin)["data"]["result"]:
    labels = {k: v for k, v in sample["metric"].items() if k not in ("job", "instance", "__name__")}
    print("  ", labels, sample["value"][1])'
}
for _ in $(seq 150); do
  # Some readings, so that there are rates.
  count=$(query 'count_over_time(relate_step[1m])' 2>/dev/null | wc -l || true)
  if [ "$count" -gt 0 ] && query 'count_over_time(relate_step[1m]) >= 6' | grep -q .; then break; fi
  sleep 0.2
done
for expression in 'up{job="relate"}' relate_step 'rate(relate_steps_total[10s])' relate_loss relate_workers \
  'rate(relate_bytes_total[10s])' 'rate(relate_server_seconds_total[10s])' \
  'rate(relate_worker_seconds_total{activity="computing"}[10s])'; do
  echo "$expression"
  query "$expression"
done
query 'up{job="relate"} == 1' | grep -q . || { echo "Error: Prometheus could not read the metrics" >&2; exit 1; }
