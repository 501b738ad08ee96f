// Deflating again what was inflated, so that the same bytes come out as from the program that deflated it first.
#pragma once

#include <functional>

#include "protocol/package/decode/deflate_blocks.hpp"

namespace upswarm::package {

/// How some program deflates. What RFC 1951 leaves open is settled as zlib and GNU gzip do it; neither is needed here.
struct DeflateRecipe {
  std::uint8_t level = 0;   ///< 1 to 9
  std::uint8_t memory = 0;  ///< zlib's memLevel, 1 to 9; 0: GNU gzip, and Info-ZIP's zip, whose blocks it ends alike

  bool is_gzip() const { return memory == 0; }
  bool operator==(const DeflateRecipe&) const = default;
};

/// The one byte by which a recipe is told, and back.   Errors: corrupt  no such recipe.
std::uint8_t number_of(const DeflateRecipe& recipe);
Result<DeflateRecipe> recipe_of(std::uint8_t number);

/// Deflates one stream. The bytes depend on what is written and the recipe alone, not on how it is cut into writes.
/// Memory: at most 1 MiB, whatever the size. Not for use by two threads at once.
class DeflateReplayer {
 public:
  /// Takes what is deflated, in parts of some ten KiB.
  using Sink = std::function<Result<void>(ByteView)>;

  DeflateReplayer(const DeflateRecipe& recipe, Sink sink);
  const DeflateRecipe& recipe() const { return recipe_; }

  /// Begins another stream. What was written of one that is not finished is dropped.
  void start();

  /// Errors: what the sink gives.
  Result<void> write(ByteView bytes);
  /// Ends the stream, in a whole byte. Then start() comes first, or nothing.
  Result<void> finish();

 private:
  /// What of effort a level stands for: the same in both programs.
  struct Effort {
    std::uint16_t good;   ///< a match so long makes the search for a better one a quarter as long
    std::uint16_t lazy;   ///< up to here a better one is looked for a byte on; of levels 1 to 3: is entered whole
    std::uint16_t nice;   ///< so long a match ends the search
    std::uint16_t chain;  ///< places looked at
  };
  struct Match {
    std::uint32_t at = 0;
    std::uint32_t length = 0;
  };
  static Effort effort_of(std::uint8_t level);

  bool fill();
  void slide();
  Result<void> run();
  Result<void> step_fast();
  Result<void> step_lazy();
  std::uint32_t enter(std::uint32_t at);
  bool may_enter(std::uint32_t at) const;
  Match search(std::uint32_t head, std::uint32_t best) const;
  bool may_search(std::uint32_t head) const;
  std::uint64_t covered() const;
  Result<void> end_block(bool is_last);
  Result<void> flush();

  DeflateRecipe recipe_;
  bool is_gzip_;
  bool is_fast_;
  Effort effort_;
  Sink sink_;
  DeflateBlocks blocks_;
  unsigned hash_shift_;
  std::uint32_t hash_mask_;
  ByteBuffer window_;
  std::vector<std::uint16_t> heads_;   // by hash: the last place in the window that had it, 0 for none
  std::vector<std::uint16_t> before_;  // by place in half a window: the place before with the same hash
  std::size_t used_ = 0;               // of the window, by this stream
  ByteView input_;
  std::uint32_t taken_ = 0;   // of it into the window, since that began to fill
  bool is_over_ = false;      // no more input comes
  bool is_at_end_ = false;    // and the window knows it
  std::uint32_t at_ = 0;      // in the window
  std::uint32_t ahead_ = 0;   // bytes from there on
  std::int64_t block_ = 0;    // where the block begins in the window; before it when negative
  Match last_;                // of the byte before at_, in lazy steps
  bool has_literal_ = false;  // the byte before at_ is not told yet
};

}  // namespace upswarm::package
