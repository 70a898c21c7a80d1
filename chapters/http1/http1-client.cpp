// http1-client: fetches URLs. Its options and exit codes mean what curl's mean, but for two: -d @FILE sends the file as
// it is, which is curl's --data-binary; and -X is the first request's method, not that of all redirects.
#include "http1/http1-client.hpp"

#include "http1/gzip.hpp"
#include "wire/program.hpp"
#include "wire/tls.hpp"

#include <openssl/ssl.h>
#include <unistd.h>
#include <CLI/CLI.hpp>

namespace http1_client {
namespace {

using http1::Field;
using wire::Errc;

constexpr int max_redirects = 20;

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

// What is to be undone (RFC 9110 §8.4): several codings are one that nobody here knows, "identity" is none.
std::string content_coding(const http1::Response& response) {
  std::vector<std::string> codings = response.fields.list("Content-Encoding");
  std::erase_if(codings, [](const std::string& coding) { return is_one_of(coding, {"identity"}); });
  return fmt::format("{}", fmt::join(codings, ", "));
}

class Fetcher {
 public:
  Fetcher(Options options, wire::Tracer* tracer)
      : options_(std::move(options)), content_(options_.data), output_(options_.output) {
    link_.tracer = tracer;
  }

  wire::awaitable<int> run() {
    if (!output_.is_open()) co_return complain(cannot_write, options_.output + " cannot be written");
    int worst = ok;
    for (const std::string& text : options_.urls) {
      const int result = co_await fetch(text);
      if (result == ok) continue;
      worst = result;
      if (result != http_error) client_.reset();
    }
    if (!output_.finish() && worst == ok) worst = complain(cannot_write, "the output could not be written");
    if (client_) co_await client_->finish();
    co_return worst;
  }

 private:
  wire::awaitable<int> fetch(const std::string& text) {
    wire::Result<http1::Url> url = http1::parse_url(text);
    if (!url) co_return complain(bad_url, text + ": " + url.error().detail);
    Errand errand(options_, content_, std::move(*url));
    for (int redirects = 0;;) {
      const http1::Request request = errand.request();
      const std::string wrong = errand.contradiction(request);
      if (!wrong.empty()) co_return complain(bad_usage, wrong);
      wire::Result<http1::Response> response = co_await exchange(errand, request);
      if (!response) co_return exit_code_;

      const int status = response->status;
      const bool again = status == 417 && errand.stop_asking();
      const bool redirected = options_.location && status / 100 == 3 && status != 304;
      const std::string* location = redirected ? response->fields.find("Location") : nullptr;
      const int received = co_await receive(*response, errand.method(), !again && !location);
      if (options_.fail && status >= 400 && !again) co_return http_error;
      if (received != ok) co_return received;
      if (again) continue;
      if (!location) co_return ok;

      if (++redirects > max_redirects) co_return complain(too_many_redirects, "too many redirects");
      const wire::Result<void> followed = errand.follow(status, *location);
      if (!followed) co_return complain(bad_url, "Location: " + followed.error().detail);
      if (!errand.content_can_be_sent_again()) co_return complain(cannot_read, "standard input cannot be sent twice");
    }
  }

