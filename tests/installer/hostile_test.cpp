// What the agent's account may try, row by row: each is refused for its own reason and changes nothing.
//
// Rows that need more than this machine, or less, stand elsewhere:
//   descriptors: FIFO, pipe, socket, folder, /dev/zero, a file that lies elsewhere     HandedOverTest
//   names in trees: `..`, absolute, drive letters, streams, trailing dots, CON, case   BadNames, Tree.*
//   set-id bits; entries of another type than file, folder, link                       Tree.SetIdBitsAreRefused
//   a thousand connections, long frames                                                KindsTest, EndToEnd.Beset.*
//   older counters, floors, epochs, other platforms and channels in signed metadata    TrustGateTest, Decision
#include <functional>
#include <map>
#include <thread>

#include "protocol/package/tree.hpp"
#include "tests/installer/service_fixture.hpp"

namespace upswarm::installer {
namespace {

class HostileTest;

struct Row {
  const char* name;
  std::function<std::string(HostileTest&)> act;  ///< why it was refused, or "accepted"
  const char* reason;
};
std::ostream& operator<<(std::ostream& out, const Row& row) { return out << row.name; }

class HostileTest : public ServiceFixture, public testing::WithParamInterface<Row> {
 public:
  /// The repository has moved on since the first offer that could be made.
  void SetUp() override {
    ServiceFixture::SetUp();
    older_ = simulator.files;
    sign_timestamp();
  }

  static std::string reason_of(const Result<Json>& answer) { return answer ? "accepted" : answer.error().reason; }

  std::string offers(const std::string& product, const Sha256& digest, std::unique_ptr<InputFile> file,
                     bool is_sparse = false) {
    const Json question{{"product", product}, {"sha256", digest.hex()}, {"sparse", is_sparse}};
    return reason_of(ask("offer_package", question, std::move(file)));
  }
  void age(std::chrono::seconds by) { advance(by); }
  std::string offers_metadata(const std::map<std::string, std::string>& metadata) {
    return reason_of(ask("offer_metadata", messages::make_offer(metadata)));
  }
  std::string offers_signed() { return offers_metadata(simulator.files); }
  std::string offers_older() { return offers_metadata(older_); }
  std::string offers_forged() {
    auto forged = simulator.files;
    auto& timestamp = forged.at("metadata/timestamp.json");
    auto json = Json::parse(timestamp);
    json["signed"]["version"] = 999;
    timestamp = to_text(json);
    return offers_metadata(forged);
  }

  std::unique_ptr<InputFile> file_of(const std::string& content) {
    folder.write("handed over", content);
    return *system_files().open(folder / "handed over");
  }
  const trust::PackageFile& wanted() const { return index.entries[3].deltas[1].file; }
  std::string good() const { return folder.read(wanted().sha256.hex()); }

  /// What became of a file that was accepted: why the work ended.
  std::string works_on(std::unique_ptr<InputFile> file) {
    const auto accepted = offers("app", wanted().sha256, std::move(file));
    if (accepted != "accepted") return accepted;
    const std::jthread worker([this](const std::stop_token& stop) { service->work(stop); });
    const auto deadline = std::chrono::steady_clock::now() + std::chrono::seconds(20);
    while (std::chrono::steady_clock::now() < deadline) {
      const auto answer = ask("outcomes", Json::object());
      if (answer && !answer->at("outcomes").empty()) return answer->at("outcomes")[0].value("reason", "");
      std::this_thread::yield();
    }
    return "no end";
  }

  /// Of all that the installer decides by and of ROOT; the history apart.
  std::string state() {
    auto record = RecordStore(system_files(), config.state_folder / "products").load("app");
    EXPECT_TRUE(record) << record.error().message();
    record->outcomes.clear();
    record->last_outcome = 0;
    auto all = to_text(to_json(*record));
    for (const char* name : {"state/trust", "state/trees", "state/incoming", "root"}) all += digest_of(folder / name);
    return all;
  }

