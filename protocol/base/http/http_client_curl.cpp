#include <curl/curl.h>

#include <algorithm>
#include <array>
#include <cctype>
#include <cstdio>
#include <cstdlib>
#include <mutex>

#include "protocol/base/http/http_client.hpp"
#include "protocol/base/tcp_path.hpp"
#include "protocol/base/traffic_mark.hpp"

namespace upswarm {
namespace {

constexpr std::size_t kLongestHeaders = 64 * 1024;
constexpr long kConnectTimeoutSeconds = 15;
constexpr long kSlowBytesPerSecond = 100;
constexpr std::array<std::string_view, 6> kProxySchemes{"http", "https", "socks4", "socks4a", "socks5", "socks5h"};

struct EasyCloser {
  void operator()(CURL* handle) const { curl_easy_cleanup(handle); }
};
using Easy = std::unique_ptr<CURL, EasyCloser>;

struct ListCloser {
  void operator()(curl_slist* list) const { curl_slist_free_all(list); }
};

struct FileCloser {
  void operator()(std::FILE* file) const { std::fclose(file); }
};

/// A handle with the connection that it keeps from request to request. libcurl 7.88 says which socket that is only
/// between two requests (CURLINFO_ACTIVESOCKET), so during one it is the last one's, or the one that was made since.
/// Where two were tried side by side (RFC 8305) it is not known until the request has ended.
struct Line {
  Easy easy;
  Yielding yielding;
  curl_socket_t socket = CURL_SOCKET_BAD;
  int made = 0;  ///< sockets, by this request
};

/// What the callbacks of one request share.
struct Exchange {
  Exchange(const HttpRequest& r, Line& l, std::stop_token s) : request(&r), line(&l), stop(std::move(s)) {}

