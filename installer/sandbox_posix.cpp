#include <unistd.h>

#include <cerrno>

#include "installer/sandbox.hpp"

namespace upswarm::installer {

bool is_read_only(const Path& folder) { return ::access(folder.c_str(), W_OK) != 0 && errno == EROFS; }

}  // namespace upswarm::installer
