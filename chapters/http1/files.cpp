#include "http1/files.hpp"

#include "http1/conditional.hpp"
#include "http1/date.hpp"
#include "http1/gzip.hpp"

#include <fcntl.h>
#include <fmt/format.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <map>

namespace http1 {

namespace {

constexpr std::size_t block = 64 * 1024;    // read, then sent: smaller ones cost calls, larger ones page faults
constexpr std::uint64_t worth_gzip = 1024;  // below, gzip's own 18 bytes and the time are not worth it

// An open file. Closed by its destructor.
class File {
 public:
  // O_NONBLOCK: opening a FIFO must not wait for its writer. O_NOFOLLOW: the path was resolved; a link that appears
  // at its end since then is an attack.
  explicit File(const std::filesystem::path& path)
      : fd_(::open(path.c_str(), O_RDONLY | O_CLOEXEC | O_NONBLOCK | O_NOFOLLOW)) {
    no_descriptor_ = fd_ < 0 && (errno == EMFILE || errno == ENFILE);
    if (fd_ >= 0 && (::fstat(fd_, &status_) != 0 || !S_ISREG(status_.st_mode))) close();
  }
  ~File() { close(); }
  File(const File&) = delete;
  File& operator=(const File&) = delete;

  bool is_open() const { return fd_ >= 0; }
  // It may be there, but no file descriptor is left to look.
  bool unknown() const { return no_descriptor_; }
  std::uint64_t size() const { return static_cast<std::uint64_t>(status_.st_size); }
  std::time_t modified() const { return status_.st_mtime; }

  // Changes whenever the content does, as far as the file system can tell: time in nanoseconds, and size.
  std::string etag() const {
#ifdef __APPLE__
    const timespec time = status_.st_mtimespec;
#else
    const timespec time = status_.st_mtim;
#endif
    return fmt::format("\"{:x}-{:x}-{:x}\"", time.tv_sec, time.tv_nsec, status_.st_size);
  }

  // Reads up to `length` bytes. Fewer: the file has become shorter.
  std::size_t read(std::uint64_t offset, std::uint8_t* into, std::size_t length) const {
    const ssize_t n = ::pread(fd_, into, length, static_cast<off_t>(offset));
    return n < 0 ? 0 : static_cast<std::size_t>(n);
  }

 private:
  void close() {
    if (fd_ >= 0) ::close(fd_);
    fd_ = -1;
  }
  int fd_;
  bool no_descriptor_ = false;
  struct stat status_{};
};

bool is_below(const std::filesystem::path& root, const std::filesystem::path& path) {
  return std::ranges::mismatch(root, path).in1 == root.end();
}

bool is_text(std::string_view type) {
  return type.starts_with("text/") || type.starts_with("application/json") || type == "application/wasm" ||
         type == "image/svg+xml" || type == "application/xml";
}

constexpr const char* became_shorter = "a file became shorter while it was sent";

wire::awaitable<void> send_part(Exchange& exchange, const File& file, Range range) {
  wire::Buffer piece(static_cast<std::size_t>(std::min<std::uint64_t>(range.length, block)));
  while (range.length > 0) {
    const auto wanted = static_cast<std::size_t>(std::min<std::uint64_t>(range.length, piece.size()));
    const std::size_t n = file.read(range.first, piece.data(), wanted);
    if (n == 0) throw std::runtime_error(became_shorter);
    const bool alive = co_await exchange.write(wire::Bytes(piece).first(n));
    if (!alive) co_return;
    range.first += n;
    range.length -= n;
  }
  exchange.finish();
}

wire::awaitable<void> send_compressed(Exchange& exchange, const File& file) {
  Gzip gzip;
  wire::Buffer piece(block);
  for (std::uint64_t at = 0; at < file.size();) {
    const std::size_t n = file.read(at, piece.data(), piece.size());
    if (n == 0) throw std::runtime_error(became_shorter);  // a proper end would pass the rest off as the whole
    at += n;
    const wire::Buffer compressed = gzip.compress(wire::Bytes(piece).first(n));
    const bool alive = co_await exchange.write(compressed);
    if (!alive) co_return;
  }
  const wire::Buffer rest = gzip.finish();
  const bool alive = co_await exchange.write(rest);
  if (alive) exchange.finish();
}

}  // namespace

Files::Files(const std::filesystem::path& root) : root_(std::filesystem::canonical(root)) {}

namespace {

// A file in one of the forms in which it can be sent.
struct Representation {
  explicit Representation(const File& file, std::string_view media_type, const Fields& request, bool get)
      : type(media_type), compressible(is_text(media_type) && file.size() >= worth_gzip) {
    compressed = compressible && !(get && request.has("Range")) && accepts_coding(request, "gzip");
    validators.etag = file.etag();
    if (compressed) validators.etag.insert(validators.etag.size() - 1, "-gzip");  // other bytes need another name
    validators.last_modified = std::min(file.modified(), std::time(nullptr));     // RFC 9110 §8.8.2.1: never later
  }

