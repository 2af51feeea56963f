"""The page in a real browser: typed at, gone back in, and shown what is hostile."""

from __future__ import annotations

import os
import re

import pytest

from c2llm.serving.tenants import Tenants
from tests.serving.page.browsing import chromium, served
from tests.trees import CLIENT, PROJECT, RETRY, write_tree

pytest.importorskip("playwright.sync_api", reason="playwright is not installed")
from playwright.sync_api import Browser, Page, Route, expect

expect.set_options(timeout=30_000)  # of a machine that does much else

EVIL = """# </code></pre><script>window.pwned = 1</script><img src=x onerror="window.pwned = 1">
def poison_well(text="</span><svg onload=window.pwned=1>", other='"><script>alert(1)</script>'):
    '''{{constructor.constructor("window.pwned=1")()}} ${window.pwned=1} javascript:alert(1)'''
    return "\u202e\u2066evil\u200b" + "\x07" + "&lt;b&gt;&#60;script&#62;"
"""
EVIL_NAMES = [
    "<img src=x onerror=window.pwned=1>.py",
    '"><svg onload=window.pwned=1>.py',
    "exe.yp\u202egnp.py",
    "line\nbreak \x1b[31m.py",
    "javascript:window.pwned=1.py",
    "%3Cscript%3E &amp; #?.py",
    os.fsdecode(b"caf\xe9.py"),
]
GUARDED = """
window.pwned = 0;
window.violations = [];
document.addEventListener("securitypolicyviolation",
    (event) => window.violations.push(`${event.violatedDirective} ${event.sample}`));
window.alert = () => { window.pwned = 1; };
"""


@pytest.fixture(scope="module")
def browser():
    with chromium() as started:
        yield started


@pytest.fixture(scope="module", autouse=True)
def home(tmp_path_factory):
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("C2LLM_HOME", str(tmp_path_factory.mktemp("home")))
        yield


@pytest.fixture(scope="module")
def site(tmp_path_factory):
    folder = tmp_path_factory.mktemp("served")
    api = write_tree(folder / "api", dict(PROJECT))
    web = write_tree(folder / "web", {"app/retry.py": RETRY, "app/client.py": CLIENT})
    long = "\n".join(f"value_{number} = {number}" for number in range(1, 401))
    write_tree(web, {"app/long.py": f"{long}\n\ndef the_far_one():\n    return 1\n"})
    with served(api, web) as address:
        yield address


@pytest.fixture
def page(browser: Browser, site: str):
    context = browser.new_context(
        viewport={"width": 1280, "height": 800}, permissions=["clipboard-read", "clipboard-write"]
    )
    context.add_init_script(GUARDED)
    opened = context.new_page()
    errors: list[str] = []
    opened.on("pageerror", lambda error: errors.append(str(error)))
    opened.goto(site)
    yield opened
    opened.unroute_all(behavior="ignoreErrors")
    assert not errors
    assert opened.evaluate("window.violations") == []
    assert opened.evaluate("window.pwned") == 0
    context.close()


def titles(page: Page):
    return page.locator(".result h2 .symbol")


def ask(page: Page, text: str) -> None:
    """Type a text, and wait until all has been answered."""
    page.locator("#query").fill(text)
    settled(page, text)


def settled(page: Page, text: str) -> None:
    """Wait until words and vectors have answered a text."""
    expect(page).to_have_title(re.compile(re.escape(text[:20])))
    expect(page.locator("#results")).not_to_have_attribute("aria-busy", re.compile(".*"))
    expect(page.locator("#state")).to_have_text(re.compile("embedded"))


def texts_asked(page: Page) -> list[dict]:
    """The questions that the page sends from now on."""
    asked: list[dict] = []
    page.on(
        "request",
        lambda request: (
            asked.append(request.post_data_json) if request.url.endswith("/page/search") else None
        ),
    )
    return asked


def test_the_start_says_what_is_there(page):
    expect(page.locator("#empty")).to_contain_text("2 repositories")
    expect(page.locator("#empty")).to_contain_text("not indexed yet")
    expect(page.locator("#query")).to_be_focused()


