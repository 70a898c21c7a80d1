// TLS contexts: safe by default, with what a lab needs. Nothing of TLS itself is ours here; that is OpenSSL's.
#pragma once
#include <asio/ssl/context.hpp>

#include <string>

namespace wire {

// A client verifies: the certificate chain against `ca_file` (PEM), or against the system's authorities where that is
// empty; and the host name, in Stream::start_tls. Throws std::system_error when the file cannot be read.
asio::ssl::context client_tls(const std::string& ca_file = {});

// A server with its certificate chain and key (PEM files). Where both paths are empty, or neither file exists yet, it
// makes a self-signed certificate for localhost, 127.0.0.1 and ::1, valid for two weeks, and writes it to the paths
// given, so that a client can be told to trust it. Throws std::system_error when a file cannot be read or written.
asio::ssl::context server_tls(const std::string& certificate_file = {}, const std::string& key_file = {});

}  // namespace wire
