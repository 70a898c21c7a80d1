// Asio's own code, compiled here once instead of in every file that includes it.
#include <asio/impl/src.hpp>
#include <asio/ssl/impl/src.hpp>
