// http1-client: fetches URLs. Its options and exit codes mean what curl's mean.
#include "http1/client.hpp"
#include "http1/gzip.hpp"
#include "wire/program.hpp"
#include "wire/tls.hpp"

#include <fmt/format.h>
#include <openssl/ssl.h>
#include <unistd.h>
#include <CLI/CLI.hpp>

#include <cstdio>
#include <filesystem>
#include <optional>

namespace {

using wire::Errc;

// curl's exit codes, as far as they can happen here.
enum Exit {
  ok = 0,
  bad_url = 3,
  no_such_host = 6,
  no_connection = 7,
  cut_short = 18,
  http_error = 22,  // with --fail
  cannot_write = 23,
  cannot_read = 26,
  timed_out = 28,
  tls_failed = 35,
  too_many_redirects = 47,
  no_answer = 52,
  bad_answer = 56,
  not_trusted = 60,
  bad_coding = 61,
  too_much = 63,
};

struct Options {
  std::vector<std::string> urls;
  std::string method, data, output, ca_file;
  std::vector<std::string> headers;
  bool include = false, fail = false, location = false, compressed = false, head = false;
  double max_time = 0;
};

constexpr int max_redirects = 20;
constexpr std::uint64_t large_content = 1 << 20;  // worth asking first: Expect, as curl does
constexpr std::size_t block = 64 * 1024;

using FilePtr = std::unique_ptr<std::FILE, int (*)(std::FILE*)>;

// Where the response's content goes, with a progress bar where somebody watches and it is not the terminal's text.
class Output {
 public:
  explicit Output(const std::string& path) : file_(path.empty() ? stdout : std::fopen(path.c_str(), "wb"), close) {
    progress_ = !path.empty() && isatty(STDERR_FILENO);
  }
  bool is_open() const { return file_ != nullptr; }
  void expect(std::optional<std::uint64_t> total) { total_ = total; }
  bool write(wire::Bytes bytes) {
    done_ += bytes.size();
    if (progress_) show();
    return std::fwrite(bytes.data(), 1, bytes.size(), file_.get()) == bytes.size();
  }
  bool finish() {
    if (progress_ && done_ > 0) fmt::print(stderr, "\n");
    return std::fflush(file_.get()) == 0;
  }

 private:
  static int close(std::FILE* file) { return file == stdout ? 0 : std::fclose(file); }
  void show() {
    constexpr std::uint64_t width = 40, mebibyte = 1 << 20;
    const std::uint64_t filled = total_ && *total_ > 0 ? std::min(width, done_ * width / *total_) : 0;
    if (shown_ == done_ / mebibyte && filled == filled_) return;  // a terminal is slow
    shown_ = done_ / mebibyte;
    filled_ = filled;
    const std::string bar = total_ ? fmt::format("[{:<{}}] ", std::string(filled, '='), width) : "";
    fmt::print(stderr, "\r{}{} MiB", bar, shown_);
  }
  FilePtr file_;
  bool progress_ = false;
  std::optional<std::uint64_t> total_;
  std::uint64_t done_ = 0, shown_ = 0, filled_ = 0;
};

// What --data names: the text itself, @FILE, or @- for standard input.
class Content {
 public:
  explicit Content(std::string data) : data_(std::move(data)) {}
  bool is_stdin() const { return data_ == "@-"; }
  bool is_file() const { return data_.starts_with('@') && !is_stdin(); }
  bool present() const { return !data_.empty(); }

  // Unknown for standard input; an error (nullopt in the Result) for a file that is not there.
  std::optional<std::uint64_t> size() const {
    if (is_stdin()) return std::nullopt;
    if (!is_file()) return data_.size();
    std::error_code ec;
    const auto size = std::filesystem::file_size(data_.substr(1), ec);
    return ec ? std::nullopt : std::optional<std::uint64_t>(size);
  }

  // A new source for each time it is sent: a redirect may want it again. Empty where it cannot be read.
  http1::Client::Source source() const {
    if (!is_stdin() && !is_file())
      return [rest = data_]() mutable {
        const auto piece = wire::as_bytes(rest);
        wire::Buffer bytes(piece.begin(), piece.end());
        rest.clear();
        return bytes;
      };
    std::FILE* opened = is_stdin() ? stdin : std::fopen(data_.c_str() + 1, "rb");
    if (!opened) return {};
    const auto file = std::shared_ptr<std::FILE>(opened, [](std::FILE* f) {
      if (f != stdin) std::fclose(f);
    });
    return [file] {
      wire::Buffer piece(block);
      piece.resize(std::fread(piece.data(), 1, piece.size(), file.get()));
      return piece;
    };
  }

 private:
  std::string data_;
};

int complain(Exit code, std::string_view what) {
  fmt::print(stderr, "http1-client: {}\n", what);
  return code;
}

class Fetcher {
 public:
  Fetcher(asio::io_context& io, Options options, wire::Tracer* tracer)
      : io_(io), options_(std::move(options)), content_(options_.data), output_(options_.output) {
    link_.tracer = tracer;
  }

