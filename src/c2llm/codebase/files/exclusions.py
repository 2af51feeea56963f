"""What a search should not see even where git tracks it: by name, then by content."""

from __future__ import annotations

import re
from collections.abc import Container

LISTS_VERSION = 1
"""Raised whenever what is below judges a name in another way: all names are judged again then."""


def _names(text: str) -> frozenset[str]:
    return frozenset(text.split())


_INTERNAL = _names(
    """
    .git .hg .svn .bzr .jj CVS _darcs .pijul .sl
    """
)
_DEPENDENCIES = _names(
    """
    node_modules bower_components jspm_packages web_modules vendor vendored _vendor
    third_party third-party thirdparty Pods Carthage site-packages dist-packages .bundle
    .yarn .pnpm-store .cargo .stack-work .elixir_ls Godeps elm-stuff dist-newstyle .build
    deps_cache
    """
)
_CACHES = _names(
    """
    __pycache__ .mypy_cache .pytest_cache .ruff_cache .tox .nox .eggs .hypothesis .cache
    .parcel-cache .turbo .next .nuxt .svelte-kit .angular .gradle .terraform .serverless
    .nyc_output .ipynb_checkpoints .venv .virtualenv .idea .vs .vscode-test .dart_tool
    .metals .bloop .bsp .zig-cache zig-cache zig-out .DS_Store htmlcov .coverage .sass-cache
    _build_cache .ccls-cache .clangd
    """
)

# A directory is build output where the tool that writes it has its manifest beside it: a bare
# `build` or `bin` is as often source.
_BUILD_OUTPUT: dict[str, tuple[str, ...]] = {
    "dist": ("package.json", "pyproject.toml", "setup.py", "setup.cfg"),
    "build": ("setup.py", "pyproject.toml", "build.gradle", "build.gradle.kts", "CMakeCache.txt"),
    "out": ("tsconfig.json", "build.gradle", "build.gradle.kts", "build.ninja"),
    "target": ("Cargo.toml", "pom.xml", "build.sbt", "project.clj"),
    "_build": ("mix.exs", "dune-project", "rebar.config"),
    "deps": ("mix.exs", "rebar.config"),
    "DerivedData": ("Package.swift",),
}

_LOCKFILES = _names(
    """
    package-lock.json npm-shrinkwrap.json yarn.lock pnpm-lock.yaml bun.lock bun.lockb
    deno.lock Cargo.lock Gemfile.lock composer.lock poetry.lock Pipfile.lock pdm.lock
    uv.lock go.sum go.work.sum mix.lock pubspec.lock Podfile.lock Package.resolved
    packages.lock.json gradle.lockfile flake.lock stack.yaml.lock cabal.project.freeze
    conda-lock.yml pixi.lock .terraform.lock.hcl paket.lock Manifest.toml
    project.assets.json rebar.lock shard.lock buf.lock
    """
)

_BINARY = _names(
    """
    7z a aar apk avi avif bin blend bmp br bz2 class cur dat db dex dll dmg doc docx dylib
    ear elc eot exe fbx fla flac gem gif glb gz h5 heic icns ico idx ilk img iso jar jpeg
    jpg ko lib lz4 m4a mkv mov mp3 mp4 mpeg mpg msi nib npy npz nupkg o obj odt ogg onnx otf
    pack parquet pcap pdb pdf pickle pkl png ppt pptx psd pt pth pyc pyd pyo rar rlib rpm
    safetensors sketch snk so sqlite sqlite3 swf swp tar tga tgz tif tiff ttf wasm wav webm
    webp whl woff woff2 wmv xls xlsx xz zip zst
    """
)

# Text that no question is about: tables, translations, drawings, recorded outputs.
_DATA = _names(
    """
    csv tsv jsonl ndjson geojson svg eps ps log po pot mo snap map patch diff lock pem crt
    cer key p12 asc gpg sum ipynb sarif har dot gv drawio srt vtt ics vcf plot dump
    """
)

