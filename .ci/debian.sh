#!/bin/sh
# What no pip package brings, through apt where that is allowed; without it the work goes on.
#   sh .ci/debian.sh tesseract   an engine that reads, with French and English
#   sh .ci/debian.sh chromium    the browser of the tests
set -u

has_tesseract() { command -v tesseract >/dev/null 2>&1 && tesseract --list-langs 2>/dev/null | grep -qx fra; }
has_chromium() { command -v chromium >/dev/null 2>&1 || command -v google-chrome >/dev/null 2>&1; }

case "${1:-}" in
  tesseract)
    packages="tesseract-ocr tesseract-ocr-fra tesseract-ocr-eng"
    otherwise="going on with rapidocr, the default engine" ;;
  chromium)
    # a font, because a machine without any draws boxes for letters
    packages="chromium fonts-dejavu-core"
    otherwise="tests in a browser are skipped" ;;
  *)
    echo "usage: sh .ci/debian.sh tesseract|chromium" >&2
    exit 2 ;;
esac
if "has_$1"; then
  exit 0
fi
sudo=""
if [ "$(id -u)" -ne 0 ]; then
  if command -v sudo >/dev/null 2>&1 && sudo -n true 2>/dev/null; then sudo="sudo -n"; else sudo="none"; fi
fi
if [ "$sudo" = none ] || ! command -v apt-get >/dev/null 2>&1; then
  echo "$1 is not installed and cannot be installed from here (needs root and apt): $otherwise."
  echo "To add it: apt-get install $packages"
  exit 0
fi
# shellcheck disable=SC2086  # several packages
if $sudo apt-get update -qq \
  && $sudo env DEBIAN_FRONTEND=noninteractive apt-get install -y -qq --no-install-recommends $packages >/dev/null \
  && "has_$1"; then
  echo "$1 is installed"
else
  echo "$1 could not be installed: $otherwise."
fi
