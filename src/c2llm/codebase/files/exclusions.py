"""What a search should not see even where git tracks it: by name, then by content.

No file that a person wrote is left out for its name's sake alone: what names may mean something
else (`vendor`, `build`, `third_party`) is judged by what is in it.
"""

from __future__ import annotations

from collections.abc import Collection, Container, Sequence

LISTS_VERSION = 2
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
    node_modules bower_components jspm_packages web_modules Pods Carthage site-packages
    dist-packages .bundle .yarn .pnpm-store .cargo .stack-work .elixir_ls Godeps elm-stuff
    dist-newstyle .build deps_cache _vendor _vendored vendored
    """
)
# Such a directory holds the code of others, or one's own that has to do with others: a shop's
# vendors, the dependencies of a web framework's routes. Code of others brings papers along.
_PERHAPS_DEPENDENCIES = _names(
    """
    vendor vendors third_party third-party thirdparty 3rdparty 3rd_party 3rd-party deps
    """
)
_VENDORING = _names("modules.txt autoload.php github.com golang.org gopkg.in gitlab.com")
"""What a tool that fetches dependencies leaves at the top of them."""
_PAPERS = _names(
    """
    license license.txt license.md license.rst license.html license-mit license-apache licence
    licence.txt licence.md copying copying.txt copying.lib copying.lesser unlicense notice
    notice.txt .cargo-checksum.json pkg-info readme.chromium hex_metadata.config bower.json
    """
)
"""In lower case: what a package has that was made to be passed on."""
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
# `out` or `bin` is as often source. A `build` is, even beside a manifest.
_BUILD_OUTPUT: dict[str, tuple[str, ...]] = {
    "dist": ("package.json", "pyproject.toml", "setup.py", "setup.cfg"),
    "out": ("tsconfig.json", "build.gradle", "build.gradle.kts", "build.ninja"),
    "target": ("Cargo.toml", "pom.xml", "build.sbt", "project.clj"),
    "_build": ("mix.exs", "dune-project", "rebar.config"),
    "DerivedData": ("Package.swift",),
}
_BUILT = _names(
    """
    CMakeCache.txt CMakeFiles .ninja_log .ninja_deps intermediates asset-manifest.json
    """
)
_BUILT_BEGINNINGS = ("bdist.", "lib.linux-", "lib.macosx-", "lib.win", "temp.")
_GRADLE = _names(
    """
    classes distributions generated kotlin libs outputs reports resources test-results tmp
    """
)

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
    7z a aar ai apk avi avif bin blend bmp br bz2 class cur dat db dex dll dmg doc docx dylib
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
    csv tsv jsonl ndjson geojson svg eps ps log po pot snap map patch diff lock pem crt
    cer key p12 asc gpg sum sarif har dot gv drawio srt vtt ics vcf dump
    """
)

# Of names in lower case. Looked up rather than searched for: a large tree asks for 50,000 names at
# every search, and one expression of all this costs as much as reading their times from the disk.
_GENERATED_ENDINGS = tuple(
    f".{kind}.{extension}"
    for kind in ("min", "bundle", "chunk")
    for extension in ("js", "css", "mjs", "cjs")
) + tuple(
    """
    _pb2.py _pb2.pyi _pb2_grpc.py _pb2_grpc.pyi .pb.go .pb.gw.go .pb.cc .pb.h .pb.swift _pb.d.ts
    .g.dart .freezed.dart .gr.dart .mocks.dart .designer.cs .g.cs .g.i.cs
    """.split()
)
_GENERATED_BEGINNINGS = ("zz_generated.",)
_GENERATED_WITHIN = ".generated."
_GENERATED_NAMES = _names(
    """
    gradlew gradlew.bat gradlew.cmd mvnw mvnw.bat mvnw.cmd aclocal.m4 config.guess config.sub
    ltmain.sh install-sh libtool
    """
)


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


def contents_reason(parents: Sequence[str], entries: Collection[str]) -> str | None:
    """Why a directory is not entered for what is in it, or None.

    Args:
        parents: The names on the way from the root to the directory, its own last.
        entries: Names of what is in it.
    """
    name = parents[-1].lower()
    if name == "build":
        built = not _BUILT.isdisjoint(entries) or len(_GRADLE.intersection(entries)) > 1
        if built or any(entry.startswith(_BUILT_BEGINNINGS) for entry in entries):
            return "build output"
    if _PERHAPS_DEPENDENCIES.isdisjoint(parent.lower() for parent in parents):
        return None
    if name in _PERHAPS_DEPENDENCIES:
        return None if _VENDORING.isdisjoint(entries) else "dependencies"
    if name == "bundle" and parents[-2].lower() == "vendor" and "ruby" in entries:
        return "dependencies"
    return None if _PAPERS.isdisjoint(map(str.lower, entries)) else "dependencies"


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
        or _GENERATED_WITHIN in name[1:]
    )


def content_reason(head: bytes, content: bytes, language: str) -> str | None:
    """Why a file of text is not indexed, or None.

    Args:
        head: Its beginning, as `decoding.readable_head` gives it.
        content: All its bytes.
        language: Its language.
    """
    from c2llm.codebase.files.generated import says_generated
    from c2llm.codebase.files.minified import is_minified

    if head.startswith(b"version https://git-lfs.github.com/spec/"):
        return "git-lfs pointer"
    if says_generated(head, language):
        return "generated"
    return "minified" if is_minified(content, language) else None
