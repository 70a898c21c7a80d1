// What an HTTP message is before it is bytes: a request or a response, each with its fields (RFC 9110 §5, §6).
#pragma once
#include <initializer_list>
#include <string>
#include <string_view>
#include <vector>

namespace http1 {

// Case does not matter in field names (RFC 9110 §5.1) and many values; it does in methods (§9.1). ASCII only, whatever
// the locale.
bool equal_ignoring_case(std::string_view a, std::string_view b);

// Without spaces and tabs around it (OWS: RFC 9110 §5.6.3).
std::string_view trimmed(std::string_view text);

struct Field {
  std::string name, value;
};

// The fields of a message, in the order in which they were sent.
class Fields {
 public:
  Fields() = default;
  Fields(std::initializer_list<Field> fields) : fields_(fields) {}
  explicit Fields(std::vector<Field> fields) : fields_(std::move(fields)) {}

  void add(std::string name, std::string value) {
    if (fields_.empty()) fields_.reserve(8);  // most messages have fewer
    fields_.push_back({std::move(name), std::move(value)});
  }
  void set(std::string name, std::string value);  // instead of all of that name
  void remove(std::string_view name);

  const std::string* find(std::string_view name) const;  // the first of that name, or nullptr
  std::size_t count(std::string_view name) const;
  bool has(std::string_view name) const { return find(name) != nullptr; }

  // The members of a comma-separated list, over all fields of that name, in order (RFC 9110 §5.6.1). Empty members
  // do not count; commas inside quoted strings do not separate.
  std::vector<std::string> list(std::string_view name) const;
  bool list_has(std::string_view name, std::string_view member) const;  // ignoring case

  auto begin() const { return fields_.begin(); }
  auto end() const { return fields_.end(); }
  std::size_t size() const { return fields_.size(); }

 private:
  std::vector<Field> fields_;
};

// HTTP/1.1, or HTTP/1.0 where minor_version is 0.
struct Request {
  std::string method;  // case-sensitive: "GET"
  std::string target;  // as on the wire: "/path?query"; target.hpp takes it apart
  int minor_version = 1;
  Fields fields;
};

struct Response {
  int status = 200;
  std::string reason;  // empty: the standard phrase is sent
  int minor_version = 1;
  Fields fields;
};

std::string_view reason_phrase(int status);  // RFC 9110 §15, RFC 6585, RFC 8297; else ""

// Whether a response of this status to a request of this method has content at all (RFC 9112 §6.3, rule 1; rule 2 is
// for CONNECT, which is not spoken here).
bool may_have_content(int status, std::string_view request_method);

}  // namespace http1