  // Sends the request over the connection that is there, or over a new one.
  wire::awaitable<wire::Result<http1::Response>> exchange(const Errand& errand, const http1::Request& request) {
    const bool reused = client_ && same_origin(origin_, errand.url()) && client_->reusable();
    if (!reused) {
      const bool connected = co_await connect(errand.url());
      if (!connected) co_return wire::failure(Errc::truncated, "no connection");
      origin_ = errand.url();
    }
    http1::Client::Source source = errand.with_content() ? content_.source() : http1::Client::Source();
    if (errand.with_content() && !source) {
      exit_code_ = complain(cannot_read, options_.data->substr(1) + " cannot be read");
      co_return wire::failure(Errc::truncated, "no content");
    }
    wire::Result<http1::Response> response = co_await client_->send(request, std::move(source));
    // RFC 9112 §9.3.1: a server may close an idle connection at any time, also while we send. That is no failure, but
    // who knows whether it has acted on the request? Only what may be done twice is sent again, and once.
    const bool lost = !response && response.error().code == Errc::truncated && !client_->answered();
    if (lost && reused && errand.is_idempotent() && errand.content_can_be_sent_again()) {
      client_.reset();
      response = co_await exchange(errand, request);
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

  // Reads the response to its end. `shown`: it is the one that the user waits for.
  wire::awaitable<int> receive(const http1::Response& response, const std::string& method, bool shown) {
    if (options_.include && shown) write_head(response);
    const bool wanted = shown && !(options_.fail && response.status >= 400);
    const bool decoded = options_.compressed && wanted && http1::may_have_content(response.status, method);
    const std::string coding = decoded ? content_coding(response) : "";
    const bool gzip = is_one_of(coding, {"gzip", "x-gzip"});  // RFC 9110 §8.4.1.3
    if (!coding.empty() && !gzip) co_return complain(bad_coding, "this Content-Encoding cannot be undone: " + coding);
    std::optional<http1::Gunzip> gunzip;
    if (gzip) gunzip.emplace();
    const auto length = http1::content_length(response.fields);
    output_.expect(length ? *length : std::nullopt);
    for (;;) {
      wire::Result<wire::Buffer> piece = co_await client_->read();
      if (!piece) co_return failed(piece.error(), cut_short);
      if (piece->empty()) break;
      if (gunzip) piece = gunzip->decompress(*piece);
      if (!piece)
        co_return complain(piece.error().code == Errc::too_large ? too_much : bad_coding, piece.error().detail);
      if (wanted && !output_.write(*piece)) co_return complain(cannot_write, "the output could not be written");
    }
    if (gunzip && !gunzip->complete()) co_return complain(bad_coding, "the gzip data is cut short");
    const bool sent = co_await client_->sent();
    co_return sent ? ok : complain(cannot_send, "the server hung up before it had all of the content");
  }

  void write_head(const http1::Response& response) {
    wire::Buffer head;
    wire::Writer out(head);
    http1::encode(out, response);
    output_.write(head);
  }

  static int failed(const wire::Error& error, Exit when_truncated) {
    const Exit code = error.code == Errc::timeout     ? timed_out
                      : error.code == Errc::truncated ? when_truncated
                      : error.code == Errc::too_large ? too_much
                                                      : bad_answer;
    return complain(code, to_string(error));
  }

  Options options_;
  Content content_;
  Output output_;
  wire::LinkOptions link_;
  std::optional<asio::ssl::context> tls_;
  std::optional<http1::Client> client_;  // the last connection, kept for the next request
  http1::Url origin_;                    // where it leads
  int exit_code_ = ok;
};

// "Name: value", or "Name:".
Field parse_field(std::string_view text) {
  const auto colon = std::min(text.find(':'), text.size());
  const auto value = std::min(text.find_first_not_of(" \t", colon + 1), text.size());
  return {std::string(text.substr(0, colon)), std::string(text.substr(value))};
}

void add_options(CLI::App& app, Options& options) {
  const auto check_method = [](const std::string& method) {
    return method == "CONNECT" ? "CONNECT asks a proxy for a tunnel, and this client uses none" : "";
  };
  const auto check_field = [](const std::string& text) {
    return text.contains(':') ? "" : "a field looks like this: \"Name: value\"";
  };
  const auto add_field = [&options](const std::vector<std::string>& fields) {
    for (const std::string& text : fields) options.fields.push_back(parse_field(text));
  };
  const auto set_data = [&options](const std::string& text) { options.data = text; };
  app.add_option("url", options.urls, "http:// or https://; several share a connection where they can")->required();
  app.add_option("-X,--request", options.method, "Method; without it GET, or POST with --data")->check(check_method);
  app.add_option_function<std::vector<std::string>>("-H,--header", add_field,
                                                    "A field, \"Name: value\"; \"Name:\" takes one out")
      ->allow_extra_args(false)
      ->check(check_field);
  app.add_option_function<std::string>("-d,--data", set_data,
                                       "Content to send, as it is: text, @FILE, or @- for standard input");
  app.add_option("-o,--output", options.output, "Write the content to this file")->type_name("FILE");
  app.add_flag("-i,--include", options.include, "Write the response's head too");
  app.add_flag("-I,--head", options.head, "Ask for the head alone, and show it");
  app.add_flag("-L,--location", options.location, "Follow redirects");
  app.add_flag("-f,--fail", options.fail, "Status 400 and above: exit with 22, write no content");
  app.add_flag("--compressed", options.compressed, "Accept gzip, and undo it");
  app.add_option("--cacert", options.ca_file, "Trust this authority, or self-signed certificate (PEM)")
      ->type_name("FILE");
  app.add_option("-m,--max-time", options.max_time, "Seconds for everything")->check(CLI::PositiveNumber);
}

}  // namespace
}  // namespace http1_client

int main(int argc, char** argv) {
  using namespace http1_client;
  CLI::App app("An HTTP/1.1 client");
  Options options;
  wire::ProgramOptions program;
  add_options(app, options);
  program.add_to(app);
  try {
    app.parse(argc, argv);
  } catch (const CLI::ParseError& e) {  // or --help, which is none
    return app.exit(e) == 0 ? ok : bad_usage;
  }
  if (options.head) options.include = true;

  try {
    const std::unique_ptr<wire::Tracer> tracer = program.make_tracer();  // outlives the connections, which end with io
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
    Fetcher fetcher(std::move(options), tracer.get());
    const int exit_code = wire::run_client(io, fetcher.run());
    return late ? complain(timed_out, "the time is over") : exit_code;
  } catch (const wire::UsageError& e) {  // fields that would be several, a method that is none
    return complain(bad_usage, e.what());
  } catch (const std::exception& e) {
    return complain(bad_answer, e.what());
  }
}
