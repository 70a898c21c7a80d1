// What http1-client is asked to do: its options, the content to send, and the requests that come of them.
#pragma once
#include "http1/client.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <cstdio>
#include <filesystem>
#include <optional>
#include <stdexcept>

namespace http1_client {

// curl's exit codes, as far as they can happen here.
enum Exit {
  ok = 0,
  bad_usage = 2,
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
  cannot_send = 55,
  bad_answer = 56,
  not_trusted = 60,
  bad_coding = 61,
  too_much = 63,
};

inline int complain(Exit code, std::string_view what) {
  fmt::print(stderr, "http1-client: {}\n", what);
  return code;
}

struct Options {
  std::vector<std::string> urls;
  std::string method, output, ca_file;
  std::optional<std::string> data;
  std::vector<http1::Field> fields;  // one without a value takes ours of that name out
  bool include = false, fail = false, location = false, compressed = false, head = false;
  double max_time = 0;
};

// What --data names: the text itself, @FILE, or @- for standard input.
class Content {
 public:
  explicit Content(std::optional<std::string> data) : present_(data), data_(std::move(data).value_or("")) {}
  bool present() const { return present_; }  // even if it is empty
  bool is_stdin() const { return data_ == "@-"; }
  bool is_file() const { return data_.starts_with('@') && !is_stdin(); }

  // Unknown for standard input, and for whatever is no plain file.
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
      if (std::ferror(file.get())) throw std::runtime_error("the content cannot be read to its end");
      return piece;
    };
  }

 private:
  static constexpr std::size_t block = 64 * 1024;
  bool present_;
  std::string data_;
};

inline bool is_one_of(std::string_view name, std::initializer_list<std::string_view> names) {
  return std::ranges::any_of(names, [&](std::string_view each) { return http1::equal_ignoring_case(each, name); });
}

// RFC 9110 §4.3.1: what is said to one must not reach another. The same host's plain text is another (CVE-2022-27774).
inline bool same_origin(const http1::Url& a, const http1::Url& b) {
  return a.scheme == b.scheme && http1::equal_ignoring_case(a.host, b.host) && a.port == b.port;
}

// One URL of the command line, on its way through redirects.
class Errand {
 public:
  Errand(const Options& options, const Content& content, http1::Url url)
      : options_(options), content_(content), url_(std::move(url)), method_(options.method),
        with_content_(content.present()) {
    if (method_.empty()) method_ = options.head ? "HEAD" : with_content_ ? "POST" : "GET";
  }
  const http1::Url& url() const { return url_; }
  const std::string& method() const { return method_; }
  bool with_content() const { return with_content_; }
  bool content_can_be_sent_again() const { return !with_content_ || !content_.is_stdin(); }

  // RFC 9110 §9.2.2: to do it twice is to do it once.
  bool is_idempotent() const {
    constexpr std::string_view methods[] = {"GET", "HEAD", "OPTIONS", "TRACE", "PUT", "DELETE"};
    return std::ranges::find(methods, method_) != std::end(methods);
  }

  // A field of the user's takes the place of ours; the others follow. So Host stays first (RFC 9110 §7.2).
  http1::Request request() const {
    http1::Request request{method_, url_.target, 1, {}};
    const http1::Fields ours = our_fields();
    http1::Fields users;
    for (const http1::Field& field : options_.fields) {
      if (!still_fits(field.name)) continue;
      if (ours.has(field.name)) users.remove(field.name);  // the last one counts
      users.add(field.name, field.value);
    }
    for (const http1::Field& field : ours) {
      const std::string* instead = users.find(field.name);
      if (!instead) request.fields.add(field.name, field.value);
      else if (!instead->empty()) request.fields.add(field.name, *instead);
    }
    for (const http1::Field& field : users)
      if (!ours.has(field.name) && !field.value.empty()) request.fields.add(field.name, field.value);
    return request;
  }

  // What is wrong with the user's fields, seen together with the content. Empty: nothing.
  std::string contradiction(const http1::Request& request) const {
    const wire::Result<http1::Framing> framing = http1::framing_of(request);
    if (!framing) return framing.error().detail;
    const bool announced = request.fields.has("Content-Length") || request.fields.has("Transfer-Encoding");
    if (with_content_ && !announced) return "--data needs Content-Length or Transfer-Encoding";
    if (!with_content_ && framing->kind != http1::Framing::Kind::none) return "content is announced without --data";
    return {};
  }

  // After 417, which may come from somebody on the way who knows no Expect (RFC 9110 §10.1.1): whether the request is
  // to be sent once more, without.
  bool stop_asking() {
    const bool again = expects() && !given("Expect") && content_can_be_sent_again();
    ask_first_ = false;
    return again;
  }

  // region follow
  // Goes where a redirect leads. RFC 9110 §15.4: 303 means GET; so, for history's sake, do 301 and 302 after POST. The
  // others repeat it all.
  wire::Result<void> follow(int status, const std::string& location) {
    wire::Result<http1::Url> next = http1::resolve(url_, location);
    if (!next) return std::unexpected(next.error());
    const bool moved = status == 301 || status == 302;
    if (status == 303 ? method_ != "HEAD" : moved && method_ == "POST") {
      method_ = "GET";
      with_content_ = false;
      became_get_ = true;
    }
    left_home_ = left_home_ || !same_origin(url_, *next);
    url_ = std::move(*next);
    return {};
  }

 private:
  // RFC 9110 §15.4: whether a user's field may go where the redirects have led.
  bool still_fits(std::string_view name) const {
    if (left_home_ && is_one_of(name, {"Authorization", "Cookie", "Host", "Proxy-Authorization"})) return false;
    return !became_get_ || !is_one_of(name, {"Content-Type", "Content-Length", "Content-Language", "Content-Encoding",
                                             "Content-Location", "Transfer-Encoding"});
  }
  // endregion

  bool given(std::string_view name) const {
    return std::ranges::any_of(options_.fields, [&](const auto& field) { return is_one_of(field.name, {name}); });
  }

  bool expects() const {
    const auto size = content_.size();
    return with_content_ && ask_first_ && (!size || *size > large_content);
  }

  // The fields that we send of our own accord.
  http1::Fields our_fields() const {
    http1::Fields fields = {{"Host", url_.authority()}, {"User-Agent", "on-the-wire"}, {"Accept", "*/*"}};
    if (options_.compressed) fields.add("Accept-Encoding", "gzip");
    if (with_content_) fields.add("Content-Type", "application/x-www-form-urlencoded");
    const bool means_content = with_content_ || method_ == "POST" || method_ == "PUT" || method_ == "PATCH";
    if (means_content && !given("Content-Length") && !given("Transfer-Encoding")) {  // RFC 9110 §8.6: also if it is 0
      const std::optional<std::uint64_t> size = with_content_ ? content_.size() : 0;
      if (size) fields.add("Content-Length", std::to_string(*size));
      else fields.add("Transfer-Encoding", "chunked");
    }
    if (expects()) fields.add("Expect", "100-continue");
    return fields;
  }

  static constexpr std::uint64_t large_content = 1 << 20;  // worth asking first: Expect, as curl does

  const Options& options_;
  const Content& content_;
  http1::Url url_;
  std::string method_;
  bool with_content_;
  bool left_home_ = false;   // a redirect led to another origin: secrets are not for it
  bool became_get_ = false;  // by a redirect: what the user says about the content has no meaning any more
  bool ask_first_ = true;
};

}  // namespace http1_client