 private:
  static std::string digest_of(const Path& path) {
    std::string all;
    if (!std::filesystem::exists(path)) return all;
    for (const auto& entry : std::filesystem::recursive_directory_iterator(path)) {
      all += entry.path().string() + "\n";
      if (entry.is_regular_file()) all += *read_file(system_files(), entry.path(), 1_MiB);
    }
    return sha256(all).hex();
  }

  std::map<std::string, std::string> older_;
};

/// Says that it is as long as it should be; what is read is the test's.
class Changing final : public InputFile {
 public:
  Changing(Bytes said, std::string content, bool is_endless)
      : said_(said), content_(std::move(content)), is_endless_(is_endless) {}
  Result<FileInfo> info() override { return FileInfo{.type = FileType::regular, .size = said_}; }
  Result<std::size_t> read_at(Bytes offset, std::span<std::byte> buffer) override {
    std::size_t done = 0;
    for (; done < buffer.size(); ++done) {
      const auto at = offset.count + done;
      if (at >= content_.size() && !is_endless_) break;
      buffer[done] = static_cast<std::byte>(at < content_.size() ? content_[at] : 'x');
    }
    return done;
  }

 private:
  Bytes said_;
  std::string content_;
  bool is_endless_;
};

TEST_P(HostileTest, IsRefusedForItsOwnReasonAndChangesNothing) {
  ASSERT_EQ(wants(), "wanted 1.3.0");
  const auto before = state();
  const auto reason = GetParam().act(*this);
  EXPECT_NE(reason.find(GetParam().reason), std::string::npos) << reason;
  EXPECT_EQ(state(), before);
}

const std::vector<Row>& rows() {
  static const std::vector<Row> kRows{
      {"a product that is not configured",
       [](HostileTest& test) { return test.offers("other", test.wanted().sha256, test.file_of(test.good())); },
       "unknown_product"},
      {"a product whose name is a path",
       [](HostileTest& test) { return test.offers("../app", test.wanted().sha256, test.file_of(test.good())); },
       "unknown_product"},
      {"a digest that nobody signed",
       [](HostileTest& test) { return test.offers("app", sha256("mine"), test.file_of("mine")); }, "wrong_digest"},
      {"parts of a package that is no full one",
       [](HostileTest& test) { return test.offers("app", test.wanted().sha256, test.file_of(test.good()), true); },
       "wrong_digest"},
      {"a file that is too short",
       [](HostileTest& test) { return test.offers("app", test.wanted().sha256, test.file_of(test.good().substr(1))); },
       "wrong_length"},
      {"a file that is too long",
       [](HostileTest& test) { return test.offers("app", test.wanted().sha256, test.file_of(test.good() + "x")); },
       "wrong_length"},
      {"an endless file",
       [](HostileTest& test) {
         return test.offers("app", test.wanted().sha256, std::make_unique<Changing>(1024_GiB, "", true));
       },
       "wrong_length"},
      {"no file at all", [](HostileTest& test) { return test.offers("app", test.wanted().sha256, nullptr); },
       "no_file"},
      {"other bytes of the same length",
       [](HostileTest& test) { return test.works_on(test.file_of(std::string(test.good().size(), 'x'))); },
       "its bytes are not the signed ones"},
      {"a file that is written while it is copied, and goes on growing",
       [](HostileTest& test) {
         auto content = test.good();
         content.back() = '?';
         return test.works_on(std::make_unique<Changing>(test.wanted().length, content, true));
       },
       "its bytes are not the signed ones"},
      {"a file that is cut short while it is copied",
       [](HostileTest& test) {
         return test.works_on(std::make_unique<Changing>(test.wanted().length, test.good().substr(1), false));
       },
       "it ended before its signed length"},
      {"expired metadata",
       [](HostileTest& test) {
         test.age(std::chrono::days(400));
         return test.offers_signed();
       },
       "expired"},
      {"metadata older than what was seen", [](HostileTest& test) { return test.offers_older(); }, "rollback"},
      {"metadata that nobody signed", [](HostileTest& test) { return test.offers_forged(); }, "wrong_signature"},
  };
  return kRows;
}
INSTANTIATE_TEST_SUITE_P(Rows, HostileTest, testing::ValuesIn(rows()));

}  // namespace
}  // namespace upswarm::installer
