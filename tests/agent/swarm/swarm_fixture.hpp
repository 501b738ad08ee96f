// Machines with swarms of their own on loopback, and the origin that they know.
#pragma once

#include <gmock/gmock.h>

#include <fstream>
#include <thread>

#include "agent/package_cache.hpp"
#include "tests/agent/swarm/test_origin.hpp"
#include "tests/support/temporary_folder.hpp"

namespace upswarm::agent {

using namespace std::chrono_literals;

class SwarmTest : public testing::Test {
 protected:
  static constexpr auto kPatience = 20s;

  /// One machine: a cache, and a swarm that is opened and closed at will.
  struct Machine {
    tests::TemporaryFolder folder;
    std::unique_ptr<Swarm> swarm;

    Path file(const tests::TestPackage& package) const {
      return folder / PackageCache::file_name(package.request.file.sha256);
    }
  };

  SwarmSettings settings_for(const Machine& machine) const {
    SwarmSettings settings;
    settings.cache = machine.folder.path();
    settings.listen_address = "127.0.0.1";
    settings.listen_port = 0;
    settings.seeder_url = origin.url();
    settings.local_discovery = false;
    settings.http_after = 100ms;
    settings.keep_free = 0_B;
    return settings;
  }

  void open(Machine& machine) { open(machine, settings_for(machine)); }
  void open(Machine& machine, SwarmSettings settings) {
    machine.swarm.reset();
    auto opened = open_libtorrent_swarm(std::move(settings), *http);
    ASSERT_TRUE(opened) << opened.error().message();
    machine.swarm = std::move(*opened);
  }
  /// With peers alone: HTTP would come too late.
  void open_without_http(Machine& machine) {
    auto settings = settings_for(machine);
    settings.http_after = 10min;
    open(machine, settings);
  }
  /// As after a power cut: nothing says that the cache was closed.
  static void kill(Machine& machine) {
    machine.swarm.reset();
    ASSERT_TRUE(std::filesystem::remove(machine.folder / "clean"));
  }

  static Result<Downloaded> fetch(Machine& machine, const tests::TestPackage& package, std::stop_token stop = {}) {
    return machine.swarm->fetch(package.request, kPatience, {}, std::move(stop));
  }

  static void expect_whole(const Machine& machine, const tests::TestPackage& package, const Result<Downloaded>& got) {
    ASSERT_TRUE(got) << got.error().message();
    EXPECT_EQ(got->path, machine.file(package));
    EXPECT_EQ(sha256(machine.folder.read(got->path.filename().string())), package.request.file.sha256);
    EXPECT_EQ(got->by_source.verified(), package.request.file.length);
  }

  static void spoil(const Path& file, std::streamoff at) {
    std::fstream stream(file, std::ios::in | std::ios::out | std::ios::binary);
    stream.seekp(at);
    stream << "spoilt";
  }

  tests::TestOrigin origin;
  std::unique_ptr<HttpClient> http = make_http_client({});
};

}  // namespace upswarm::agent
