// Which files a delta sees opened, and what they are then.
#pragma once

#include <functional>
#include <memory>

#include "protocol/package/decode/opened_files.hpp"
#include "protocol/package/encode/archive.hpp"

namespace upswarm::package {

inline constexpr Bytes kLargestOpenedFile = 512_MiB;  ///< opened; a maker holds several times as much

/// A part of a file's opened form: what lies between streams, or what was in one.
struct OpenedPart {
  std::string path;  ///< of the file; of what was in a stream, with the member's name
  ByteView bytes;    ///< of the file or of its streams
  bool is_stream = false;
};

/// The opened form of `file`, whose streams `found` are, where the gaps say. Nothing when they say something else.
std::vector<OpenedPart> open_parts(const std::string& path, ByteView file, const std::vector<FoundStream>& found,
                                   const std::vector<Bytes>& gaps);
std::vector<Bytes> gaps_of(const OpenedNew& file);
/// Keeps what open_parts needs. For one look for streams.
KeepsContent keeps_opened(const std::vector<Bytes>& gaps);

/// Two trees and what is to be made of them.
struct OpeningWork {
  Files& files;
  const Path& from;
  const Tree& old_tree;
  const Path& to;
  const Tree& new_tree;
  const std::vector<ContentSource>& sources;
  Bytes window;             ///< what is larger when it is opened stays closed
  std::size_t threads = 1;  ///< the outcome is the same with any number
  std::function<Result<void>()> go_on;
  /// See DeltaOptions; told how large a file is at most when it is opened.
  std::function<Result<std::shared_ptr<void>>(Bytes)> take_memory;
};

/// Opens a made file of the new tree when some of its streams can be made again, and zstd can say it in less by the old
/// one so than as it is; and what of the old tree such files are compared with: the file of the same path, else those
/// of the same name, else all of its kind that are gone. A stream that is the same in both trees stays closed.
/// Errors: busy  a file changed; as Files; what go_on gives.
Result<OpenedFiles> choose_opened(const OpeningWork& work);

}  // namespace upswarm::package
