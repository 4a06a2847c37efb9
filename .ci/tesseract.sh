#!/bin/sh
# Tesseract with French and English, through apt where that is allowed; without it the pip-only engine reads.
set -u
if command -v tesseract >/dev/null 2>&1 && tesseract --list-langs 2>/dev/null | grep -qx fra; then
  exit 0
fi
packages="tesseract-ocr tesseract-ocr-fra tesseract-ocr-eng"
sudo=""
if [ "$(id -u)" -ne 0 ]; then
  if command -v sudo >/dev/null 2>&1 && sudo -n true 2>/dev/null; then sudo="sudo -n"; else sudo="none"; fi
fi
if [ "$sudo" = none ] || ! command -v apt-get >/dev/null 2>&1; then
  echo "Tesseract is not installed and cannot be installed from here (needs root and apt)."
  echo "Going on with rapidocr, the default engine. To add it: apt-get install $packages"
  exit 0
fi
if $sudo apt-get update -qq && $sudo env DEBIAN_FRONTEND=noninteractive apt-get install -y -qq $packages >/dev/null; then
  echo "Tesseract installed: $(tesseract --version 2>&1 | head -n 1)"
else
  echo "Tesseract could not be installed; going on with rapidocr, the default engine."
fi
