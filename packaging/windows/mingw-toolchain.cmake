# CMake toolchain: Windows x64 programs from Debian 12 (g++-mingw-w64-x86-64-posix), with the static libraries that
# build-deps.sh puts into one prefix. The posix flavour of the compiler is the one with std::thread and std::mutex.
#
# WIN_PREFIX (cache variable, or environment variable of the same name) is that prefix: the last line build-deps.sh prints.

set(CMAKE_SYSTEM_NAME Windows)
set(CMAKE_SYSTEM_VERSION 10.0)
set(CMAKE_SYSTEM_PROCESSOR x86_64)

set(_triple x86_64-w64-mingw32)
set(CMAKE_C_COMPILER ${_triple}-gcc-posix)
set(CMAKE_CXX_COMPILER ${_triple}-g++-posix)
set(CMAKE_RC_COMPILER ${_triple}-windres)
set(CMAKE_AR ${_triple}-gcc-ar-posix CACHE FILEPATH "")
set(CMAKE_RANLIB ${_triple}-gcc-ranlib-posix CACHE FILEPATH "")
set(CMAKE_STRIP ${_triple}-strip CACHE FILEPATH "")
unset(_triple)

# Kept in the cache, because ninja runs CMake again by itself in shells that do not have the environment variable.
if(NOT WIN_PREFIX)
  set(WIN_PREFIX "$ENV{WIN_PREFIX}" CACHE PATH "Static Windows libraries, made by packaging/windows/build-deps.sh" FORCE)
endif()
if(DEFINED ENV{WIN_PREFIX} AND NOT "$ENV{WIN_PREFIX}" STREQUAL "${WIN_PREFIX}")
  message(FATAL_ERROR "WIN_PREFIX was '${WIN_PREFIX}' and is now '$ENV{WIN_PREFIX}': configure with --fresh, "
                      "because CMake remembers where it found each library")
endif()
if(NOT IS_DIRECTORY "${WIN_PREFIX}")
  message(FATAL_ERROR "WIN_PREFIX is '${WIN_PREFIX}', which is no folder: "
                      "set it to the last line that packaging/windows/build-deps.sh prints")
endif()
list(APPEND CMAKE_TRY_COMPILE_PLATFORM_VARIABLES WIN_PREFIX)

# That prefix and nothing else: a library found anywhere else is a Linux one, or a Windows one that nobody pinned.
# (The system's import libraries need no search, the linker knows where they are.)
set(CMAKE_FIND_ROOT_PATH "${WIN_PREFIX}")
set(CMAKE_FIND_ROOT_PATH_MODE_PROGRAM NEVER)
set(CMAKE_FIND_ROOT_PATH_MODE_LIBRARY ONLY)
set(CMAKE_FIND_ROOT_PATH_MODE_INCLUDE ONLY)
set(CMAKE_FIND_ROOT_PATH_MODE_PACKAGE ONLY)
set(ENV{PKG_CONFIG_LIBDIR} "${WIN_PREFIX}/lib/pkgconfig")
set(ENV{PKG_CONFIG_PATH} "")
set(ENV{PKG_CONFIG_SYSROOT_DIR} "")

# Windows 10 everywhere: Boost.Asio's class layouts depend on _WIN32_WINNT, so one file that differs is a crash.
set(_defines "-D_WIN32_WINNT=0x0A00 -DWINVER=0x0A00 -DNTDDI_VERSION=0x0A000000 -DWIN32_LEAN_AND_MEAN -DNOMINMAX")
set(CMAKE_C_FLAGS_INIT "${_defines}")
# Files that include Asio have more sections than a plain COFF object can number.
set(CMAKE_CXX_FLAGS_INIT "${_defines} -Wa,-mbig-obj")
unset(_defines)

# At -O0 such files also overflow the object's string table. Level 1 of debug information still gives stack traces with
# line numbers; the default level makes every static test program several times larger, and slow to link and to start.
set(CMAKE_C_FLAGS_DEBUG "-Og -g1" CACHE STRING "")
set(CMAKE_CXX_FLAGS_DEBUG "-Og -g1" CACHE STRING "")

# -static: a Windows machine has no libstdc++, libgcc or winpthread. No time stamp: two builds of one source are equal.
set(CMAKE_EXE_LINKER_FLAGS_INIT "-static -Wl,--dynamicbase,--nxcompat,--high-entropy-va,--no-insert-timestamp")

# ctest starts Windows programs through this. Set it empty to keep configure checks from running what they built.
if(NOT DEFINED CMAKE_CROSSCOMPILING_EMULATOR)
  set(CMAKE_CROSSCOMPILING_EMULATOR wine)
endif()
