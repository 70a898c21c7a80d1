"""Good and bad uses of co_await: what GCC 12 was seen to miscompile, and its kin."""

from pathlib import Path

import pytest

from style.coawait import problems_in

GOOD = """
co_await f();
co_await asio::post(asio::use_awaitable);
co_await (first() || second());
co_await timer.async_wait(nothrow);
auto x = co_await f(a, 1);
int y = co_await num(3);
const auto [error, size] = co_await socket.async_read_some(asio::buffer(chunk), nothrow);
std::optional<Event> event = co_await link.next();
auto ack = co_await link.expect<Connack>();
auto& session = co_await broker->session(name);
event = co_await link.next();
this->event_ = co_await link.next();
table[i] = co_await f();
co_return co_await f();
auto executor = co_await asio::this_coro::executor;
if (x) co_await f();
if (x(1) && y) co_await f(); else co_await g();
for (;;) co_await f();
for (auto& [k, v] : map) { co_await f(k); }
while (true) { auto event = co_await link.next(); if (!event) break; }
do co_await f(); while (x);
switch (kind) { case Kind::ping: co_await pong(); break; default: co_await f(); }
try { co_await f(); } catch (const std::exception& e) { x(); }
asio::awaitable<void> f() { co_await g(); }
auto f() -> asio::awaitable<void> { co_await g(); }
x([&](int i) { return i; }); co_await f();
auto values = std::vector<int>{1, 2}; co_await f(values);
// if (co_await f())
/* switch (co_await f()) */ co_await f("while (co_await g()) {", '{', 1'000'000);
auto text = R"(co_await {)"; co_await f(text);
"""

BAD = """
if (co_await f()) g();
if (!(co_await f())) g();
if (auto x = co_await f(); x) g();
if (i < 3 && co_await f()) g();
while (co_await more(n)) {}
while (j < 3 && co_await f()) ++j;
do ++j; while (co_await f());
for (int i = 0; co_await num(i) < 3; ++i) {}
for (auto x : co_await list()) g(x);
switch (co_await f()) { default: break; }
g(co_await f());
asio::steady_timer t(co_await asio::this_coro::executor, 5ms);
std::printf("%d", co_await f());
co_await str(a + std::to_string(co_await num(3)));
first("a"), co_await second("b");
int v = (first("a"), co_await second("b"));
bool w = first("x") == 0 && co_await second("y") == 1;
bool w = co_await f() && g();
int k = co_await f() ? 1 : 0;
int n = co_await num(1) + 2;
int n = 2 * co_await num(1);
total += co_await num(1);
int arr[2] = {first("a"), co_await second("b")};
Point p{co_await x(), 1};
co_await connect({.host = host, .port = 3});
co_await connect(Options{host, 3});
auto x = co_await connect({host, 1});
co_await call([big] { return big.size(); });
co_await [s = text]() -> asio::awaitable<int> { co_return 1; }();
co_await asio::co_spawn(ex, [s = text]() mutable -> asio::awaitable<int> { co_return 1; }, token);
auto job = [s]() -> asio::awaitable<void> { co_return; };
auto job = [&]() -> awaitable<int> { co_return 1; };
return g(co_await f());
throw Failure(co_await f());
auto n = (co_await f()).size();
auto s = co_await str(a) > 3 ? a : b;
"""


def lines(text: str) -> list[str]:
    return text.strip().splitlines()


@pytest.mark.parametrize("line", lines(GOOD))
def test_good(line):
    for around in ("{}", "awaitable<void> f() {{ {} }}", "void g() {{\n  int x = 1;\n  {}\n}}"):
        assert problems_in(Path("x.cpp"), around.format(line)) == []


@pytest.mark.parametrize("line", lines(BAD))
def test_bad(line):
    for around in ("{}", "awaitable<void> f() {{ {} }}", "void g() {{\n  int x = 1;\n  {}\n}}"):
        assert problems_in(Path("x.cpp"), around.format(line)) != []


def test_the_line_is_named():
    assert problems_in(Path("x.cpp"), "\n\nif (co_await f()) g();\n") == [
        "x.cpp:3: co_await in the condition of if"
    ]
