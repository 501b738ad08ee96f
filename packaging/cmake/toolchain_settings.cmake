# How everything here is compiled. Each target links upswarm_settings PRIVATE through upswarm_library or upswarm_program.
set(CMAKE_CXX_STANDARD 20)
set(CMAKE_CXX_STANDARD_REQUIRED ON)
set(CMAKE_CXX_EXTENSIONS OFF)
set(CMAKE_EXPORT_COMPILE_COMMANDS ON)
set(CMAKE_POSITION_INDEPENDENT_CODE ON)

# g++ 12 at -O3 warns falsely on string concatenation; the gain over -O2 is nothing here. Assertions are shipped: what is
# tested every day (preset dev: -O2 and line numbers) is what runs out there.
set(CMAKE_CXX_FLAGS_RELEASE "-O2")

find_program(UPSWARM_CCACHE ccache)
if(UPSWARM_CCACHE AND NOT CMAKE_CXX_COMPILER_LAUNCHER)
  set(CMAKE_C_COMPILER_LAUNCHER "${UPSWARM_CCACHE}")
  set(CMAKE_CXX_COMPILER_LAUNCHER "${UPSWARM_CCACHE}")
endif()

set(UPSWARM_SANITIZE "" CACHE STRING "Value of -fsanitize= for everything: address,undefined or thread")
option(UPSWARM_WERROR "Treat warnings as errors" ON)

add_library(upswarm_settings INTERFACE)
target_include_directories(upswarm_settings INTERFACE "${CMAKE_SOURCE_DIR}")
target_compile_definitions(upswarm_settings INTERFACE UPSWARM_VERSION="${PROJECT_VERSION}")
target_compile_options(upswarm_settings INTERFACE -Wall -Wextra -Wpedantic -Wconversion -Wshadow -Wunused-result
                       -ffile-prefix-map=${CMAKE_SOURCE_DIR}/=)
if(UPSWARM_WERROR)
  target_compile_options(upswarm_settings INTERFACE -Werror)
endif()
if(UPSWARM_SANITIZE)
  add_compile_options(-fsanitize=${UPSWARM_SANITIZE} -fno-omit-frame-pointer -fno-sanitize-recover=all)
  add_link_options(-fsanitize=${UPSWARM_SANITIZE})
  if(UPSWARM_SANITIZE MATCHES "thread" AND CMAKE_CXX_COMPILER_ID STREQUAL "GNU")
    add_compile_options(-Wno-tsan)  # Asio's fences: g++ warns that it cannot follow them
  endif()
endif()
if(CMAKE_CXX_COMPILER_ID STREQUAL "Clang")
  # Boost 1.74 knows the coroutines of clang 16 only when told.
  target_compile_definitions(upswarm_settings INTERFACE BOOST_ASIO_HAS_CO_AWAIT=1 BOOST_ASIO_HAS_STD_COROUTINE=1)
endif()
if(NOT WIN32 AND NOT UPSWARM_SANITIZE)
  add_compile_options(-fstack-protector-strong)
  add_link_options(-Wl,-z,relro,-z,now)
endif()

# upswarm_library(NAME [PUBLIC_LIBS a b] [PRIVATE_LIBS c d] SOURCES x.cpp y.cpp): the one static target of a folder.
function(upswarm_library name)
  cmake_parse_arguments(ARG "" "" "SOURCES;PUBLIC_LIBS;PRIVATE_LIBS" ${ARGN})
  add_library(${name} STATIC ${ARG_SOURCES})
  target_link_libraries(${name} PUBLIC ${ARG_PUBLIC_LIBS} PRIVATE upswarm_settings ${ARG_PRIVATE_LIBS})
  target_include_directories(${name} PUBLIC "${CMAKE_SOURCE_DIR}")
endfunction()

# upswarm_program(NAME LIBS a b SOURCES main.cpp)
function(upswarm_program name)
  cmake_parse_arguments(ARG "" "" "SOURCES;LIBS" ${ARGN})
  add_executable(${name} ${ARG_SOURCES})
  target_link_libraries(${name} PRIVATE upswarm_settings ${ARG_LIBS})
endfunction()