  const HttpRequest* request;
  Line* line;
  std::stop_token stop;
  HttpResponse response;
  std::size_t header_bytes = 0;
  Bytes received;
  std::optional<Error> failure;  ///< set by a callback that ends the request
};

std::size_t on_header(char* data, std::size_t one, std::size_t count, void* user) {
  auto& exchange = *static_cast<Exchange*>(user);
  const std::size_t length = one * count;
  exchange.header_bytes += length;
  if (exchange.header_bytes > kLongestHeaders) {
    exchange.failure = Error{ErrorKind::corrupt, "GET " + exchange.request->url, "endless headers", "too_long"};
    return 0;
  }
  std::string_view line(data, length);
  while (!line.empty() && (line.back() == '\r' || line.back() == '\n')) line.remove_suffix(1);
  if (line.starts_with("HTTP/")) {
    exchange.response.headers.clear();  // of an interim answer or a proxy
    const auto space = line.find(' ');
    exchange.response.status =
        space == std::string_view::npos ? 0 : std::atoi(std::string(line.substr(space + 1, 3)).c_str());
  }
  const auto colon = line.find(':');
  if (colon == std::string_view::npos) return length;
  std::string name(line.substr(0, colon));
  std::ranges::transform(name, name.begin(), [](unsigned char c) { return static_cast<char>(std::tolower(c)); });
  auto value = line.substr(colon + 1);
  while (!value.empty() && value.front() == ' ') value.remove_prefix(1);
  exchange.response.headers[std::move(name)] = std::string(value);
  return length;
}

std::size_t on_body(char* data, std::size_t one, std::size_t count, void* user) {
  auto& exchange = *static_cast<Exchange*>(user);
  const std::size_t length = one * count;
  if (exchange.request->is_background && exchange.line->socket != CURL_SOCKET_BAD)
    give_way(static_cast<std::intptr_t>(exchange.line->socket), exchange.line->yielding);
  exchange.received += Bytes{length};
  if (exchange.received > exchange.request->longest) {
    exchange.failure = Error{ErrorKind::corrupt, exchange.request->method + " " + exchange.request->url,
                             "the answer is longer than " + to_string(exchange.request->longest), "too_long"};
    return 0;
  }
  if (exchange.request->sink && exchange.response.status / 100 == 2) {
    if (auto taken = exchange.request->sink(std::as_bytes(std::span(data, length))); !taken) {
      exchange.failure = std::move(taken).error();
      return 0;
    }
    return length;
  }
  exchange.response.body.append(data, length);
  return length;
}

int on_progress(void* user, curl_off_t, curl_off_t, curl_off_t, curl_off_t) {
  return static_cast<Exchange*>(user)->stop.stop_requested() ? 1 : 0;
}

int on_background_socket(void* user, curl_socket_t socket, curlsocktype /*purpose*/) {
  mark_traffic(static_cast<std::intptr_t>(socket), true);
  auto& line = *static_cast<Line*>(user);
  line.socket = ++line.made == 1 ? socket : CURL_SOCKET_BAD;
  line.yielding = {};
  return CURL_SOCKOPT_OK;
}

/// The proxy's URL with its login in it: libcurl 7.88 takes escapes out of logins that are set beside it twice, later
/// ones once.
std::string with_login(const HttpSettings& settings) {
  if (settings.proxy_user.empty()) return settings.proxy;
  const std::unique_ptr<CURLU, decltype(&curl_url_cleanup)> url(curl_url(), curl_url_cleanup);
  const auto set = [&](CURLUPart part, const std::string& text, unsigned flags) {
    return curl_url_set(url.get(), part, text.c_str(), flags) == CURLUE_OK;
  };
  char* made = nullptr;
  char* scheme = nullptr;
  if (!url || !set(CURLUPART_URL, settings.proxy, CURLU_GUESS_SCHEME | CURLU_NON_SUPPORT_SCHEME) ||
      curl_url_get(url.get(), CURLUPART_SCHEME, &scheme, 0) != CURLUE_OK)
    return settings.proxy;  // the request will say what is wrong with it
  const std::unique_ptr<char, decltype(&curl_free)> kind(scheme, curl_free);
  // Of any other libcurl says that it does not know it, and with it all of the URL.
  if (std::ranges::find(kProxySchemes, std::string_view(scheme)) == kProxySchemes.end()) return settings.proxy;
  if (!set(CURLUPART_USER, settings.proxy_user, CURLU_URLENCODE) ||
      !set(CURLUPART_PASSWORD, settings.proxy_password, CURLU_URLENCODE) ||
      curl_url_get(url.get(), CURLUPART_URL, &made, 0) != CURLUE_OK)
    return settings.proxy;  // the request will say what is wrong with it
  const std::unique_ptr<char, decltype(&curl_free)> text(made, curl_free);
  return text.get();
}

Error to_error(CURLcode code, const Exchange& exchange, const char* words) {
  const auto context = exchange.request->method + " " + exchange.request->url;
  const std::string cause = words[0] != '\0' ? words : curl_easy_strerror(code);
  switch (code) {
    case CURLE_ABORTED_BY_CALLBACK: return {ErrorKind::cancelled, context, "stopped"};
    case CURLE_PEER_FAILED_VERIFICATION:
    case CURLE_SSL_CACERT_BADFILE:
    case CURLE_SSL_ISSUER_ERROR: return {ErrorKind::untrusted, context, cause, "certificate"};
    case CURLE_URL_MALFORMAT:
    case CURLE_UNSUPPORTED_PROTOCOL: return {ErrorKind::invalid, context, cause};
    case CURLE_WEIRD_SERVER_REPLY: return {ErrorKind::corrupt, context, cause};
    case CURLE_OUT_OF_MEMORY:
    case CURLE_FAILED_INIT: return {ErrorKind::internal, context, cause};
    default: return {ErrorKind::unreachable, context, cause};
  }
}

class CurlHttpClient final : public HttpClient {
 public:
  explicit CurlHttpClient(HttpSettings settings) : settings_(std::move(settings)) {
    static std::once_flag once;
    std::call_once(once, [] { curl_global_init(CURL_GLOBAL_DEFAULT); });
    settings_.proxy = with_login(settings_);
  }

  Result<HttpResponse> send(const HttpRequest& request, std::stop_token stop) override {
    auto line = take(request.is_background);
    auto* const handle = line.easy.get();
    if (handle == nullptr) return Error{ErrorKind::internal, "start an HTTP request", "libcurl has no memory"};
    Exchange exchange(request, line, std::move(stop));
    std::unique_ptr<std::FILE, FileCloser> body_file;
    if (!request.body_file.empty()) {
      body_file.reset(std::fopen(request.body_file.string().c_str(), "rb"));
      if (!body_file) return Error{ErrorKind::not_found, "send " + request.body_file.string(), "cannot open it"};
    }
    std::string words(CURL_ERROR_SIZE, '\0');
    const auto headers = set_up(handle, exchange, body_file.get(), words.data());
    line.made = 0;
    const auto code = curl_easy_perform(handle);
    if (curl_easy_getinfo(handle, CURLINFO_ACTIVESOCKET, &line.socket) != CURLE_OK) line.socket = CURL_SOCKET_BAD;
    curl_easy_reset(handle);
    if (exchange.failure) return std::move(*exchange.failure);
    if (code != CURLE_OK) return to_error(code, exchange, words.c_str());
    give_back(std::move(line), request.is_background);
    return std::move(exchange.response);
  }

