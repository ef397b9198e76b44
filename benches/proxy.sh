#!/usr/bin/env bash
# CPU per signed-in request through wxgate, as a ratio to nginx `proxy_pass` with keep-alive and no auth, in one run.
#
#   benches/proxy.sh [ROUNDS] [SECONDS]      (15 rounds of 2 seconds)
#
# Needs nginx, wrk and curl (Debian: apt-get install nginx-light wrk curl) and a release build. Each contender has one
# core, the load and the site share another; CPU time is the contender's own, from /proc. Times of single runs drift
# with the machine: read the ratio.
set -euo pipefail
cd "$(dirname "$0")/.."
rounds=${1:-15} seconds=${2:-2} connections=${CONNECTIONS:-64}
gate_bin=${GATE:-target/release/wxgate}
for tool in nginx wrk curl; do command -v "$tool" >/dev/null || { echo "missing: $tool" >&2; exit 1; }; done
[ -x "$gate_bin" ] || cargo build --release --locked

work=$(mktemp -d)
pids=()
cleanup() { kill "${pids[@]}" 2>/dev/null || true; wait 2>/dev/null || true; rm -rf "$work"; }
trap cleanup EXIT

site=18080 plain=18081 gate=18082 wechat=18083
kilobyte=$(head -c 1024 /dev/zero | tr '\0' x)

nginx_conf() { # NAME LISTEN BODY
  cat > "$work/$1.conf" <<CONF
worker_processes 1; daemon off; pid $work/$1.pid; error_log $work/$1.log;
events { worker_connections 4096; }
http {
  access_log off; keepalive_requests 100000000; keepalive_timeout 75s;
  client_body_temp_path $work/$1-body; proxy_temp_path $work/$1-proxy; fastcgi_temp_path $work/$1-f; uwsgi_temp_path $work/$1-u; scgi_temp_path $work/$1-s;
  $3
}
CONF
}
nginx_conf site "" "server { listen 127.0.0.1:$site reuseport; location / { default_type text/plain; return 200 '$kilobyte'; } }"
nginx_conf plain "" "upstream site { server 127.0.0.1:$site; keepalive 256; keepalive_requests 100000000; }
  server { listen 127.0.0.1:$plain; location / { proxy_pass http://site; proxy_http_version 1.1; proxy_set_header Connection ''; proxy_set_header Host \$host; proxy_set_header X-Forwarded-For \$remote_addr; proxy_set_header X-Forwarded-Proto \$scheme; proxy_set_header X-Forwarded-Host \$host; proxy_set_header X-Real-IP \$remote_addr; proxy_set_header X-Request-Id \$request_id; } }"
cat > "$work/gate.toml" <<CONF
public_url = "http://127.0.0.1:$gate"
upstream = "http://127.0.0.1:$site"
[server]
listen = "127.0.0.1:$gate"
workers = 1
[official_account]
app_id = "wx51a71a70fa4e0001"
app_secret = "51a71a70fa4e00015ec4e75ec4e75ec4"
scope = "userinfo"
[session]
secret = "a secret for the benchmark, 32 bytes or more"
[log]
access = ${ACCESS_LOG:-false}
[endpoints]
open = "http://127.0.0.1:$wechat"
api = "http://127.0.0.1:$wechat"
CONF

taskset -c 1 nginx -c "$work/site.conf" & pids+=($!)
taskset -c 0 nginx -c "$work/plain.conf" & pids+=($!)
taskset -c 1 "$gate_bin" simulate --listen 127.0.0.1:$wechat >/dev/null & pids+=($!)
taskset -c 0 "$gate_bin" run -c "$work/gate.toml" 2>"$work/gate.log" & gate_pid=$!; pids+=($gate_pid)
wait_for() { for _ in $(seq 100); do curl -s -o /dev/null "http://127.0.0.1:$1/" && return; sleep 0.1; done; echo "nothing on port $1" >&2; exit 1; }
for port in $site $plain $gate $wechat; do wait_for $port; done
plain_pid=$(pgrep -P "$(cat "$work/plain.pid")")

agent='Mozilla/5.0 (iPhone) Mobile/15E148 MicroMessenger/8.0.42(0x18002a2f) NetType/WIFI Language/zh_CN'
curl -sf -o /dev/null -H 'content-type: application/json' -d '{"user":"lin","answer":"allow"}' "http://127.0.0.1:$wechat/__sim/auto"
answer=$(curl -sL -A "$agent" -H 'accept: text/html' -c "$work/jar" -b "$work/jar" -o "$work/answer" -w '%{http_code}' "http://127.0.0.1:$gate/")
[ "$answer" = 200 ] && [ "$(wc -c < "$work/answer")" = 1024 ] || { echo "sign-in failed: $answer" >&2; cat "$work/gate.log" >&2; exit 1; }
cookie=$(awk '$6 == "wxgate" { print "wxgate=" $7 }' "$work/jar")

ticks() { awk '{ sub(/.*\) /, ""); print $12 + $13 }' "/proc/$1/stat"; }
hertz=$(getconf CLK_TCK)
measure() { # PID URL -> microseconds of CPU per request
  local before after requests
  before=$(ticks "$1")
  requests=$(taskset -c 1 wrk -t1 -c"$connections" -d"${seconds}s" -H "Cookie: $cookie" -H "User-Agent: $agent" "$2" | tee "$work/wrk" | awk '/requests in/ { print $1 }')
  after=$(ticks "$1")
  if grep -q 'Non-2xx' "$work/wrk"; then echo "answers were not 200" >&2; exit 1; fi
  awk -v t=$((after - before)) -v hz="$hertz" -v n="$requests" 'BEGIN { printf "%.2f", t * 1e6 / hz / n }'
}

grep -E 'VmRSS' "/proc/$gate_pid/status" | awk '{ print "wxgate resident, idle: " $2 " kB" }'
nginx_page="http://127.0.0.1:$plain/" page="http://127.0.0.1:$gate/"
signature="http://127.0.0.1:$gate/jsconfig?url=http%3A%2F%2F127.0.0.1%3A$gate%2Fitem%3Fid%3D1&jsApiList=scanQRCode"
for warm in "$plain_pid $nginx_page" "$gate_pid $page" "$gate_pid $signature"; do measure $warm >/dev/null; done
echo "round  nginx us/request  wxgate us/request  ratio  /jsconfig us/request  to a proxied one"
for round in $(seq "$rounds"); do
  n=$(measure "$plain_pid" "$nginx_page"); g=$(measure "$gate_pid" "$page"); j=$(measure "$gate_pid" "$signature")
  awk -v r="$round" -v n="$n" -v g="$g" -v j="$j" 'BEGIN { printf "%5d  %16s  %17s  %5.2f  %20s  %16.2f\n", r, n, g, g / n, j, j / g }' | tee -a "$work/rows"
done
median() { sort -k"$1" -n "$work/rows" | awk -v k="$1" '{ v[NR] = $k } END { print v[int((NR + 1) / 2)] }'; }
echo "median ratio: $(median 4); /jsconfig to a proxied request: $(median 6)"
