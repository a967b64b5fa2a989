#!/usr/bin/env bash
# Runs the sales day of every language that this machine has a toolchain for, against one library:
#
#   examples/run_clients.sh [LIBRARY]
#
# Without a library it builds the release one. On Debian the toolchains are
#   apt-get install gcc g++ python3 nodejs npm golang-go default-jdk-headless libjna-java
# A language whose toolchain is absent is told as skipped; one that fails fails the command, after the others have run.
set -uo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")/.."

if [ $# -gt 0 ]; then
    library="$(realpath "$1")"
else
    cargo build --release -p guanxi-ffi || exit 1
    library="$PWD/target/release/libguanxi.so"
fi
work="$(mktemp -d)"
trap 'rm -rf "$work"' EXIT
ln -s "$library" "$work/libguanxi.so"
ln -s "$library" "$work/libguanxi.so.0"
export GUANXI_LIBRARY="$work/libguanxi.so.0" LD_LIBRARY_PATH="$work"
failed=()

# run NAME TOOL FUNCTION: the function in a shell of its own, if the tool is there.
run() {
    printf '\n== %s\n' "$1"
    if ! command -v "$2" >/dev/null; then
        echo "skipped: $2 is not installed"
        return
    fi
    # Not within a condition, where the shell would not stop at a fault.
    (set -e; "$3")
    if [ $? -ne 0 ]; then
        echo "FAILED: $1"
        failed+=("$1")
    fi
}

c_day() {
    cc -std=c99 -Wall -Wextra -Wpedantic -Werror -I include examples/c/sales_day.c -L "$work" -lguanxi -o "$work/c_day"
    "$work/c_day"
}
cpp_day() {
    c++ -std=c++17 -Wall -Wextra -Wpedantic -Werror -I include examples/cpp/sales_day.cpp -L "$work" -lguanxi \
        -o "$work/cpp_day"
    "$work/cpp_day"
}
python_day() {
    PYTHONDONTWRITEBYTECODE=1 PYTHONPATH=examples/python/src python3 examples/python/sales_day.py
}
node_day() {
    cp -r examples/node "$work/node"
    cd "$work/node"
    npm install --silent --no-audit --no-fund
    node sales_day.js
}
go_day() {
    cp -r examples/go "$work/go"
    export CGO_CFLAGS="-I$PWD/include" CGO_LDFLAGS="-L$work" GOFLAGS=-mod=mod GOCACHE="$work/go-cache"
    cd "$work/go"
    go build -o "$work/go_day" .
    "$work/go_day"
}
java_day() {
    local jna=/usr/share/java/jna.jar
    if [ ! -e "$jna" ]; then
        echo "skipped: libjna-java is not installed"
        return
    fi
    javac -encoding UTF-8 -cp "$jna" -d "$work/java" examples/java/*.java
    java -Dfile.encoding=UTF-8 -Dstdout.encoding=UTF-8 -cp "$jna:$work/java" SalesDay
}

run C cc c_day
run C++ c++ cpp_day
run Python python3 python_day
run Node node node_day
run Go go go_day
run Java javac java_day

if [ "${#failed[@]}" -gt 0 ]; then
    printf '\nfailed: %s\n' "${failed[*]}"
    exit 1
fi
printf '\nevery client that could run has run\n'
