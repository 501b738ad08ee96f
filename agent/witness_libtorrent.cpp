#include "agent/witness_libtorrent.hpp"

#include <algorithm>
#include <libtorrent/peer_connection_handle.hpp>
#include <libtorrent/peer_info.hpp>
#include <libtorrent/peer_request.hpp>
#include <optional>

#include "agent/torrent_session_libtorrent.hpp"

namespace upswarm::agent {
namespace {

/// Ticks, and not time: while this machine sleeps nobody can answer it. After half of it libtorrent asks others
/// (piece_timeout); a block at half of Hunger::kEnough takes two.
constexpr int kSilence = 10;
/// More than a neighbour turns down that is honest: of what it just lost, or beyond the length of its queue.
constexpr int kMostRefused = 100;

class Witness final : public lt::peer_plugin {
 public:
  Witness(lt::peer_connection_handle peer, std::shared_ptr<Complaints> complaints)
      : peer_(std::move(peer)), complaints_(std::move(complaints)) {}

  lt::string_view type() const override { return "upswarm witness"; }

  void sent_request(const lt::peer_request& /*what*/) override { is_asked_ = true; }
  // What is taken back may be refused, by libtorrent itself if the peer knows no refusals; that comes first then.
  void sent_cancel(const lt::peer_request& /*what*/) override { --refused_; }

  bool on_choke() override {
    is_asked_ = false;
    silent_ = 0;
    return false;
  }
  bool on_piece(const lt::peer_request& /*what*/, lt::span<const char> /*bytes*/) override {
    silent_ = 0;
    refused_ = std::min(refused_, 0);
    return false;
  }
  bool on_reject(const lt::peer_request& /*what*/) override {
    silent_ = 0;
    if (!peer_.has_peer_choked() && ++refused_ > kMostRefused) complain(Fault::refuses);
    return false;
  }

  void tick() override {
    if (!is_asked_) return;
    lt::peer_info now;
    peer_.get_peer_info(now);
    const auto came = now.total_download;
    const bool is_owing = now.download_queue_length > 0;
    if (came != came_) complaints_->note_gift();
    if (came != came_ || !is_owing) silent_ = 0;
    else if (++silent_ == kSilence / 2) gifts_before_ = complaints_->gifts();
    came_ = came;
    is_asked_ = is_owing;
    if (silent_ >= kSilence) complain(complaints_->gifts() == gifts_before_ ? Fault::alone : Fault::silent);
  }

 private:
  void complain(Fault fault) {
    if (!has_complained_) complaints_->add(to_endpoint(peer_.remote()).address, fault);
    has_complained_ = true;
  }

  lt::peer_connection_handle peer_;
  std::shared_ptr<Complaints> complaints_;
  bool is_asked_ = false;
  bool has_complained_ = false;
  int silent_ = 0;
  int refused_ = 0;
  std::int64_t came_ = 0;
  std::uint64_t gifts_before_ = 0;  ///< in the midst of its silence: what broke a link for all is long over then
};

class WitnessPlugin final : public lt::torrent_plugin {
 public:
  explicit WitnessPlugin(std::shared_ptr<Complaints> complaints) : complaints_(std::move(complaints)) {}

  std::shared_ptr<lt::peer_plugin> new_connection(const lt::peer_connection_handle& peer) override {
    return std::make_shared<Witness>(peer, complaints_);
  }

 private:
  std::shared_ptr<Complaints> complaints_;
};

}  // namespace

void Complaints::add(const std::string& address, Fault fault) {
  const std::lock_guard lock(mutex_);
  if (faults_.size() < kMost) faults_.try_emplace(address, fault);
}

std::map<std::string, Fault> Complaints::take() {
  const std::lock_guard lock(mutex_);
  return std::exchange(faults_, {});
}

std::shared_ptr<lt::torrent_plugin> make_witness_plugin(std::shared_ptr<Complaints> complaints) {
  return std::make_shared<WitnessPlugin>(std::move(complaints));
}

}  // namespace upswarm::agent