 private:
  std::unique_ptr<curl_slist, ListCloser> set_up(CURL* handle, Exchange& exchange, std::FILE* body_file, char* words) {
    const auto& request = *exchange.request;
    curl_easy_setopt(handle, CURLOPT_URL, request.url.c_str());
    curl_easy_setopt(handle, CURLOPT_PROTOCOLS_STR, "http,https");
    curl_easy_setopt(handle, CURLOPT_NOSIGNAL, 1L);
    if (!request.from.empty()) curl_easy_setopt(handle, CURLOPT_INTERFACE, ("host!" + request.from).c_str());
    curl_easy_setopt(handle, CURLOPT_ERRORBUFFER, words);
    curl_easy_setopt(handle, CURLOPT_USERAGENT, settings_.user_agent.c_str());
    curl_easy_setopt(handle, CURLOPT_CONNECTTIMEOUT, kConnectTimeoutSeconds);
    curl_easy_setopt(handle, CURLOPT_TIMEOUT_MS, static_cast<long>(request.time_limit.count()));
    curl_easy_setopt(handle, CURLOPT_LOW_SPEED_LIMIT, kSlowBytesPerSecond);
    curl_easy_setopt(handle, CURLOPT_LOW_SPEED_TIME,
                     static_cast<long>(std::chrono::ceil<std::chrono::seconds>(request.stall_limit).count()));
    curl_easy_setopt(handle, CURLOPT_NOPROGRESS, 0L);
    curl_easy_setopt(handle, CURLOPT_XFERINFOFUNCTION, on_progress);
    curl_easy_setopt(handle, CURLOPT_XFERINFODATA, &exchange);
    curl_easy_setopt(handle, CURLOPT_HEADERFUNCTION, on_header);
    curl_easy_setopt(handle, CURLOPT_HEADERDATA, &exchange);
    curl_easy_setopt(handle, CURLOPT_WRITEFUNCTION, on_body);
    curl_easy_setopt(handle, CURLOPT_WRITEDATA, &exchange);
    if (request.most_per_second > 0)
      curl_easy_setopt(handle, CURLOPT_MAX_RECV_SPEED_LARGE, static_cast<curl_off_t>(request.most_per_second));
    if (request.is_background) {
      curl_easy_setopt(handle, CURLOPT_SOCKOPTFUNCTION, on_background_socket);
      curl_easy_setopt(handle, CURLOPT_SOCKOPTDATA, exchange.line);
    }
    if (!settings_.ca_file.empty()) curl_easy_setopt(handle, CURLOPT_CAINFO, settings_.ca_file.string().c_str());
    set_up_proxy(handle);
    if (body_file != nullptr) {
      curl_easy_setopt(handle, CURLOPT_UPLOAD, 1L);
      curl_easy_setopt(handle, CURLOPT_READDATA, body_file);
      std::error_code ignored;
      curl_easy_setopt(handle, CURLOPT_INFILESIZE_LARGE,
                       static_cast<curl_off_t>(std::filesystem::file_size(request.body_file, ignored)));
    } else if (request.method != "GET") {
      curl_easy_setopt(handle, CURLOPT_POSTFIELDSIZE_LARGE, static_cast<curl_off_t>(request.body.size()));
      curl_easy_setopt(handle, CURLOPT_POSTFIELDS, request.body.data());
    }
    curl_easy_setopt(handle, CURLOPT_CUSTOMREQUEST, request.method.c_str());
    if (request.range) {
      const auto first = request.range->first.count;
      const auto range = std::to_string(first) + "-" + std::to_string(first + request.range->length.count - 1);
      curl_easy_setopt(handle, CURLOPT_RANGE, range.c_str());
    }
    curl_slist* list = curl_slist_append(nullptr, "Expect:");
    if (request.is_background) list = curl_slist_append(list, "Priority: u=7");
    for (const auto& [name, value] : request.headers) list = curl_slist_append(list, (name + ": " + value).c_str());
    curl_easy_setopt(handle, CURLOPT_HTTPHEADER, list);
    return std::unique_ptr<curl_slist, ListCloser>(list);
  }

  void set_up_proxy(CURL* handle) const {
    if (!settings_.proxy.empty()) curl_easy_setopt(handle, CURLOPT_PROXY, settings_.proxy.c_str());
    curl_easy_setopt(handle, CURLOPT_PROXYAUTH, CURLAUTH_ANY);
  }

  std::vector<Line>& idle(bool is_background) { return idle_[is_background ? 1 : 0]; }

  Line take(bool is_background) {
    const std::lock_guard lock(mutex_);
    auto& all = idle(is_background);
    if (all.empty()) return {Easy(curl_easy_init()), {}};
    auto line = std::move(all.back());
    all.pop_back();
    return line;
  }

  void give_back(Line line, bool is_background) {
    const std::lock_guard lock(mutex_);
    idle(is_background).push_back(std::move(line));
  }

  HttpSettings settings_;
  std::mutex mutex_;
  /// They keep their connections: a poll costs no handshake. A marked connection is for background requests alone.
  std::array<std::vector<Line>, 2> idle_;
};

}  // namespace

std::unique_ptr<HttpClient> make_http_client(HttpSettings settings) {
  return std::make_unique<CurlHttpClient>(std::move(settings));
}

}  // namespace upswarm
