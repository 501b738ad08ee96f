#include "agent/line_rate.hpp"

#include <algorithm>
#include <vector>

#include "protocol/base/json.hpp"

namespace upswarm::agent {
namespace {

constexpr const char* kRates = "line_rates";
constexpr std::int64_t kMostASecond = std::int64_t{1} << 50;

struct Rate {
  Time at;
  std::int64_t a_second = 0;
};

Result<std::vector<Rate>> read(const std::string& text) {
  UPSWARM_TRY(const auto json, parse_json(text, "the rates of the line"));
  ObjectReader in(json, "line_rates");
  std::vector<Rate> rates;
  for (const auto& value : in.array("rates", LineRate::kMost)) {
    auto one = in.inside(value, "rates", rates.size());
    Rate rate;
    rate.at = one.parsed("at", parse_time).value_or(Time{});
    rate.a_second = one.integer("a_second", 0, kMostASecond);
    UPSWARM_CHECK(one.finish());
    rates.push_back(rate);
  }
  UPSWARM_CHECK(in.finish());
  return rates;
}

/// Those that are not forgotten; none where the store does not say, or says something else.
std::vector<Rate> rates_in(StateStore& store, Time now) {
  const auto text = store.setting(kRates);
  auto rates = text && !text->empty() ? read(*text) : Result<std::vector<Rate>>(std::vector<Rate>());
  if (!rates) return {};
  std::erase_if(*rates, [&](const Rate& one) { return one.at > now || now - one.at > LineRate::kForgotten; });
  return std::move(*rates);
}

Bytes from_origin(const BytesBySource& bytes) { return bytes.origin_bt + bytes.origin_http; }

}  // namespace

std::optional<Bytes> LineRate::best(Time now) const {
  const auto rates = rates_in(store_, now);
  if (rates.size() < kFewest) return std::nullopt;
  return Bytes{static_cast<std::uint64_t>(std::ranges::max(rates, {}, &Rate::a_second).a_second)};
}

Result<void> LineRate::note(Bytes a_second, Time now) {
  auto rates = rates_in(store_, now);
  const auto rate = static_cast<std::int64_t>(std::min(a_second.count, static_cast<std::uint64_t>(kMostASecond)));
  rates.push_back({now, rate});
  if (rates.size() > kMost) rates.erase(rates.begin());
  Json list = Json::array();
  for (const auto& one : rates) list.push_back({{"at", to_string(one.at)}, {"a_second", one.a_second}});
  return store_.set(kRates, to_text(Json{{"rates", std::move(list)}}));
}

void LineMeter::see(const BytesBySource& bytes) {
  if (!seen_) seen_ = bytes;
  if (from_origin(bytes) <= from_origin(*seen_)) return;
  const auto now = now_();
  if (last_ && now - *last_ <= kLongestGap && bytes.site == seen_->site && bytes.other == seen_->other) {
    came_ += from_origin(bytes) - from_origin(*seen_);
    took_ += now - *last_;
  }
  seen_ = bytes;
  last_ = now;
}

std::optional<Bytes> LineMeter::a_second() const {
  if (came_ < kLeast) return std::nullopt;
  const auto seconds = std::max(std::chrono::duration<double>(took_).count(), 1e-3);
  return Bytes{static_cast<std::uint64_t>(static_cast<double>(came_.count) / seconds)};
}

}  // namespace upswarm::agent
