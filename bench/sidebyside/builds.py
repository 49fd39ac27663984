"""Programs that are built before the runs, and the versions of programs."""

import os
import shutil
import subprocess

from .system import ROOT, Failure, run

NEWEST_WIREGUARD_GO = "golang.zx2c4.com/wireguard@latest"
CRATES = f"{ROOT}/bench/rivals"  # kept, since the first build takes minutes


def newest_wireguard_go(folder):
    """Builds it and gives its command."""
    if shutil.which("go") is None:
        raise Failure("no Go to build the newest wireguard-go with; name one with --wireguard-go")
    build("go", "install", NEWEST_WIREGUARD_GO, GOBIN=folder)
    return os.path.join(folder, "wireguard") + " -f"


def newest_of_crate(crate, program, option):
    """Builds a WireGuard in Rust, unless its newest release is there, and gives its command."""
    if shutil.which("cargo") is None:
        raise Failure(f"no cargo to build the newest {crate} with; name one with {option}")
    build("cargo", "install", "--locked", "--root", CRATES, crate)
    return os.path.join(CRATES, "bin", program) + " -f --disable-drop-privileges"


def build(*command, **environment):
    print(f"building: {' '.join(command).replace(f'{ROOT}/', '')}", flush=True)
    built = subprocess.run(
        command, env={**os.environ, **environment}, text=True, capture_output=True, stdin=subprocess.DEVNULL
    )
    if built.returncode != 0:
        raise Failure(f"{' '.join(command)}: {built.stderr.strip()}")


def compile_c(source, program):
    """Compiles a source of this folder, and gives the compiler's version."""
    compiler = shutil.which("cc") or shutil.which("gcc") or shutil.which("clang")
    if compiler is None:
        raise Failure("no C compiler")
    run(compiler, "-O2", "-pthread", "-o", program, f"{ROOT}/bench/{source}")
    return run(compiler, "--version").stdout.split("\n")[0]


def version(program):
    """The version of the module that a Go program was built from, else the one that the program tells."""
    if shutil.which("go") is not None:
        for line in run("go", "version", "-m", shutil.which(program), check=False).stdout.splitlines():
            words = line.split()
            if words[:1] == ["mod"] and len(words) > 2:
                return words[2]
    told = run(program, "--version", timeout=600).stdout.split("\n")[0]  # a checkout of Culvert builds first
    return told.split()[-1] if told else "of unknown version"


def version_of_checkout():
    """The commit of this checkout, and whether its files differ from it."""
    return run("git", "-C", ROOT, "describe", "--always", "--dirty", check=False).stdout.strip()


def version_of_package(name):
    return run("dpkg-query", "-W", "-f", "${Version}", name, check=False).stdout or "of unknown version"
