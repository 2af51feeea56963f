"""No file that a person wrote is left out for a word in it or in its name."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

from c2llm.search.code_index import CodeIndex
from tests.cases.conftest import Ask
from tests.trees import write_tree

FOUND = {
    "insertRanked": "src/sorted_list.js",
    "start_group_chat": "src/autogen_agent.py",
    "mergeChunkIntoParent": "src/split/merge-chunk.js",
    "looksMachineWritten": "src/is_generated.ts",
    "write_client_stub": "tools/codegen_python.py",
    "require_autoreconf": "autogen.sh",
}


def test_it_is_found_by_its_name(opened: Callable[[str], CodeIndex], ask: Ask) -> None:
    index = opened("generated")
    for name, path in FOUND.items():
        assert ask(index, name)[0].path == path, name
    skipped = {skip.path: skip.reason for skip in index.status().skipped}
    assert skipped == {"db/schema.rb": "generated"}


def test_what_is_left_out_can_be_taken_back(tmp_path: Path, home: Path) -> None:
    tree = {
        "main.py": "def main():\n    return 1\n",
        "gen/api.py": "# This file is generated. Do not edit.\ndef call_api():\n    return 1\n",
        "web/app.js": "function packed(a){return a+1;}" * 300,
        "web/lib.min.js": "function tiny(){}\n",
        "big.py": "def huge():\n    return 1\n" + f"X = '{'padding ' * 100}'\n" * 1_400,
        "vendor/acme/LICENSE": "MIT\n",
        "vendor/acme/client.py": "def acme_client():\n    return 1\n",
        "vendor/acme/server.py": "def acme_server():\n    return 1\n",
        "node_modules/left/pad.js": "function leftPad() {}\n",
        "node_modules/right/pad.js": "function rightPad() {}\n",
    }
    names = "call_api packed tiny huge acme_client leftPad".split()
    root = write_tree(tmp_path / "tree", tree)
    with CodeIndex.open(root, embed="none") as index:
        assert {hit.path for hit in index.search("main", mode="lexical")} == {"main.py"}
        assert not index.search(" ".join(names), mode="lexical")
        write_tree(
            root,
            {
                ".c2llmignore": "!api.py\n!app.js\n!*.min.js\n!big.py\n!vendor/acme/client.py\n"
                "!/node_modules/left/\n"
            },
        )
        index.refresh()
        for name in names:
            assert index.search(name, mode="lexical")[0].symbol == name
        for name in ("acme_server", "rightPad"):
            assert not any(name in hit.text for hit in index.search(name, mode="lexical"))
        assert index.refresh().redone == 0
        (root / ".c2llmignore").unlink()
        index.refresh()
        assert not index.search(" ".join(names), mode="lexical")


def test_a_directory_is_judged_by_what_is_in_it(tmp_path: Path, home: Path) -> None:
    own = {
        "vendor/models.py": "def vendor_of_order():\n    pass\n",
        "shop/vendor/views.py": "def list_vendors():\n    pass\n",
        "build/release.py": "def cut_release():\n    pass\n",
        "setup.py": "from setuptools import setup\n",
        "app/deps/auth.py": "def current_user():\n    pass\n",
        "mix.exs": "defmodule M do\nend\n",
        "third_party/slack/notify.py": "def notify_slack():\n    pass\n",
    }
    others = {
        "go/vendor/modules.txt": "# github.com/x/y v1\n",
        "go/vendor/github.com/x/y/y.go": "package y\n",
        "third_party/zlib/LICENSE": "zlib\n",
        "third_party/zlib/zlib.c": "int z;\n",
        "deps/jason/hex_metadata.config": "x\n",
        "deps/jason/lib/jason.ex": "defmodule Jason do\nend\n",
        "native/build/CMakeCache.txt": "X=1\n",
        "native/build/moc.cpp": "int m;\n",
        "lib/_vendor/six.py": "x = 1\n",
        "php/vendor/autoload.php": "<?php\n",
        "php/vendor/a/b.php": "<?php\n",
        "java/build/classes/A.txt": "a\n",
        "java/build/tmp/B.txt": "b\n",
        "ruby/vendor/bundle/ruby/3.0/gem.rb": "x = 1\n",
    }
    root = write_tree(tmp_path / "tree", own | others)
    with CodeIndex.open(root, embed="none") as index:
        assert {file.path for file in index._store.files()} == own.keys()