  wire::awaitable<int> run() {
    if (!output_.is_open()) co_return complain(cannot_write, options_.output + " cannot be written");
    int worst = ok;
    for (const std::string& text : options_.urls) {
      const int result = co_await fetch(text);
      if (result != ok) worst = result;
    }
    if (!output_.finish() && worst == ok) worst = complain(cannot_write, "the output could not be written");
    if (client_) co_await client_->finish();
    co_return worst;
  }

 private:
  wire::awaitable<int> fetch(const std::string& text) {
    wire::Result<http1::Url> url = http1::parse_url(text);
    if (!url) co_return complain(bad_url, text + ": " + url.error().detail);
    std::string method = options_.method;
    if (method.empty()) method = options_.head ? "HEAD" : content_.present() ? "POST" : "GET";
    bool with_content = content_.present();
    for (int hop = 0;; ++hop) {
      http1::Request request = make_request(*url, method, with_content);
      wire::Result<http1::Response> response = co_await exchange(*url, request, with_content);
      if (!response) co_return exit_code_;
      const std::string* location = response->fields.find("Location");
      const bool redirected = options_.location && location && response->status / 100 == 3 && response->status != 304;
      const int received = co_await receive(*response, !redirected);
      if (received != ok) co_return received;
      if (!redirected) co_return options_.fail && response->status >= 400 ? http_error : ok;

      if (hop == max_redirects) co_return complain(too_many_redirects, "too many redirects");
      wire::Result<http1::Url> next = http1::resolve(*url, *location);
      if (!next) co_return complain(bad_url, "Location: " + next.error().detail);
      // RFC 9110 §15.4: 303 means GET; so, for history's sake, do 301 and 302 after POST. 307 and 308 repeat it all.
      const bool to_get = response->status == 303 ? method != "HEAD" : response->status < 303 && method == "POST";
      if (to_get) {
        method = "GET";
        with_content = false;
      }
      if (with_content && content_.is_stdin()) co_return complain(cannot_read, "standard input cannot be sent twice");
      if (next->authority() != url->authority()) forget_credentials_ = true;
      url = std::move(next);
    }
  }

  http1::Request make_request(const http1::Url& url, const std::string& method, bool with_content) const {
    http1::Request request{method, url.target, 1, {}};
    request.fields = {{"Host", url.authority()}, {"User-Agent", "on-the-wire"}, {"Accept", "*/*"}};
    if (options_.compressed) request.fields.add("Accept-Encoding", "gzip");
    if (with_content) {
      request.fields.add("Content-Type", "application/x-www-form-urlencoded");
      const auto size = content_.size();
      if (size) request.fields.add("Content-Length", std::to_string(*size));
      else request.fields.add("Transfer-Encoding", "chunked");
      if (!size || *size > large_content) request.fields.add("Expect", "100-continue");
    }
    for (const std::string& header : options_.headers) {
      const auto colon = header.find(':');
      const std::string name = header.substr(0, colon);
      const auto value = header.find_first_not_of(" \t", colon + 1);
      const bool secret =
          http1::equal_ignoring_case(name, "Authorization") || http1::equal_ignoring_case(name, "Cookie");
      if (secret && forget_credentials_) continue;            // not for the host that a redirect names
      if (value == header.npos) request.fields.remove(name);  // "Name:" takes a field out, as curl has it
      else request.fields.set(name, header.substr(value));
    }
    return request;
  }

  // Sends the request over a connection that is there, or over a new one.
  wire::awaitable<wire::Result<http1::Response>> exchange(const http1::Url& url, const http1::Request& request,
                                                          bool with_content) {
    const std::string origin = url.scheme + "://" + url.authority();
    const bool reused = client_ && origin_ == origin && client_->reusable();
    if (!reused) {
      const bool connected = co_await connect(url);
      if (!connected) co_return wire::failure(Errc::truncated, "no connection");
      origin_ = origin;
    }
    http1::Client::Source source = with_content ? content_.source() : http1::Client::Source();
    if (with_content && !source) {
      exit_code_ = complain(cannot_read, options_.data.substr(1) + " cannot be read");
      co_return wire::failure(Errc::truncated, "no content");
    }
    wire::Result<http1::Response> response = co_await client_->send(request, std::move(source));
    if (!response && reused && !with_content) {  // it was closed just then: RFC 9112 §9.3.1 allows one more try
      client_.reset();
      response = co_await exchange(url, request, with_content);
      co_return response;
    }
    if (!response) exit_code_ = failed(response.error(), no_answer);
    co_return response;
  }

