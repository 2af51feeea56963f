"""C and C++ behind macros: a definition is called by what it defines."""

from __future__ import annotations

from pathlib import Path

import pytest

from c2llm.codebase.grammars.macros import macro_name, readable
from c2llm.codebase.syntax import definitions

FOLDER = Path(__file__).parent / "macros"


def names(source: str, language: str = "c") -> list[str]:
    return [
        f"{entry.scope}.{entry.name}".lstrip(".")
        for entry in definitions(source.encode(), language)
    ]


def test_the_names_of_each_macro() -> None:
    assert names((FOLDER / "a.c").read_text()) == [
        "array_rotate",
        "readfoo",
        "cblas_dfoomm",
        "Java_com_acme_Native_addNumbers",
        "openSession",
        "speedups_escape",
        "Ffrob_buffer",
    ]
    assert names((FOLDER / "d.c").read_text()) == ["change_perms", "after_ifdef"]


@pytest.mark.parametrize(
    ("source", "name"),
    [
        ("TEST(Stack, Pops)\n{\n}\n", "Stack.Pops"),
        ("TEST_F(StackTest, PopsAll) {\n  int x = 1;\n}\n", "StackTest.PopsAll"),
        ("TYPED_TEST_P(StackTest, Typed) {}\n", "StackTest.Typed"),
        ("BENCHMARK_DEFINE_F(Map, Insert)(benchmark::State& st) {\n}\n", "Map.Insert"),
        ('TEST_CASE("numbers are parsed", "[parse]") {\n}\n', "numbers are parsed"),
        ('TEST_CASE_METHOD(Fixture, "rows are kept") {\n}\n', "Fixture.rows are kept"),
        ("BOOST_AUTO_TEST_CASE(parses_numbers)\n{\n}\n", "parses_numbers"),
        ("PHP_METHOD(DateTime, format)\n{\n}\n", "DateTime.format"),
        ("ZEND_FUNCTION(zend_version)\n{\n}\n", "zend_version"),
        ("COMPAT_SYSCALL_DEFINE2(foo_compat, int, a, long, b)\n{\n}\n", "foo_compat"),
        ("BPF_CALL_3(bpf_get_x, void *, a, u32, b)\n{\n}\n", "bpf_get_x"),
        ('DEFUN (show_it, show_cmd, "show it", STR)\n{\n}\n', "show_it"),
        ("static int __init foo_init(void)\n{\n}\nmodule_init(foo_init);\n", "foo_init"),
        ("DEFINE_MUTEX(big_lock);\n", "big_lock"),
        ("static DEFINE_PER_CPU(struct rq, runqueues);\n", "runqueues"),
        ("Datum\nadd_one(PG_FUNCTION_ARGS)\n{\n}\n", "add_one"),
        ("__declspec(dllexport) int __stdcall shared(int a)\n{\n}\n", "shared"),
        ("__attribute__((noinline)) static void slow(void) {\n}\n", "slow"),
        ("LUA_API int (lua_gettop) (lua_State *L) {\n}\n", "lua_gettop"),
        ("static int (plain_name)(int a)\n{\n}\n", "plain_name"),
        ("SQLITE_API int sqlite3_open(const char *name)\n{\n}\n", "sqlite3_open"),
        ("asmlinkage __visible void __init start_kernel(void)\n{\n}\n", "start_kernel"),
        ("PyMODINIT_FUNC\nPyInit_eggs(void)\n{\n}\n", "PyInit_eggs"),
        ("PyAPI_FUNC(PyObject *) PyThing_New(int x)\n{\n}\n", "PyThing_New"),
        ("METHODDEF(void)\nstart_pass(j_decompress_ptr cinfo)\n{\n}\n", "start_pass"),
        ("BOOL WINAPI DllMain(HINSTANCE h)\n{\n}\n", "DllMain"),
        ("PNG_FUNCTION(void,PNGAPI\npng_error,(png_ptr p), NORETURN)\n{\n}\n", "png_error"),
        ('SEC("xdp")\nint xdp_prog(struct xdp_md *ctx)\n{\n}\n', "xdp_prog"),
        ("static VALUE\nrb_str_foo(VALUE self)\n{\n}\n", "rb_str_foo"),
        ("NS_BEGIN\n\nint inside(void) {\n}\n\nNS_END\n", "inside"),
    ],
)
def test_a_definition_is_called_by_what_it_defines(source: str, name: str) -> None:
    for language in ("c", "cpp"):
        assert names(source, language) == [name]


def test_an_old_definition_has_its_name() -> None:
    assert names("int larger(a, b)\nint a; char *b;\n{\n  return a;\n}\n") == ["larger"]


@pytest.mark.parametrize(
    ("source", "name"),
    [
        ("class ACME_EXPORT Ledger : public Base {\n  int total;\n};\n", "Ledger"),
        ('class FMT_VISIBILITY("default") bad_format final : public Error {\n};\n', "bad_format"),
        ("struct ALIGNED(16) Row {\n  int x;\n};\n", "Row"),
    ],
)
def test_a_class_keeps_its_name_behind_an_export_attribute(source: str, name: str) -> None:
    assert names(source, "cpp")[0] == name


SPLIT = [
    "int f(int x)\n{\n#if A\n  if (x) {\n#else\n  {\n#endif\n    x++;\n  }\n  return x;\n}\n",
    "#ifdef A\nint f(int x) {\n#else\nint f(void) {\n#endif\n  return 1;\n}\n",
    "int f(int x)\n{\n#ifdef A\n  if (x) {\n#endif\n    x++;\n#ifdef A\n  }\n#endif\n}\n",
    "int f(int x)\n{\n#if A\n  if (x) {\n#elif B\n  if (!x) {\n#else\n  while (x) {\n#endif\n"
    "  }\n}\n",
]


@pytest.mark.parametrize("source", SPLIT)
def test_a_function_that_a_condition_splits_is_whole(source: str) -> None:
    found = definitions((source + "int after(void) { return 2; }\n").encode(), "c")
    assert [entry.name for entry in found] == ["f", "after"]
    assert found[0].end_line == source.count("\n")


def test_a_guard_and_a_linkage_stay_as_they_are() -> None:
    source = (
        b'#ifndef A_H\n#define A_H\n#ifdef __cplusplus\nextern "C" {\n#endif\n'
        b"int f(int);\n#ifdef __cplusplus\n}\n#endif\n#endif\n"
    )
    assert readable(source) == source


@pytest.mark.parametrize(
    "source",
    [
        b"int FOO(int x) {\n}\n",
        b"FILE *open_it(void) {\n}\n",
        b"static BOOL f(void) {\n}\n",
        b"#define LIST(x) \\\n  f(x)\n",
        b"enum color {\nRED_ONE,\nBLUE_TWO\n};\n",
    ],
)
def test_plain_code_is_not_touched(source: bytes) -> None:
    assert readable(source) == source


@pytest.mark.parametrize(
    "text", [b"MACRO(", b"A\n", b"#if 1\n{\n", b"AAA BBB ", b"X(a, ", b"\n#else"]
)
def test_hostile_files_keep_their_length(text: bytes) -> None:
    source = text * 20_000
    assert len(readable(source)) == len(source)
    assert macro_name(source, 0) is None


def test_a_symbol_is_never_punctuation() -> None:
    sources = ["FOO(x) (y) + ) {\n}\n", "int (*)(x) {\n}\n", "} FOO ( ) )\n{\n}\n"]
    for source in sources:
        assert all(any(sign.isalnum() for sign in name) for name in names(source, "cpp"))
