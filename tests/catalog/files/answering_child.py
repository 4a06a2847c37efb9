"""A child that turns what it is sent, or does worse; light, for what is measured is how children start."""

import os
import signal
import struct
import sys
import time
from pathlib import Path

from catalog.files.parent_process import ParentProcess

LENGTH = struct.Struct("<I")


def answer(parent, question):
    if question == b"hang":
        time.sleep(600)
    if question == b"crash":
        print("loading\nno such kernel", file=sys.stderr, flush=True)
        os.kill(os.getpid(), signal.SIGSEGV)
    if question == b"exit":
        sys.exit("no such model")
    if question == b"say much":
        sys.stderr.write("x" * 2000 + "\n")
        sys.stderr.flush()
    if question == b"endless line":
        parent.answer(b"?" * 5000)
    if question == b"installed":
        files = {name: getattr(module, "__file__", None) or "" for name, module in list(sys.modules.items())}
        return " ".join(sorted(name for name, file in files.items() if "site-packages" in Path(file).parts)).encode()
    if question == b"variable":
        return os.environ.get("RAYONNAGE_TEST", "").encode()
    print("a library says hello")
    return question[::-1]


def main():
    parent = ParentProcess()
    print("a library says what it is", flush=True)
    parent.say_ready()
    while header := parent.receive(LENGTH.size):
        turned = answer(parent, parent.receive(*LENGTH.unpack(header)))
        parent.answer(LENGTH.pack(len(turned)), turned, b"\n")


if __name__ == "__main__":
    main()
