// One question and one answer over a local connection.
#pragma once

#include "protocol/base/json.hpp"
#include "protocol/base/local_socket.hpp"

namespace upswarm::messages {

/// Sends `question` and waits for its answer; {"error": ...} comes back as that error.
/// Errors: unreachable, corrupt, cancelled, and what the other side answers.
Result<Json> ask(LocalConnection& connection, const Json& question, std::chrono::milliseconds limit,
                 std::stop_token stop, const std::filesystem::path* file = nullptr);

/// Receives questions, each within the terms of the connection and of at most 1000 values, until the other side leaves,
/// and sends what `answer` makes of each. One that is too long is answered by that error, and is the last.
/// `answer` gets the question's "ask" word, the question and the file that came along. Its stop is asked for by `stop`,
/// or within half a second when nobody is there any more who waits for the answer.
using Answer = std::function<Result<Json>(const std::string& word, const Json& question,
                                          std::unique_ptr<InputFile> file, const std::stop_token& stop)>;
void answer_all(LocalConnection& connection, const Answer& answer, std::stop_token stop);

}  // namespace upswarm::messages
