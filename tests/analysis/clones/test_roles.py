"""What a file is for, where its folder says so in words of its own."""

from __future__ import annotations

import pytest

from c2llm.analysis.clones.roles import file_role


@pytest.mark.parametrize(
    "path",
    [
        "ci/src/certbot_integration_tests/utils/misc.py",
        "src/Core.Test/Fixture.cs",
        "src/Core.Test.Common/Base.cs",
        "src/UnitTests.Shared/Helpers.cs",
        "app/src/androidTest/java/Base.java",
        "service/src/integrationTest/kotlin/Server.kt",
        "t/unit/security/__init__.py",
        "modules/simpletest/web.php",
        "executor-samples/src/Job.java",
        "packages/test-helpers/index.js",
    ],
)
def test_folders_of_tests(path: str) -> None:
    assert file_role(path, "python", generated=False) == "test"


@pytest.mark.parametrize(
    "path",
    [
        "src/latest/page.py",
        "contest/rules.py",
        "app/ab_testing/variants.py",
        "net/speed-test/run.py",
        "src/t/names.py",
        "inspect/attestation.go",
        "Microsoft.TestPlatform/Runner.cs",
        "fastest/run.py",
    ],
)
def test_folders_that_only_sound_like_it(path: str) -> None:
    assert file_role(path, "python", generated=False) == "code"