  // What describes it in a response of 200 or 206. A client that has it already is told less (§15.3.7, §15.4.5).
  Fields fields(bool client_has_it) const {
    Fields fields;
    if (!client_has_it) fields.add("Content-Type", std::string(type));
    if (!client_has_it) fields.add("Last-Modified", format_date(*validators.last_modified));
    fields.add("ETag", validators.etag);
    if (!client_has_it) fields.add("Accept-Ranges", "bytes");
    if (compressible) fields.add("Vary", "Accept-Encoding");
    return fields;
  }

  std::string_view type;
  bool compressible;
  bool compressed = false;
  Validators validators;
};

}  // namespace

// region find-file
// The path of the file that is asked for; empty where the exchange has been answered already.
std::filesystem::path Files::find(Exchange& exchange) const {
  const auto refuse = [&](int status) {
    exchange.respond_error(status);
    return std::filesystem::path();
  };
  const std::string& encoded = exchange.target().path;  // normalized: no dot segments are left
  const wire::Result<std::string> decoded = percent_decode(encoded);
  if (!decoded) return refuse(400);
  if (std::ranges::count(*decoded, '/') != std::ranges::count(encoded, '/')) return refuse(404);  // "%2F" is no "/"
  std::error_code missing;
  std::filesystem::path path = std::filesystem::canonical(root_ / ("." + *decoded), missing);
  if (missing || !is_below(root_, path)) return refuse(404);
  if (!std::filesystem::is_directory(path, missing)) return path;

  if (!decoded->ends_with('/')) {  // without the slash, relative links on the page would lead astray
    const std::string& query = exchange.target().query;
    const std::string location = "/" + encoded.substr(encoded.find_first_not_of('/')) + (query.empty() ? "/" : "/?");
    exchange.respond_error(301, {{"Location", location + query}});
    return {};
  }
  path = std::filesystem::canonical(path / "index.html", missing);
  return missing || !is_below(root_, path) ? refuse(404) : path;
}
// endregion

// region serve-file
wire::awaitable<void> Files::serve(Exchange& exchange) const {
  const std::filesystem::path path = find(exchange);
  if (path.empty()) co_return;
  const File file(path);
  if (!file.is_open()) co_return exchange.respond_error(file.unknown() ? 503 : 404);

  const Fields& request = exchange.request().fields;
  const bool get = exchange.request().method == "GET";  // RFC 9110 §14.2: HEAD knows no ranges
  const Representation representation(file, content_type(path), request, get);
  const Precondition precondition = check_preconditions(request, representation.validators);
  if (precondition == Precondition::failed) co_return exchange.respond_error(412);
  if (precondition == Precondition::not_modified) co_return exchange.respond({304, {}, 1, representation.fields(true)});

  const RangeAnswer answer = get ? check_range(request, representation.validators, file.size()) : RangeAnswer();
  if (!answer.satisfiable)
    co_return exchange.respond_error(416, {{"Content-Range", fmt::format("bytes */{}", file.size())}});
  const Range range = answer.range.value_or(Range{0, file.size()});
  Response response{200, {}, 1, representation.fields(answer.range && request.has("If-Range"))};
  if (answer.range) {
    response.status = 206;
    const std::uint64_t last = range.first + range.length - 1;
    response.fields.add("Content-Range", fmt::format("bytes {}-{}/{}", range.first, last, file.size()));
  }
  if (representation.compressed) response.fields.add("Content-Encoding", "gzip");
  else response.fields.add("Content-Length", std::to_string(range.length));
  exchange.start(std::move(response));
  if (!get) co_return exchange.finish();
  if (representation.compressed) co_await send_compressed(exchange, file);
  else co_await send_part(exchange, file, range);
}
// endregion

std::string_view content_type(const std::filesystem::path& path) {
  static const std::map<std::string, std::string_view> types = {
      {".css", "text/css; charset=utf-8"},
      {".gif", "image/gif"},
      {".html", "text/html; charset=utf-8"},
      {".ico", "image/x-icon"},
      {".jpg", "image/jpeg"},
      {".js", "text/javascript; charset=utf-8"},
      {".json", "application/json"},
      {".md", "text/markdown; charset=utf-8"},
      {".pdf", "application/pdf"},
      {".png", "image/png"},
      {".svg", "image/svg+xml"},
      {".txt", "text/plain; charset=utf-8"},
      {".wasm", "application/wasm"},
      {".webp", "image/webp"},
      {".woff2", "font/woff2"},
      {".xml", "application/xml"},
  };
  const auto found = types.find(path.extension().string());
  return found == types.end() ? "application/octet-stream" : found->second;
}

}  // namespace http1
