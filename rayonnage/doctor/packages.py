"""Python and the packages: what the installed distribution asks for against what is there."""

from __future__ import annotations

import platform
from collections.abc import Iterator
from importlib import import_module, metadata
from pathlib import Path
from typing import TYPE_CHECKING

from rayonnage.doctor.check import Check, Status, pip_install

if TYPE_CHECKING:
    from packaging.requirements import Requirement

EXTRAS = {
    "web": (Status.WARNING, "with them `rayonnage serve` opens the page and the HTTP API"),
    "encoder": (Status.WARNING, "with them reading tells the categories of books and CDs better"),
    "heic": (Status.OK, "with it iPhones' HEIC photos are read"),
    "bench": (Status.OK, "only the scripts under bench/ use them"),
    "test": (Status.OK, "only those who change the program use them"),
}
"""What the optional packages of an extra are for, and how it stands without them."""
STAND_INS = {"onnxruntime": "onnxruntime-gpu"}
"""Packages that write the same folder as one that is asked for: beside it they would break it."""
COMPILED = ("torch", "torchvision", "cv2", "onnxruntime", "openvino")
"""Modules whose libraries may be there and not start: a pair that does not match, another processor, a missing system
library."""


def check_packages() -> Iterator[Check]:
    """Python, the required packages, those of each extra, and whether the compiled ones start."""
    try:
        from packaging.requirements import Requirement
        from packaging.specifiers import SpecifierSet

        wanted = [Requirement(line) for line in metadata.requires("rayonnage") or ()]
        about = metadata.metadata("rayonnage")
    except metadata.PackageNotFoundError:
        checkout = str(Path(__file__).parents[2])
        yield Check(Status.MISSING, "packages", "rayonnage is not installed", pip_install("--editable", checkout))
        return
    except ModuleNotFoundError:
        yield Check(Status.MISSING, "packages", "packaging is not installed", pip_install("packaging"))
        return
    needed, version = SpecifierSet(about["Requires-Python"]), platform.python_version()
    if needed.contains(version, prereleases=True):
        yield Check(Status.OK, "Python", version)
    else:
        yield Check(Status.MISSING, "Python", f"{version}, but {needed} is needed", "install it from python.org")
    yield from _required([package for package in wanted if _applies(package, "")])
    for extra in about.get_all("Provides-Extra") or ():
        yield _optional(extra, [package for package in wanted if _applies(package, extra) > _applies(package, "")])
    yield _starts()


def _applies(package: Requirement, extra: str) -> bool:
    return package.marker is None or package.marker.evaluate({"extra": extra})


def _name(package: Requirement) -> str:
    """Of the package itself, or of the one that is installed in its place."""
    stand_in = STAND_INS.get(package.name, "")
    return stand_in if stand_in and not _installed(package.name) and _installed(stand_in) else package.name


def _version(package: Requirement) -> str:
    """What is installed, empty for nothing."""
    return _installed(_name(package))


def _installed(name: str) -> str:
    try:
        return metadata.version(name)
    except metadata.PackageNotFoundError:
        return ""


def _fits(package: Requirement) -> bool:
    version = _version(package)
    return bool(version) and package.specifier.contains(version, prereleases=True)


def _names(packages: list[Requirement]) -> str:
    return ", ".join(f"{_name(package)} {_version(package)}".strip() for package in packages)


def _required(packages: list[Requirement]) -> Iterator[Check]:
    there = [package for package in packages if _fits(package)]
    yield Check(Status.OK, "packages", f"{len(there)} of {len(packages)} are there: {_names(there)}")
    for package in packages:
        if package not in there:
            version = _version(package)
            finding = f"{version}, but {package.specifier} is needed" if version else "not installed"
            install = pip_install(f"{_name(package)}{package.specifier}")
            yield Check(Status.MISSING, package.name, finding, install)


def _optional(extra: str, packages: list[Requirement]) -> Check:
    lacking = [package for package in packages if not _fits(package)]
    if not lacking:
        return Check(Status.OK, f"extra {extra}", _names(packages) or "nothing to install on this machine")
    status, without = EXTRAS.get(extra, (Status.WARNING, "optional"))
    install = pip_install(*(f"{package.name}{package.specifier}" for package in lacking))
    return Check(status, f"extra {extra}", f"{_names(lacking)} not installed, or too old: {without}", install)


def _starts() -> Check:
    for module in COMPILED:
        try:
            import_module(module)
        except Exception as error:  # whatever a library stumbles over is what is to be told
            if not (isinstance(error, ModuleNotFoundError) and error.name == module):
                return _does_not_start(module, error)
    return Check(Status.OK, "libraries", f"{', '.join(COMPILED)}: those that are installed start")


def _does_not_start(module: str, error: Exception) -> Check:
    # torch and torchvision are built for each other: of one alone another release may come
    names = {"torchvision": ("torch", "torchvision"), "cv2": ("opencv-python-headless",)}.get(module, (module,))
    finding = f"{module} is installed and does not start: {type(error).__name__}: {error}"
    return Check(Status.MISSING, "libraries", finding, pip_install("--force-reinstall", *names))
