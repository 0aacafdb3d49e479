#!/bin/bash
# What somebody who looks after guests does with xl on one day. Every step is checked; the first that is not as on Xen ends it.
# usage: administrator.sh XL KERNEL FOLDER: the tool, the kernel of the guests, and where files may be made.
set -u
XL=$1; KERNEL=$2; DIR=$3
GUESTS=10; STEP=0

fail() { echo "step $STEP: $*" >&2; exit 1; }
xl() { "$XL" "$@"; }
# ok WORDS...: succeeds. no CODE WORDS...: ends with that code and says something on standard error.
ok() { STEP=$((STEP + 1)); OUT=$(xl "$@" 2>"$DIR/err") || fail "xl $* ended with $?: $(cat "$DIR/err")"; }
no() { STEP=$((STEP + 1)); local code=$1; shift; OUT=$(xl "$@" 2>"$DIR/err"); local got=$?
       [ $got -eq "$code" ] || fail "xl $* ended with $got, not $code: $OUT $(cat "$DIR/err")"
       [ -s "$DIR/err" ] || fail "xl $* failed without a word"; }
is() { STEP=$((STEP + 1)); [ "$1" = "$2" ] || fail "'$1' is not '$2'"; }
has() { STEP=$((STEP + 1)); [[ "$1" == *"$2"* ]] || fail "'$2' is not in: $1"; }
# until COMMAND...: waits for what happens by itself.
until_() { STEP=$((STEP + 1)); local i; for i in $(seq 600); do "$@" && return; sleep 0.1; done; fail "never came: $*"; }
# json FILTER PYTHON: of standard input, by jq where there is one.
json() { if command -v jq >/dev/null; then jq -r "$1"; else python3 -c "import json,sys; d=json.load(sys.stdin); print($2)"; fi; }
column() { xl list "$1" 2>/dev/null | awk -v n="$2" 'NR == 2 { print $n }'; }
gone() { ! xl domid "$1" >/dev/null 2>&1; }
settled() { [[ "$(column "$1" 5)" == *b* ]]; }

# ten guests, the first from a file, the others by words that follow it
cat >"$DIR/guest.cfg" <<EOF
name = "guest0"
kernel = "$KERNEL"
extra = "guest=Shell"
memory = 4
maxmem = 8
on_crash = "preserve"
EOF
ok create "$DIR/guest.cfg"
has "$(cat "$DIR/err")" "Parsing config from $DIR/guest.cfg"
for i in $(seq 1 $((GUESTS - 1))); do ok create -q "$DIR/guest.cfg" "name=\"guest$i\""; done
no 3 create -q "$DIR/guest.cfg"                      # the name is taken
no 3 create /nonexistent.cfg
no 1 create -q /dev/null
no 6 create
ok list; is "$(wc -l <<<"$OUT")" $((GUESTS + 2))
is "$(head -1 <<<"$OUT")" "$(printf '%-40s %5s %5s %5s\tState\tTime(s)' Name ID Mem VCPUs)"
for i in $(seq 0 $((GUESTS - 1))); do until_ settled "guest$i"; done

# who is who
ok domid guest3; ID=$OUT
ok domname "$ID"; is "$OUT" guest3
ok vm-list; has "$OUT" guest9
ok uptime -s guest3; has "$OUT" "guest3 ($ID)"
no 1 domid nobody
no 1 list nobody
no 2 pause
ok list -l guest3; is "$(json '.[0].config.b_info.max_memkb' 'd[0]["config"]["b_info"]["max_memkb"]' <<<"$OUT")" 8192
ok list -l; is "$(json 'length' 'len(d)' <<<"$OUT")" $((GUESTS + 1))

# processors
ok vcpu-pin guest1 0 0; ok vcpu-list guest1; has "$OUT" "0 / all"
ok vcpu-pin guest1 all all; ok vcpu-list guest1; has "$OUT" "all / all"
ok -N vcpu-pin guest1 0 1-3; is "$OUT" "cpumap: 1-3"
no 1 vcpu-pin guest1 7 0
ok sched-credit2 -d guest1 -w 512 -c 50
ok sched-credit2 -d guest1; is "$(tail -1 <<<"$OUT" | awk '{ print $3, $4 }')" "512 50"
no 1 sched-credit2 -d guest1 -w 70000
ok list -l guest1; is "$(json '.[0].config.b_info.sched_params.weight' 'd[0]["config"]["b_info"]["sched_params"]["weight"]' <<<"$OUT")" 512

# memory and vCPUs
ok mem-max guest2 7m
ok mem-set guest2 3072k
ok list -l guest2; is "$(json '.[0].config.b_info.target_memkb' 'd[0]["config"]["b_info"]["target_memkb"]' <<<"$OUT")" 3072
no 1 mem-set guest2 much
no 1 vcpu-set guest2 999
ok vcpu-set guest2 1

# disks
truncate -s 1M "$DIR/data.img"
ok -N block-attach guest4 "$DIR/data.img,raw,xvdb,r"; is "$(json '.vdev' 'd["vdev"]' <<<"${OUT#disk: }")" xvdb
ok block-attach guest4 "format=raw,vdev=xvdb,access=rw,target=$DIR/data.img"
ok block-list guest4; is "$(tail -1 <<<"$OUT" | awk '{ print $1, $2 }')" "51728 0"
no 1 block-attach guest4 "$DIR/data.img,raw,xvdb,w"
no 1 block-attach guest5 "/nonexistent.img,raw,xvdb,w"
no 1 block-detach guest4 xvdz
ok block-detach -f guest4 xvdb
ok block-list guest4; is "$(wc -l <<<"$OUT")" 1

# names, pauses, triggers
ok rename guest5 renamed; ok domid renamed
no 1 rename renamed guest6
ok pause guest6; has "$(column guest6 5)" "p---"
ok unpause guest6; until_ settled guest6
no 1 trigger guest6 nonsense
ok config-update guest7 "$DIR/guest.cfg" 'name="guest7"' memory=5
ok dmesg; ok info; ok claims; ok cpupool-list; ok top -b -i 1; has "$OUT" "guest7"

# ends
ok reboot guest7
again() { [ "$(column guest7 3)" = 5 ]; }
until_ again                                         # with what config-update said
ok shutdown -w guest0
until_ gone guest0
ok shutdown -a -w
until_ gone renamed
alone() { [ "$(xl list | wc -l)" = 2 ]; }
until_ alone                                         # each goes when it has shut down, in no order
ok create -q -p "$DIR/guest.cfg"; ok destroy guest0; no 1 destroy guest0
no 1 destroy 0
no 1 nonsense
no 1 save guest0 "$DIR/state"
echo "$STEP steps as on Xen"