def test_answers_come_as_one_types(page):
    asked = texts_asked(page)
    page.locator("#query").press_sequentially("retry with backoff")
    settled(page, "retry with backoff")
    expect(titles(page).first).to_have_text("retry_with_backoff")
    expect(page.locator(".result").first.locator("code .k, code.k").first).to_have_text(
        re.compile("def|for|try|class")
    )
    words, vectors = (
        {"text": "retry with backoff", "fast": True},
        {"text": "retry with backoff", "fast": False},
    )
    assert asked.index(words) < asked.index(vectors)
    expect(page.locator("#said")).to_have_text(re.compile("places? found"))


def test_lines_that_carried_a_result_are_shaded_and_its_score_taken_apart(page):
    ask(page, "call again after a growing pause")
    first = page.locator(".result", has_text="retry_with_backoff").first
    expect(first.locator(".line[data-shade]").first).to_be_visible()
    first.locator("summary").click()
    expect(first.locator(".parts")).to_contain_text("vectors")


@pytest.mark.parametrize("abort", [True, False])
def test_a_late_answer_is_never_shown(browser, site, abort):
    """Also where the browser hands it out: the page itself knows what it asked last."""
    context = browser.new_context()
    if not abort:
        context.add_init_script("AbortController.prototype.abort = () => {};")
    page = context.new_page()
    held: list[Route] = []

    def hold(route: Route) -> None:
        if route.request.post_data_json["text"] == "pause":
            held.append(route)
        else:
            route.continue_()

    page.route("**/page/search", hold)
    page.goto(site)
    page.locator("#query").fill("pause")
    with page.expect_request("**/page/search"):
        pass
    page.locator("#query").fill("sym:HttpClient")
    expect(titles(page).first).to_have_text(re.compile("HttpClient"))
    settled(page, "sym:HttpClient")
    before = titles(page).all_inner_texts()
    assert held
    for route in held:
        route.continue_()
    page.evaluate("fetch('/page/state', {method: 'POST'})")  # one more round to the server
    page.wait_for_load_state("networkidle")
    assert titles(page).all_inner_texts() == before
    assert page.locator("#query").input_value() == "sym:HttpClient"
    context.close()


def test_filters_are_typed_chosen_and_taken_away(page):
    ask(page, "retry backoff")
    folders = page.get_by_role("region", name="Folder")
    page.get_by_role("region", name="Repository").get_by_role("link", name="web").first.click()
    settled(page, "retry backoff repo:web")
    assert page.locator("#query").input_value() == "retry backoff repo:web"
    expect(page.locator(".result .repository").first).to_have_text("web ")
    expect(page.locator("#chips")).to_contain_text("web")
    page.get_by_role("link", name="Remove the filter repo:web").click()
    settled(page, "retry backoff")
    expect(page.locator("#query")).to_have_value("retry backoff")
    folders.get_by_role("link", name="Leave out tests").click()
    settled(page, "retry backoff -path:tests")
    expect(page.locator(".result .where").first).to_be_visible()
    assert not [one for one in page.locator(".result .where").all_inner_texts() if "tests/" in one]
    page.locator("#query").fill("lang:go")
    expect(page.locator("#empty")).to_contain_text("what are you looking for")
    expect(page.locator(".result")).to_have_count(0)
    page.locator("#query").fill("retry lang:cobol")
    expect(page.locator("#empty")).to_contain_text("No indexed file is written in cobol")


