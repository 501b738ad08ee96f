// A file system whose n-th read asks for a stop: whatever reads long must look at its stop between two reads.
#pragma once

#include <stop_token>

#include "tests/support/unsynced_files.hpp"

namespace upswarm::tests {

/// One thread at a time. Outlives the files that it opens.
class StopAtRead final : public UnsyncedFiles {
 public:
  /// Counts from 1; 0: never.
  explicit StopAtRead(std::size_t read) : UnsyncedFiles(system_files()), read_(read) {}

  std::stop_token token() const { return stop_.get_token(); }
  std::size_t reads() const { return reads_; }

  Result<std::unique_ptr<InputFile>> open(const Path& path) override {
    UPSWARM_TRY(auto file, UnsyncedFiles::open(path));
    return std::unique_ptr<InputFile>(std::make_unique<File>(*this, std::move(file)));
  }

 private:
  class File final : public InputFile {
   public:
    File(StopAtRead& files, std::unique_ptr<InputFile> real) : files_(files), real_(std::move(real)) {}
    Result<std::size_t> read_at(Bytes offset, std::span<std::byte> buffer) override {
      if (++files_.reads_ == files_.read_) files_.stop_.request_stop();
      return real_->read_at(offset, buffer);
    }
    Result<FileInfo> info() override { return real_->info(); }

   private:
    StopAtRead& files_;
    std::unique_ptr<InputFile> real_;
  };

  std::size_t read_;
  std::size_t reads_ = 0;
  std::stop_source stop_;
};

/// `work(files, stop)` gives a Result. Stopped at any of its reads but the last, it is cancelled and reads no more.
template <typename Work>
void expect_stops_at_every_read(std::size_t least_reads, Work work) {
  StopAtRead whole(0);
  const auto done = work(whole, whole.token());
  ASSERT_TRUE(done) << done.error().message();
  ASSERT_GE(whole.reads(), least_reads);
  for (std::size_t n = 1; n < whole.reads(); ++n) {
    StopAtRead files(n);
    const auto stopped = work(files, files.token());
    ASSERT_FALSE(stopped) << "at read " << n;
    EXPECT_EQ(stopped.error().kind, ErrorKind::cancelled) << stopped.error().message();
    EXPECT_EQ(files.reads(), n);
  }
}

}  // namespace upswarm::tests
