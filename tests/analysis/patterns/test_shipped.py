"""The shipped patterns on code that is not in their files: siblings of what harms, and likenesses.

Each case has lines that end with a comment `HIT`; those, and no others, are found. The comments are
taken out before, since a comment in a handler is a reason.
"""

from __future__ import annotations

import re
from textwrap import dedent
from typing import NamedTuple

import pytest

from c2llm.analysis.patterns.checking import failures
from c2llm.analysis.patterns.find import Finder, FoundInFile, Text
from c2llm.analysis.patterns.library import shipped_patterns


class Case(NamedTuple):
    pattern: str
    language: str
    code: str


CASES = [
    Case(
        "swallowed-exception",
        "python",
        """
        def read(path):
            try:
                return parse(path)
            except:  # HIT
                pass

        def sync(peer):
            try:
                peer.push()
            except BaseException as problem:  # HIT
                ...

        def probe(path):
            try:
                return parse(path)
            except (OSError, ValueError):
                pass

        def told(path):
            try:
                return parse(path)
            except Exception:
                pass  # a cache that is broken is written anew below

        def counted(path):
            try:
                return parse(path)
            except Exception:
                failed.inc()
        """,
    ),
    Case(
        "swallowed-exception",
        "csharp",
        """
        class Store {
            void Save() {
                try { disk.Write(); }
                catch { } // HIT
                try { disk.Write(); }
                catch (FileNotFoundException) { }
                try { disk.Write(); }
                catch (Exception e) { log.Error(e); }
            }
        }
        """,
    ),
    Case(
        "swallowed-exception",
        "typescript",
        """
        function read(text: string) {
          try { return JSON.parse(text) } catch {} // HIT
          try { return decode(text) } catch (e) { return undefined }
          promise.catch(() => {})
        }
        """,
    ),
    Case(
        "retry-without-limit",
        "python",
        """
        def token():
            while 1:  # HIT
                try:
                    answer = login()
                    return answer.token
                except LoginFailed:
                    time.sleep(2)

        def serve(listener):
            while True:
                try:
                    handle(listener.accept())
                except Exception:
                    log.exception("a request failed")

        def bounded(deadline):
            while True:
                try:
                    return login()
                except LoginFailed:
                    if clock() > deadline:
                        raise
                    time.sleep(2)
        """,
    ),
    Case(
        "retry-without-limit",
        "typescript",
        """
        async function token() {
          for (;;) { // HIT
            try {
              return await login()
            } catch (error) {
              await delay(500)
            }
          }
        }
        """,
    ),
    Case(
        "float-for-money",
        "python",
        """
        def book(row):
            paid = float(row.price)  # HIT
            weight = float(row.weight)
            return Decimal(row.price), paid, weight
        """,
    ),
    Case(
        "float-for-money",
        "java",
        """
        class Line {
            private float unitPrice; // HIT
            private BigDecimal salePrice;
            private double ratio;
            void pay(double salary) { } // HIT
        }
        """,
    ),
    Case(
        "float-for-money",
        "swift",
        """
        struct Line {
            let price: Double // HIT
            let width: Double
            let total: Decimal
        }
        """,
    ),
    Case(
        "look-ahead",
        "python",
        """
        def strategy(df):
            df["up"] = df["high"].shift(periods=-2) > df["high"]  # HIT
            df["mean"] = df["close"].rolling(5, center=True).mean()  # HIT
            df["open"] = df["open"].fillna(method="bfill")  # HIT
            df["lag"] = df["high"].shift(2)
            df["label"] = df["close"].shift(-1)
            df["close"] = df["close"].fillna(method="ffill")
        """,
    ),
    Case(
        "missing-timeout",
        "python",
        """
        def send(body):
            requests.post(URL, json=body)  # HIT
            requests.post(URL, json=body, timeout=3)
            requests.post(URL, **options)
            server = smtplib.SMTP(HOST)  # HIT
            self.browser.urlopen(URL)
        """,
    ),
    Case(
        "missing-timeout",
        "go",
        """
        package web

        var client = &http.Client{} // HIT
        var patient = &http.Client{Timeout: time.Minute}

        func send(request *http.Request) (*http.Response, error) {
            return http.DefaultClient.Do(request) // HIT
        }
        """,
    ),
    Case(
        "sql-built-by-strings",
        "python",
        """
        def load(db, city, limit):
            db.execute("DELETE FROM towns WHERE name = '" + city + "'")  # HIT
            db.execute("SELECT * FROM towns WHERE name = '{}'".format(city))  # HIT
            db.execute(f"UPDATE towns SET name = '{city}' WHERE id = 3")  # HIT
            db.execute("SELECT * FROM towns WHERE name = %s", [city])
            db.execute(f"SELECT * FROM towns WHERE id = {int(city)}")
            print(f"select a town from the list = {city}")
        """,
    ),
    Case(
        "sql-built-by-strings",
        "java",
        """
        class Towns {
            ResultSet load(Statement statement, String city) throws SQLException {
                String a = "SELECT * FROM towns WHERE name LIKE '%" + city + "%'"; // HIT
                String b = "SELECT * FROM towns WHERE name = " + NAME;
                return statement.executeQuery(a);
            }
        }
        """,
    ),
    Case(
        "sql-built-by-strings",
        "kotlin",
        """
        fun load(db: Database, city: String) {
            db.query("DELETE FROM towns WHERE name = '" + city + "'") // HIT
            db.query("DELETE FROM towns WHERE name = ?", arrayOf(city))
        }
        """,
    ),
    Case(
        "secret-in-code",
        "python",
        """
        AWS_SECRET_ACCESS_KEY = "q8Zr5TnWx2Lp9VbKc7Jd3HfMs6Gy4QaUe1Ri0Bo"  # HIT
        SIGNING = {"client_secret": "vB7kQ2mZ9xLp4TnR"}  # HIT
        PASSWORD = os.getenv("PASSWORD")
        PASSWORD_HELP = "at least one digit and one capital letter"
        api_key = "YOUR_Api_Key_123"
        """,
    ),
    Case(
        "unit-mix-up",
        "python",
        """
        def pause(wait_millis, heading_deg, limit_seconds):
            time.sleep(wait_millis)  # HIT
            time.sleep(wait_millis / 1000)
            north = math.cos(heading_deg)  # HIT
            north = math.cos(math.radians(heading_deg))
            limit_ms = limit_seconds  # HIT
            limit_ms = limit_seconds * 1000
        """,
    ),
    Case(
        "unit-mix-up",
        "go",
        """
        package clock

        func pause(waitMillis int) {
            time.Sleep(50) // HIT
            time.Sleep(time.Duration(waitMillis)) // HIT
            time.Sleep(time.Duration(waitMillis) * time.Millisecond)
            time.Sleep(50 * time.Millisecond)
        }
        """,
    ),
    Case(
        "unchecked-order-size",
        "python",
        """
        def on_bar(self, bar):
            quantity = self.cash / bar.close
            self.api.submit_order(symbol=bar.symbol, quantity=quantity)  # HIT

        def on_tick(self, tick):
            quantity = min(self.cash / tick.price, self.largest)
            self.api.submit_order(symbol=tick.symbol, quantity=quantity)
        """,
    ),
    Case(
        "race-on-shared-state",
        "java",
        """
        class Tools {
            static DateFormat day = new SimpleDateFormat("dd.MM.yyyy"); // HIT
            private final DateFormat own = new SimpleDateFormat("dd.MM.yyyy");
            private static Tools tools;
            static Tools tools() {
                if (tools == null) { // HIT
                    tools = create();
                }
                return tools;
            }
            static String named(String name) {
                if (name == null) {
                    name = new String("none");
                }
                return name;
            }
        }
        """,
    ),
    Case(
        "race-on-shared-state",
        "go",
        """
        package sums

        func gather(parts []int) int {
            total := 0
            for _, part := range parts {
                go func() { // HIT
                    total += part
                }()
                go func() {
                    own := 0
                    own += part
                    results <- own
                }()
            }
            return total
        }
        """,
    ),
    Case(
        "time-zone-lost",
        "python",
        """
        def stamps(moment, seconds):
            a = datetime.datetime.utcnow()  # HIT
            b = datetime.utcfromtimestamp(seconds)  # HIT
            c = moment.replace(tzinfo=None)  # HIT
            d = datetime.fromtimestamp(seconds, timezone.utc)
            e = arrow.utcnow()
        """,
    ),
    Case(
        "time-zone-lost",
        "java",
        """
        class Stamps {
            LocalDateTime now() { return LocalDateTime.now(); } // HIT
            LocalDateTime there(ZoneId zone) { return LocalDateTime.now(zone); }
        }
        """,
    ),
    Case(
        "certificate-check-off",
        "python",
        """
        def load(session, strict):
            session.verify = True
            requests.post(URL, verify=False)  # HIT
            pool = urllib3.PoolManager(cert_reqs="CERT_NONE")  # HIT
        """,
    ),
    Case(
        "certificate-check-off",
        "kotlin",
        """
        object Trust : X509TrustManager {
            override fun checkServerTrusted(chain: Array<X509Certificate>, kind: String) {} // HIT
        }
        """,
    ),
    Case(
        "certificate-check-off",
        "cpp",
        """
        void open(CURL* handle) {
            curl_easy_setopt(handle, CURLOPT_SSL_VERIFYPEER, 0L); // HIT
            curl_easy_setopt(handle, CURLOPT_SSL_VERIFYHOST, 2L);
        }
        """,
    ),
]
_MARK = re.compile(r" +(#|//) HIT$", re.MULTILINE)
_CODE = [dedent(case.code.replace("\t", "    ")).lstrip("\n") for case in CASES]
TEXTS = [
    Text(str(number), _MARK.sub("", code), case.language)
    for number, (case, code) in enumerate(zip(CASES, _CODE, strict=True))
]


@pytest.fixture(scope="module")
def found() -> dict[str, FoundInFile]:
    return {text.path: result for text, result in Finder(shipped_patterns()).found(TEXTS, 1)}


def test_each_holds_against_its_own_examples() -> None:
    assert failures(shipped_patterns()) == []


def test_each_has_a_cure_and_what_only_looks_alike() -> None:
    for pattern in shipped_patterns():
        assert pattern.advice and pattern.negative, pattern.name


def test_there_is_a_case_for_each() -> None:
    assert {case.pattern for case in CASES} == {one.name for one in shipped_patterns()}


@pytest.mark.parametrize("number", range(len(CASES)), ids=[f"{c[0]}-{c[1]}" for c in CASES])
def test_siblings_are_found_and_likenesses_are_not(
    number: int, found: dict[str, FoundInFile]
) -> None:
    names = [one.name for one in shipped_patterns()]
    some = found[str(number)].get(names.index(CASES[number].pattern), [])
    wanted = [at for at, line in enumerate(_CODE[number].split("\n"), 1) if _MARK.search(line)]
    assert [one.place.start_line for one in some] == wanted