def test_keys_go_through_the_results(page):
    ask(page, "retry backoff")
    page.keyboard.press("Escape")
    expect(page.locator("#query")).not_to_be_focused()
    links = page.locator(".result h2 a")
    for key, at in (("j", 0), ("j", 1), ("j", 2), ("k", 1)):
        page.keyboard.press(key)
        expect(links.nth(at)).to_be_focused()
    page.keyboard.press("y")
    expect(page.locator("#toast")).to_contain_text("Copied")
    copied = page.evaluate("navigator.clipboard.readText()")
    assert re.fullmatch(r"(api|web)/[\w/.]+:\d+", copied)
    with page.context.expect_page() as opening:
        page.keyboard.press("o")
    expect(opening.value.locator("#file .line.hit").first).to_be_visible()
    opening.value.close()
    page.keyboard.press("Enter")
    expect(page.locator("#file .line.hit").first).to_be_visible()
    expect(page.locator("#file-heading")).to_be_focused()
    page.keyboard.press("Escape")
    expect(page.locator("#file")).to_be_hidden()
    expect(links.nth(1)).to_be_focused()
    page.keyboard.press("?")
    expect(page.get_by_role("dialog")).to_be_visible()
    page.keyboard.press("Escape")
    expect(page.get_by_role("dialog")).to_be_hidden()
    page.keyboard.press("/")
    expect(page.locator("#query")).to_be_focused()
    page.keyboard.press("j")
    expect(page.locator("#query")).to_have_value("j")


def test_back_and_forward_and_a_shared_address(page, site):
    ask(page, "sym:HttpClient")
    ask(page, "sym:retry_with_backoff")
    titles(page).first.click()
    expect(page.locator("#file-heading")).to_contain_text("retry.py")
    shared = page.url
    page.go_back()
    expect(page.locator("#file")).to_be_hidden()
    expect(page.locator("#query")).to_have_value("sym:retry_with_backoff")
    page.go_back()
    expect(titles(page).first).to_have_text(re.compile("HttpClient"))
    page.go_back()
    expect(page.locator("#empty")).to_contain_text("Ask your code")
    page.go_forward()
    expect(titles(page).first).to_have_text(re.compile("HttpClient"))
    other = page.context.new_page()
    other.goto(shared)
    expect(other.locator("#query")).to_have_value("sym:retry_with_backoff")
    expect(other.locator("#file .line.hit").first).to_be_visible()
    other.keyboard.press("Escape")
    other.keyboard.press("Escape")
    expect(titles(other).first).to_have_text("retry_with_backoff")


def test_a_hit_is_shown_in_its_place(page):
    ask(page, "sym:the_far_one")
    titles(page).first.click()
    line = page.locator("#file .line.first")
    expect(line).to_be_in_viewport()
    expect(page.locator("#file-heading")).to_be_in_viewport()
    assert int(line.get_attribute("data-line")) > 380
    page.keyboard.press("y")
    expect(page.locator("#toast")).to_contain_text("app/long.py:")


def test_callers_and_code_like_this(page):
    ask(page, "sym:retry_with_backoff repo:api")
    first = page.locator(".result").first
    first.get_by_role("button", name="Callers of").click()
    expect(first.locator(".extra")).to_contain_text("tests/test_retry.py:6")
    page.keyboard.press("/")
    page.keyboard.press("Enter")  # the same once more: what was asked about a result stays
    settled(page, "sym:retry_with_backoff")
    expect(first.locator(".extra")).to_contain_text("tests/test_retry.py:6")
    first.get_by_role("link", name="More like this").click()
    expect(page.locator("#query")).to_have_value(re.compile(r"like:api/src/net/retry\.py:\d+"))
    expect(page.locator(".result .repository").first).to_have_text("web ")


def test_near_copies_are_links_to_their_places(browser, tmp_path_factory):
    body = "\n".join(f"    total_{n} = compute(total_{n - 1}, {n}) + offset" for n in range(1, 12))
    text = f"def work(total_0, offset):\n{body}\n    return total_11\n"
    folder = tmp_path_factory.mktemp("copied")
    api = write_tree(folder / "api", {"a.py": text, "vendor/d.py": text})
    web = write_tree(folder / "web", {"vendor/c.py": text})
    with served(api, web) as site:
        page = browser.new_page()
        page.goto(f"{site}/?q=sym:work")
        settled(page, "sym:work")
        links = page.locator(".result .also").first.get_by_role("link")
        expect(links).to_have_count(2)
        expect(links.filter(has_text="web vendor/c.py:1")).to_have_count(1)
        expect(links.filter(has_text="api")).to_have_count(0)  # it is that of the result
        links.filter(has_text="web").click()
        expect(page.locator("#file-heading")).to_contain_text("web vendor/c.py")
        page.close()


