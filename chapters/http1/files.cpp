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

wire::awaitable<void> send_part(Exchange& exchange, const File& file, Range range) {
  wire::Buffer piece(static_cast<std::size_t>(std::min<std::uint64_t>(range.length, block)));
  while (range.length > 0) {
    const auto wanted = static_cast<std::size_t>(std::min<std::uint64_t>(range.length, piece.size()));
    const std::size_t n = file.read(range.first, piece.data(), wanted);
    if (n == 0) throw std::runtime_error("a file became shorter while it was sent");
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
    if (n == 0) break;
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

// region serve-file
wire::awaitable<void> Files::serve(Exchange& exchange) const {
  const wire::Result<std::string> decoded = percent_decode(exchange.target().path);
  if (!decoded) co_return exchange.respond_error(400);
  const auto inside = std::filesystem::path("." + *decoded).lexically_normal();
  if (*inside.begin() == "..") co_return exchange.respond_error(404);  // even to look there would tell something
  std::error_code missing;
  std::filesystem::path path = std::filesystem::canonical(root_ / inside, missing);
  if (missing || !is_below(root_, path)) co_return exchange.respond_error(404);
  if (std::filesystem::is_directory(path, missing)) {
    if (!decoded->ends_with('/')) {  // without the slash, relative links on the page would lead astray
      const std::string& query = exchange.target().query;
      std::string location = "/" + exchange.target().path.substr(exchange.target().path.find_first_not_of('/'));
      location += query.empty() ? "/" : "/?" + query;
      co_return exchange.respond_error(301, {{"Location", location}});
    }
    path = std::filesystem::canonical(path / "index.html", missing);
    if (missing || !is_below(root_, path)) co_return exchange.respond_error(404);
  }
  const File file(path);
  if (file.unknown()) co_return exchange.respond_error(503);
  if (!file.is_open()) co_return exchange.respond_error(404);

  const std::string_view type = content_type(path);
  const bool compressible = is_text(type) && file.size() >= worth_gzip;
  Validators validators{file.etag(), file.modified()};
  // RFC 9110 §14.2: only GET knows ranges, HEAD does not.
  const bool whole = exchange.request().method != "GET";
  const RangeAnswer answer = whole ? RangeAnswer() : check_range(exchange.request().fields, validators, file.size());
  const bool compress =
      compressible && !exchange.request().fields.has("Range") && accepts_coding(exchange.request().fields, "gzip");
  if (compress) validators.etag.insert(validators.etag.size() - 1, "-gzip");  // other bytes need another name

  Response response;
  response.fields = {{"Content-Type", std::string(type)},
                     {"Last-Modified", format_date(file.modified())},
                     {"ETag", validators.etag},
                     {"Accept-Ranges", "bytes"}};
  if (compressible) response.fields.add("Vary", "Accept-Encoding");

  switch (check_preconditions(exchange.request().fields, validators)) {
    case Precondition::failed: co_return exchange.respond_error(412);
    case Precondition::not_modified: response.status = 304; co_return exchange.respond(std::move(response));
    case Precondition::proceed: break;
  }
  if (!answer.satisfiable)
    co_return exchange.respond_error(416, {{"Content-Range", fmt::format("bytes */{}", file.size())}});
  if (compress) {
    response.fields.add("Content-Encoding", "gzip");
    exchange.start(std::move(response));
    if (exchange.request().method == "HEAD") co_return exchange.finish();
    co_await send_compressed(exchange, file);
    co_return;
  }
  const Range range = answer.range.value_or(Range{0, file.size()});
  if (answer.range) {
    const std::uint64_t last = range.first + range.length - 1;
    response.status = 206;
    response.fields.add("Content-Range", fmt::format("bytes {}-{}/{}", range.first, last, file.size()));
  }
  response.fields.add("Content-Length", std::to_string(range.length));
  exchange.start(std::move(response));
  if (exchange.request().method == "HEAD") co_return exchange.finish();
  co_await send_part(exchange, file, range);
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
