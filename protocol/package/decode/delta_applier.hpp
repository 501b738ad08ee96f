// One run of DeltaReader::apply.
#pragma once

#include <span>

#include "protocol/package/decode/file_closing.hpp"
#include "protocol/package/decode/opened_base.hpp"
#include "protocol/package/decode/patch_decoder.hpp"
#include "protocol/package/decode/sparse.hpp"
#include "protocol/package/decode/tree_output.hpp"
#include "protocol/package/tree_difference.hpp"

namespace upswarm::package {

class DeltaApplier {
 public:
  /// All must outlive the object.
  struct Work {
    Files& files;
    InputFile& delta;
    std::span<const PatchGroup> groups;
    const OpenedFiles& opened;
    Bytes streams;  ///< where they begin in `delta`
    const Path& base;
    const Tree& base_tree;
    const Path& to;
    const ProgressSink& progress;
    const std::stop_token& stop;
  };

  DeltaApplier(const Work& work, ToldTree told);

  /// Makes all files of the told tree, whose content digest must be `content`. Once. What is kept of an interrupted run
  /// is not made again: a group whose files are all there is passed over, and of another group only what the state of
  /// its streams needs is done for the files that are there.
  Result<Tree> run(const Sha256& content, const OutputOptions& options);

 private:
  Result<void> make_tree(const Sha256& content, bool resume);
  Result<void> copy_file(std::size_t number);
  Result<void> make_group(const PatchGroup& group, Bytes streams);
  Result<void> pass(std::uint64_t count, ByteView bytes);
  Result<void> start_made_file();
  Result<void> end_made_file();
  Result<void> make_empty_files();
  Result<void> write(ByteView bytes);
  Bytes length_of(std::size_t number) const;
  bool is_wanted(Bytes from, Bytes length) const;
  bool accept(std::size_t number, const Sha256& digest);
  Result<void> check_bases();
  Result<void> tell(Bytes more);

  Work work_;
  ToldTree told_;
  std::vector<std::size_t> made_;         // entries, in the order in which groups make them
  std::vector<Bytes> ends_;               // of those, in all that is made
  std::size_t next_ = 0;                  // in made_
  bool is_in_file_ = false;               // that is, in next_
  std::unique_ptr<FileClosing> closing_;  // of the file, if it is an opened one that is not kept
  Bytes left_;                            // of the file
  Bytes made_bytes_;                      // by all groups so far
  std::size_t groups_begun_ = 0;
  Bytes done_;
  Bytes total_;
  ByteBuffer buffer_;  // of old files; small ones are too many for one each
  OpenedBase opened_base_;
  TreeOutput output_;  // the last: its thread looks at the others
};

}  // namespace upswarm::package