def test_duplicates_are_shown_and_counted_from_then_on(browser, tmp_path_factory):
    body = "\n".join(f"    total_{n} = compute(total_{n - 1}, {n}) + offset" for n in range(1, 12))
    text = f"def work(total_0, offset):\n{body}\n    return total_11\n"
    folder = write_tree(tmp_path_factory.mktemp("twice") / "api", {"a.py": text, "b/c.py": text})
    with served(folder) as site:
        page = browser.new_page()
        page.goto(f"{site}/?q=sym:work")
        first = page.locator(".result").first
        expect(first.locator(".line[data-shade]").first).to_be_visible()
        first.get_by_role("button", name="Duplicates").click()
        expect(first.locator(".extra")).to_contain_text("2 places with the same code")
        first.locator(".extra").get_by_role("link", name="b/c.py").click()
        expect(page.locator("#file-heading")).to_contain_text("b/c.py")
        page.goto(f"{site}/?q=sym:work")
        expect(first.get_by_role("button", name="Duplicates 2")).to_be_visible()
        page.close()


def test_pasted_code_keeps_its_lines(page):
    asked = texts_asked(page)
    page.evaluate("text => navigator.clipboard.writeText(text)", RETRY)
    page.locator("#query").focus()
    page.keyboard.press("Control+V")
    expect(titles(page).first).to_be_visible()
    assert asked[0]["text"] == RETRY.strip()


def test_a_long_paste_is_kept_in_the_history_alone(page, site):
    text = f"{RETRY}\n" + "\n".join(f"# line {number}" for number in range(600))
    page.evaluate("text => navigator.clipboard.writeText(text)", text)
    page.locator("#query").focus()
    page.keyboard.press("Control+V")
    expect(titles(page).first).to_be_visible()
    titles(page).first.click()
    expect(page.locator("#file .line.hit").first).to_be_visible()
    assert len(page.url) < 300
    page.reload()
    expect(titles(page).first).to_be_attached()
    page.get_by_role("link", name="Close").click()
    expect(titles(page).first).to_be_visible()
    expect(page.locator("#query")).to_have_value(re.compile("retry_with_backoff"))


def test_hostile_names_and_code_are_text(browser, tmp_path_factory):
    folder = write_tree(tmp_path_factory.mktemp("evil") / "evil", dict(PROJECT))
    for number, name in enumerate(EVIL_NAMES):
        text = EVIL.replace("poison_well", f"poison_well_{number}")
        (folder / name).write_text(text, encoding="utf-8")
    (folder / "huge.py").write_text(f"def huge_line():\n    return '{'<b>' * 50_000}'\n")
    context = browser.new_context(permissions=["clipboard-read", "clipboard-write"])
    context.add_init_script(GUARDED)
    page = context.new_page()
    asked: list[str] = []
    page.on("request", lambda request: asked.append(request.url))
    with served(folder) as site:
        page.goto(site)
        ask(page, "poison_well")
        evil = page.locator(".result h2 a", has_text="poison_well")
        expect(evil).to_have_count(len(EVIL_NAMES))
        for number in range(len(EVIL_NAMES)):
            link = evil.nth(number)
            assert link.get_attribute("href").startswith("/?q=poison_well&file=")
            link.click()
            expect(page.locator("#file")).to_contain_text("</script>")
            page.keyboard.press("y")
            expect(page.locator("#toast")).to_contain_text("Copied")
            assert page.evaluate("navigator.clipboard.readText()").isprintable()
            page.go_back()
            expect(page.locator("#file")).to_be_hidden()
        shown = page.locator("#results").inner_text()
        assert "\u202e" not in shown and "\\u202e" in shown and "\\x07" in shown
        assert "\\x1b" in shown and "\\xe9" in shown
        ask(page, "<img src=x onerror=alert(1)> path:<svg/onload=alert(1)>")
        page.goto(f"{site}/?q=huge_line")
        titles(page).first.click()
        expect(page.locator("#file")).to_contain_text("more characters")
        page.goto(f"{site}/?q=x&file=%3Cscript%3Ealert(1)%3C/script%3E&line=%3Cb%3E&repo=%3Cb%3E")
        expect(page.locator("#file")).to_contain_text("cannot be shown")
        assert page.evaluate("window.pwned") == 0 and page.evaluate("window.violations") == []
        assert page.locator("main img, main script, main b, #file img, #file script").count() == 0
        assert {url.partition("?")[0].startswith(site) for url in asked} == {True}
        # The browser itself refuses what the page never does.
        refused = "() => { try { document.body.innerHTML = '<b>x'; } catch (e) { return e.name; } }"
        assert page.evaluate(refused) == "TypeError"
    context.close()