# Of names in lower case. Looked up rather than searched for: a large tree asks for 50,000 names at
# every search, and one expression of all this costs as much as reading their times from the disk.
_GENERATED_ENDINGS = tuple(
    f"{mark}{kind}.{extension}"
    for mark in ".-"
    for kind in ("min", "bundle", "chunk")
    for extension in ("js", "css", "mjs")
) + tuple(
    """
    _pb2.py _pb2.pyi _pb2_grpc.py _pb2_grpc.pyi .pb.go .pb.gw.go .pb.cc .pb.h .pb.swift _pb.js
    _pb.d.ts _pb.rb .g.dart .freezed.dart .gr.dart .mocks.dart .designer.cs .g.cs .g.i.cs
    """.split()
)
_GENERATED_BEGINNINGS = ("zz_generated.", "zz_generated_", "bindata.", "bindata_")
_GENERATED_NAMES = _names(
    """
    gradlew gradlew.bat gradlew.cmd mvnw mvnw.bat mvnw.cmd aclocal.m4 config.guess config.sub
    ltmain.sh install-sh libtool
    """
)
_GENERATED_WORDS = re.compile(r"[._]generated\.\w+$|(^|[-_.])autogen(erated)?[-_.]")

_GENERATED_HEADS = re.compile(
    rb"""@generated\b | \bDO\ NOT\ (EDIT|MODIFY)\b.{0,80}\b(generated|automatic)
    | \b(code|file|source|this\ is)\s+(is\s+|was\s+|has\s+been\s+)?
      (auto(matically)?[-\s]*)?generated\b.{0,200}\bDO\ NOT\ (EDIT|MODIFY)\b
    | \bthis\ (code|file|source)\ (is|was|has\ been)\ (auto(matically)?[-\s]*)generated\b
    | <auto-?generated\b | \A\W*(auto(matically)?[-\s]*)generated\s+by\b
    | \bGenerated\ by\ the\ protocol\ buffer\ compiler\b""",
    re.VERBOSE | re.IGNORECASE | re.DOTALL,
)
_GENERATED_WITHIN = 1_024
"""A marker stands at the top; further down it is a string in a generator's source."""
_LONG_LINE = 5_000
"""No line that a person wrote has as many bytes."""
HEAD_BYTES = 8_192
"""How much of a file `content_reason` and `detect_language` want to see."""


def directory_reason(name: str, siblings: Container[str]) -> str | None:
    """Why a directory of this name is not entered, or None.

    Args:
        name: Name of the directory.
        siblings: Names of the other entries of its parent.
    """
    if name in _INTERNAL:
        return "version control"
    if name in _DEPENDENCIES:
        return "dependencies"
    if name in _CACHES or name.endswith(".egg-info"):
        return "cache"
    manifests = _BUILD_OUTPUT.get(name)
    if manifests and any(manifest in siblings for manifest in manifests):
        return "build output"
    return None


def file_reason(name: str) -> str | None:
    """Why a file of this name is not read, or None."""
    if name in _LOCKFILES:
        return "lockfile"
    dot = name.rfind(".")
    extension = name[dot + 1 :].lower() if dot >= 0 else ""
    if extension in _BINARY:
        return "binary"
    if extension in _DATA:
        return "data"
    return "generated" if _is_generated(name.lower()) else None


def _is_generated(name: str) -> bool:
    return (
        name.endswith(_GENERATED_ENDINGS)
        or name.startswith(_GENERATED_BEGINNINGS)
        or name in _GENERATED_NAMES
        or ("gen" in name and _GENERATED_WORDS.search(name) is not None)
    )


def content_reason(head: bytes) -> str | None:
    """Why a file that starts with these bytes is not indexed, or None.

    Args:
        head: The first `HEAD_BYTES` of the file, or all of it.
    """
    if not head:
        return "empty"
    if head.startswith((b"\xff\xfe", b"\xfe\xff")):
        return None  # UTF-16 text holds NULs
    if b"\0" in head:
        return "binary"
    if head.startswith(b"version https://git-lfs.github.com/spec/"):
        return "git-lfs pointer"
    if _GENERATED_HEADS.search(head, 0, _GENERATED_WITHIN):
        return "generated"
    if len(head) > _LONG_LINE and max(map(len, head.split(b"\n"))) > _LONG_LINE:
        return "minified"
    return None
