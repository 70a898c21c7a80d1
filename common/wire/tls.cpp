#include "wire/tls.hpp"

#include <openssl/pem.h>
#include <openssl/rand.h>
#include <openssl/x509v3.h>

#include <cerrno>
#include <cstdio>
#include <cstdlib>
#include <filesystem>
#include <memory>
#include <system_error>

namespace wire {

namespace {

template <class T, void (*Free)(T*)>
struct Freed {
  void operator()(T* p) const { Free(p); }
};
using Key = std::unique_ptr<EVP_PKEY, Freed<EVP_PKEY, EVP_PKEY_free>>;
using Certificate = std::unique_ptr<X509, Freed<X509, X509_free>>;

void must(bool ok, const char* what) {
  if (!ok) throw std::runtime_error(std::string("OpenSSL: ") + what);
}

// The secrets of every session go where Wireshark, curl and browsers look for them: the format is NSS's.
void write_key_log(const SSL*, const char* line) {
  if (std::FILE* file = std::fopen(std::getenv("SSLKEYLOGFILE"), "a")) {
    std::fprintf(file, "%s\n", line);
    std::fclose(file);
  }
}

asio::ssl::context make_context(asio::ssl::context::method method) {
  asio::ssl::context context(method);
  SSL_CTX_set_min_proto_version(context.native_handle(), TLS1_2_VERSION);  // RFC 8996 forbids what came before
  if (std::getenv("SSLKEYLOGFILE")) SSL_CTX_set_keylog_callback(context.native_handle(), write_key_log);
  return context;
}

void add_extension(X509* certificate, int nid, const char* value) {
  X509V3_CTX context;
  X509V3_set_ctx_nodb(&context);
  X509V3_set_ctx(&context, certificate, certificate, nullptr, nullptr, 0);
  X509_EXTENSION* extension = X509V3_EXT_conf_nid(nullptr, &context, nid, value);
  must(extension && X509_add_ext(certificate, extension, -1) == 1, "certificate extension");
  X509_EXTENSION_free(extension);
}

// RFC 5280 §4.1
Certificate self_signed(EVP_PKEY* key) {
  Certificate certificate(X509_new());
  X509* x = certificate.get();
  X509_set_version(x, X509_VERSION_3);
  std::uint32_t serial = 0;
  must(RAND_bytes(reinterpret_cast<unsigned char*>(&serial), sizeof serial) == 1, "random serial number");
  ASN1_INTEGER_set_uint64(X509_get_serialNumber(x), serial);
  X509_gmtime_adj(X509_getm_notBefore(x), -3600);  // clocks differ
  X509_gmtime_adj(X509_getm_notAfter(x), 14 * 24 * 3600);
  X509_NAME* name = X509_get_subject_name(x);
  const auto* common_name = reinterpret_cast<const unsigned char*>("localhost");
  X509_NAME_add_entry_by_txt(name, "CN", MBSTRING_ASC, common_name, -1, -1, 0);
  X509_set_issuer_name(x, name);
  X509_set_pubkey(x, key);
  add_extension(x, NID_basic_constraints, "critical,CA:TRUE");
  add_extension(x, NID_subject_alt_name, "DNS:localhost,IP:127.0.0.1,IP:::1");
  must(X509_sign(x, key, EVP_sha256()) != 0, "signing the certificate");
  return certificate;
}

// Writes a PEM file; never over one that exists.
template <class Write>
void write_pem(const std::string& path, Write write) {
  if (path.empty()) return;
  const std::unique_ptr<std::FILE, int (*)(std::FILE*)> file(std::fopen(path.c_str(), "wx"), &std::fclose);
  if (!file) throw std::system_error(errno, std::generic_category(), path);
  must(write(file.get()) == 1, "writing PEM");
}

}  // namespace

asio::ssl::context client_tls(const std::string& ca_file) {
  asio::ssl::context context = make_context(asio::ssl::context::tls_client);
  context.set_verify_mode(asio::ssl::verify_peer);
  if (ca_file.empty()) {
    context.set_default_verify_paths();
  } else {
    asio::error_code ec;
    context.load_verify_file(ca_file, ec);
    if (ec) throw std::system_error(ec, ca_file);  // says which file it is
  }
  return context;
}

asio::ssl::context server_tls(const std::string& certificate_file, const std::string& key_file) {
  asio::ssl::context context = make_context(asio::ssl::context::tls_server);
  const auto there = [](const std::string& path) { return !path.empty() && std::filesystem::exists(path); };
  if (there(certificate_file) || there(key_file)) {
    context.use_certificate_chain_file(certificate_file);
    context.use_private_key_file(key_file, asio::ssl::context::pem);
    return context;
  }
  const Key key(EVP_EC_gen("P-256"));
  must(key != nullptr, "making a P-256 key");
  const Certificate certificate = self_signed(key.get());
  must(SSL_CTX_use_certificate(context.native_handle(), certificate.get()) == 1, "using the certificate");
  must(SSL_CTX_use_PrivateKey(context.native_handle(), key.get()) == 1, "using the key");
  write_pem(certificate_file, [&](std::FILE* file) { return PEM_write_X509(file, certificate.get()); });
  write_pem(key_file, [&](std::FILE* file) {
    std::filesystem::permissions(key_file, std::filesystem::perms::owner_read | std::filesystem::perms::owner_write);
    return PEM_write_PrivateKey(file, key.get(), nullptr, nullptr, 0, nullptr, nullptr);
  });
  return context;
}

}  // namespace wire