def test_a_key_is_asked_for_and_kept_in_the_tab(browser, tmp_path_factory):
    folder = write_tree(tmp_path_factory.mktemp("keyed") / "api", dict(PROJECT))
    key = "s3cret-key-of-a-team"
    tenants = Tenants(key=key, required=True)
    with served(folder, tenants=tenants) as site:
        page = browser.new_page()
        page.goto(f"{site}/?q=retry")
        page.get_by_label("Key", exact=True).fill("wrong-key-of-nobody")
        page.get_by_role("button", name="Use this key").click()
        expect(page.locator("#notices")).to_contain_text("not known")
        page.get_by_label("Key", exact=True).fill("ключ-которого-нет")  # cannot be sent at all
        page.get_by_role("button", name="Use this key").click()
        expect(page.locator("#notices")).to_contain_text("no key")
        page.get_by_label("Key", exact=True).fill(key)
        page.get_by_role("button", name="Use this key").click()
        expect(titles(page).first).to_be_visible()
        # An answer by vectors follows; with a key taken back meanwhile it would say so itself.
        expect(page.locator("#state")).to_have_text(re.compile("embedded"))
        expect(page.locator("#state")).not_to_contain_text("not read yet")
        assert page.evaluate("[localStorage.length, document.cookie]") == [0, ""]
        assert key not in page.url and key not in page.content()
        tenants.key = "another-key-of-it"  # as if it had been revoked
        page.get_by_role("button", name="Callers").first.click()
        expect(page.get_by_label("Key", exact=True)).to_be_focused()
        page.close()


def test_what_an_answer_waits_for_is_said(page):
    held: list[Route] = []
    page.route("**/page/search", lambda route: held.append(route))
    page.route(
        "**/page/progress", lambda route: route.fulfill(json={"reading": {"api": [1200, 4000]}})
    )
    page.locator("#query").fill("retry")
    expect(page.locator("#state")).to_have_text(
        "The index is being made: api: 1,200 of 4,000 files"
    )
    page.unroute("**/page/search")
    held[0].continue_()
    expect(titles(page).first).to_be_visible()


def test_an_answer_from_a_part_says_so_and_grows(page):
    unread = [40, 40, 12]

    def answer(route: Route) -> None:
        told = route.fetch()
        body = told.json()
        if unread:
            body["index"]["unread"] = unread.pop(0)
            body["results"] = body["results"][:1]
            body["notes"] = ["This is from 5 of 45 files; the rest is being read: ask again."]
        route.fulfill(response=told, json=body)

    page.route("**/page/search", answer)
    page.locator("#query").fill("retry")
    expect(page.locator("#state")).to_contain_text("files not read yet")
    expect(page.locator("#notices")).to_contain_text("the rest is being read")
    expect(page.locator("#state")).not_to_contain_text("not read yet")
    expect(page.locator("#notices")).to_be_empty()
    expect(titles(page).nth(1)).to_be_visible()


def test_a_server_without_repositories_says_what_to_do(browser):
    with served() as site:
        page = browser.new_page()
        page.goto(site)
        expect(page.locator("#empty")).to_contain_text("There is no repository yet")
        page.locator("#query").fill("retry")
        expect(page.locator("#said")).to_contain_text("There is no repository yet")
        page.close()