  wire::awaitable<bool> connect(const http1::Url& url) {
    client_.reset();
    const bool secure = url.scheme == "https";
    if (secure && !tls_) tls_ = wire::client_tls(options_.ca_file);
    asio::ssl::context* tls = secure ? &*tls_ : nullptr;
    auto stream = co_await wire::connect(url.host, url.port, tls);
    if (stream) {
      client_.emplace(std::move(*stream), link_);
      co_return true;
    }
    using Step = wire::ConnectError::Step;
    const wire::ConnectError& error = stream.error();
    const bool distrusted =
        error.code.category() == asio::error::get_ssl_category() &&
        ERR_GET_REASON(static_cast<unsigned long>(error.code.value())) == SSL_R_CERTIFICATE_VERIFY_FAILED;
    const Exit code = error.code == asio::error::timed_out ? timed_out
                      : error.step == Step::resolve        ? no_such_host
                      : error.step == Step::connect        ? no_connection
                      : distrusted                         ? not_trusted
                                                           : tls_failed;
    exit_code_ = complain(code, fmt::format("{}: {}", url.authority(), to_string(error)));
    co_return false;
  }

  // Reads the content, and writes it where `wanted`.
  wire::awaitable<int> receive(const http1::Response& response, bool wanted) {
    if (options_.include && wanted) {
      wire::Buffer head;
      wire::Writer out(head);
      http1::encode(out, response);
      output_.write(head);
    }
    const auto length = http1::content_length(response.fields);
    output_.expect(length ? *length : std::nullopt);
    std::optional<http1::Gunzip> gunzip;
    if (options_.compressed && response.fields.list_has("Content-Encoding", "gzip")) gunzip.emplace();
    for (;;) {
      wire::Result<wire::Buffer> piece = co_await client_->read();
      if (!piece) co_return failed(piece.error(), cut_short);
      if (piece->empty()) break;
      if (gunzip) piece = gunzip->decompress(*piece);
      if (!piece)
        co_return complain(piece.error().code == Errc::too_large ? too_much : bad_coding, piece.error().detail);
      if (wanted && !output_.write(*piece)) co_return complain(cannot_write, "the output could not be written");
    }
    const bool whole =
        !gunzip || gunzip->complete() || !http1::may_have_content(response.status, options_.head ? "HEAD" : "GET");
    co_return whole ? ok : complain(bad_coding, "the gzip data is cut short");
  }

  static int failed(const wire::Error& error, Exit when_truncated) {
    const Exit code = error.code == Errc::timeout     ? timed_out
                      : error.code == Errc::truncated ? when_truncated
                      : error.code == Errc::too_large ? too_much
                                                      : bad_answer;
    return complain(code, to_string(error));
  }

  asio::io_context& io_;
  Options options_;
  Content content_;
  Output output_;
  wire::LinkOptions link_;
  std::optional<asio::ssl::context> tls_;
  std::optional<http1::Client> client_;  // the last connection, kept for the next URL
  std::string origin_;
  bool forget_credentials_ = false;
  int exit_code_ = ok;
};

}  // namespace

int main(int argc, char** argv) {
  CLI::App app("An HTTP/1.1 client");
  Options options;
  wire::ProgramOptions program;
  app.add_option("url", options.urls, "http:// or https://; several share a connection where they can")->required();
  app.add_option("-X,--request", options.method, "Method; without it GET, or POST with --data");
  app.add_option("-H,--header", options.headers, "A field, \"Name: value\"; \"Name:\" takes one out")
      ->allow_extra_args(false);
  app.add_option("-d,--data", options.data, "Content to send: text, @FILE, or @- for standard input");
  app.add_option("-o,--output", options.output, "Write the content to this file")->type_name("FILE");
  app.add_flag("-i,--include", options.include, "Write the response's head too");
  app.add_flag("-I,--head", options.head, "Ask for the head alone, and show it");
  app.add_flag("-L,--location", options.location, "Follow redirects");
  app.add_flag("-f,--fail", options.fail, "Exit with 22 on status 400 and above");
  app.add_flag("--compressed", options.compressed, "Accept gzip, and undo it");
  app.add_option("--cacert", options.ca_file, "Trust this authority, or self-signed certificate (PEM)")
      ->type_name("FILE");
  app.add_option("-m,--max-time", options.max_time, "Seconds for everything")->check(CLI::PositiveNumber);
  program.add_to(app);
  CLI11_PARSE(app, argc, argv);
  if (options.head) options.include = true;

  try {
    asio::io_context io(1);
    bool late = false;
    wire::Timer deadline(io);
    if (options.max_time > 0) {
      deadline.expires_after(std::chrono::milliseconds(static_cast<long>(options.max_time * 1000)));
      deadline.async_wait([&](asio::error_code ec) {
        if (ec) return;
        late = true;
        io.stop();
      });
    }
    const std::unique_ptr<wire::Tracer> tracer = program.make_tracer();
    Fetcher fetcher(io, std::move(options), tracer.get());
    const int exit_code = wire::run_client(io, fetcher.run());
    return late ? complain(timed_out, "the time is over") : exit_code;
  } catch (const std::exception& e) {
    return complain(bad_answer, e.what());
  }
}
