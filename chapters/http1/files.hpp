// Static files: the oldest thing that web servers do, and a good part of RFC 9110.
#pragma once
#include "http1/server.hpp"

#include <filesystem>

namespace http1 {

class Files {
 public:
  // Serves what is below `root`, and nothing else: not by "..", not by encoded slashes, not through symbolic links
  // that lead outside (but whoever may write below `root` while we serve can still win a race against that check).
  // Throws std::filesystem::filesystem_error when `root` does not exist.
  explicit Files(const std::filesystem::path& root);

  // Content types by extension, Last-Modified and ETag, conditional requests, single byte ranges, gzip where that is
  // accepted and pays. A directory is answered with its index.html.
  wire::awaitable<void> serve(Exchange& exchange) const;

 private:
  std::filesystem::path find(Exchange& exchange) const;
  std::filesystem::path root_;  // absolute, without links
};

std::string_view content_type(const std::filesystem::path& path);

}  // namespace http1