def test_nothing_found_says_among_what(page):
    page.locator("#query").fill("retry path:nowhere")
    expect(page.locator("#empty")).to_contain_text("none that the filters leave")
    expect(page.locator("#notices")).to_contain_text("No indexed file matches")
    page.get_by_role("link", name="Search without the filters").click()
    settled(page, "retry")
    expect(titles(page).first).to_be_visible()


def test_what_goes_wrong_is_said_and_asked_again(page):
    refused = {"message": "Too many searches wait already; ask again in a second.", "code": "x"}
    answers = ["429", "503", "gone"]

    def answer(route: Route) -> None:
        if not answers:
            route.continue_()
        elif (status := answers.pop(0)) == "gone":
            route.abort()
        else:
            body = {"error": {**refused, "type": "server_error"}}
            route.fulfill(status=int(status), json=body, headers={"Retry-After": "1"})

    page.clock.install()
    page.route("**/page/search", answer)
    page.locator("#query").fill("retry")
    page.clock.run_for(200)
    for told in ("Too many searches", "Too many searches", "does not answer"):
        expect(page.locator("#notices .bad")).to_contain_text(told)
        page.clock.run_for(3100)
    expect(titles(page).first).to_be_visible()
    expect(page.locator("#notices .bad")).to_have_count(0)


def test_axe_finds_nothing_serious(page):
    axe = pytest.importorskip("axe_playwright_python.sync_playwright", reason="no axe").Axe()
    found = violations(axe, page, "dark")
    ask(page, "sym:retry_with_backoff repo:api -lang:md")
    first = page.locator(".result").first
    first.get_by_role("button", name="Callers of").click()
    expect(page.locator(".extra h3").first).to_be_visible()
    found += violations(axe, page)
    titles(page).first.click()
    expect(page.locator("#file .line.hit").first).to_be_visible()
    found += violations(axe, page)
    page.keyboard.press("?")
    expect(page.get_by_role("dialog")).to_be_visible()
    found += violations(axe, page, "light")
    assert not found


def violations(axe, page: Page, *schemes: str) -> list[str]:
    """What is serious, in light and in dark."""
    options = {"resultTypes": ["violations"], "iframes": False}
    found = []
    for scheme in schemes or ("light", "dark"):
        page.emulate_media(color_scheme=scheme)
        found += [
            f"{scheme} {one['id']}: {one['nodes'][0]['html']} {one['nodes'][0]['failureSummary']}"
            for one in axe.run(page, options=options).response["violations"]
            if one["impact"] in ("serious", "critical")
        ]
    return found


def test_nothing_is_wider_than_the_window(page):
    def check() -> None:
        for width in (360, 768, 1280, 3840):
            page.set_viewport_size({"width": width, "height": 900})
            assert page.evaluate(over) <= 0, width
            assert page.evaluate(clipped) == [], width
            expect(page.locator("#query")).to_be_in_viewport(ratio=1)

    clipped = """[...document.querySelectorAll("article, article *, .file, .facets .value")]
        .filter((one) => one.scrollWidth > one.clientWidth + 1 && one.clientWidth > 1
            && getComputedStyle(one).display !== "inline" && !one.closest("meter"))
        .map((one) => one.className || one.localName)"""
    over = "document.scrollingElement.scrollWidth - document.scrollingElement.clientWidth"
    check()
    ask(page, "retry backoff -path:README.md")
    check()
    titles(page).first.click()
    expect(page.locator("#file .line.hit").first).to_be_visible()
    check()


def test_light_and_dark_follow_the_system(page):
    shade = "getComputedStyle(document.documentElement).backgroundColor"
    seen = []
    for scheme in ("light", "dark"):
        page.emulate_media(color_scheme=scheme)
        seen.append([int(part) for part in re.findall(r"\d+", page.evaluate(shade))[:3]])
    assert min(seen[0]) > 230 and max(seen[1]) < 40


def test_nothing_is_to_be_had_without_the_server_but_its_own_files(page):
    asked = page.evaluate("performance.getEntriesByType('resource').map((one) => one.name)")
    here = page.evaluate("location.origin")
    assert asked and all(url.startswith(here) for url in asked)
