#!/usr/bin/env bash
# Builds the workers and clients of wasm-test/sdks/ into .cache/sdks/ (Go: .cache/go/), with the dependencies of their lock
# files. Does nothing when nothing changed. Says which SDKs cannot be had here, and why; their tests are then skipped.
#
#   sdks.sh [go|java|rust|typescript]    all of them if none is named
. "$(dirname "$0")/lib.sh"

SOURCES=$ROOT/wasm-test/sdks
OUT=$CACHE/sdks
mkdir -p "$OUT"

skip() { say "sdks: $1 is skipped: $2"; }

fresh() { [ -f "$OUT/$1.stamp" ] && [ "$(cat "$OUT/$1.stamp")" = "$2" ]; }

# The version of what builds it, and the names and contents of its files.
wanted() {
  printf '%s ' "$2"
  find "$SOURCES/$1" -type f | LC_ALL=C sort | xargs cksum | cksum
}

build_go() {
  "$ROOT/scripts/go-build.sh" wasm-test/sdks/go || { [ $? = 3 ] && skip Go "Go is not installed"; }
}

build_typescript() {
  local want
  want=$(wanted typescript "$(node --version)")
  if fresh typescript "$want"; then return; fi
  say "sdks: TypeScript into .cache/sdks/typescript (npm, 300 MB, once)"
  rm -rf "$OUT/typescript" "$OUT/typescript.stamp"
  cp -r "$SOURCES/typescript" "$OUT/typescript"
  (cd "$OUT/typescript" && npm ci --no-audit --no-fund --loglevel=error >&2 && npx --no-install tsc >&2)
  printf '%s' "$want" >"$OUT/typescript.stamp"
}

build_java() {
  local want
  { command -v mvn && command -v javac; } >/dev/null 2>&1 || {
    skip Java "Maven and a JDK are not installed (Debian, Ubuntu: apt-get install maven openjdk-17-jdk-headless)"
    return
  }
  want=$(wanted java "$(javac -version 2>&1)")
  if fresh java "$want"; then return; fi
  say "sdks: Java into .cache/sdks/java (Maven, 25 MB, once)"
  rm -rf "$OUT/java" "$OUT/java.stamp"
  mvn --quiet --batch-mode -Dstyle.color=never --file "$SOURCES/java/pom.xml" \
    org.apache.maven.plugins:maven-dependency-plugin:3.8.1:copy-dependencies "-DoutputDirectory=$OUT/java/lib" >&2
  javac -d "$OUT/java/classes" -classpath "$OUT/java/lib/*" "$SOURCES"/java/*.java
  printf '%s' "$want" >"$OUT/java.stamp"
}

# Cargo itself knows what is up to date.
build_rust() {
  [ -d "$OUT/rust/debug" ] || say "sdks: Rust into .cache/sdks/rust (ten minutes and 2 GB, once)"
  cargo build --quiet --locked --manifest-path "$SOURCES/rust/Cargo.toml" --target-dir "$OUT/rust"
}

for sdk in ${1:-go typescript java rust}; do
  "build_$sdk"
done
if [ $# = 0 ]; then
  skip .NET "no test covers it, as its packages come from NuGet"
  skip Ruby "no test covers it, as its packages come from RubyGems"
fi
