"""What a package is built for: a processor, and a Debian suite with its Python."""

from dataclasses import dataclass

_PYTHONS = {"bookworm": (12, 11), "trixie": (13, 13)}
"""Suite: Debian's number, minor version of its Python 3."""
_MACHINES = {"amd64": "x86_64", "arm64": "aarch64"}
_GLIBC = {"bookworm": 36, "trixie": 41}
"""Minor version of the suite's C library 2.x: wheels made for a newer one would not start."""
_WHEEL_GLIBCS = (5, 12, 17, 24, 26, 27, 28, 31, 34, 35, 36, 38, 39, 40, 41)


@dataclass(frozen=True)
class Target:
    """A processor by Debian's name (`amd64`, `arm64`) and a suite (`bookworm`, `trixie`)."""

    arch: str
    suite: str

    def __post_init__(self) -> None:
        if self.arch not in _MACHINES or self.suite not in _PYTHONS:
            known = f"{', '.join(_MACHINES)}; {', '.join(_PYTHONS)}"
            raise SystemExit(f"no package for {self.arch} on {self.suite}; there are: {known}")

    @property
    def python(self) -> str:
        """For example `3.11`."""
        return f"3.{_PYTHONS[self.suite][1]}"

    @property
    def next_python(self) -> str:
        """The first Python that the package does not fit, for example `3.12`."""
        return f"3.{_PYTHONS[self.suite][1] + 1}"

    @property
    def triplet(self) -> str:
        """As libraries' folders are called, for example `aarch64-linux-gnu`."""
        return f"{_MACHINES[self.arch]}-linux-gnu"

    @property
    def platforms(self) -> list[str]:
        """The platform tags of wheels that run there, newest first."""
        machine = _MACHINES[self.arch]
        tags = [f"manylinux_2_{minor}_{machine}" for minor in _WHEEL_GLIBCS if minor <= _GLIBC[self.suite]]
        return [*reversed(tags), f"manylinux2014_{machine}", f"linux_{machine}"]

    def version(self, program: str) -> str:
        """The package's version: `0.1.0` becomes `0.1.0+deb12`, so that an upgrade of Debian brings its own package."""
        return f"{program}+deb{_PYTHONS[self.suite][0]}"
