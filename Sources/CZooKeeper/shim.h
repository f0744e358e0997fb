// SPDX-License-Identifier: Apache-2.0

// The part of libzookeeper_mt that Swift may see, and what Swift cannot say itself.
#ifndef SWIFT_ZOOKEEPER_SHIM_H
#define SWIFT_ZOOKEEPER_SHIM_H

// THREADED exposes the synchronous calls, which nobody here uses, and hides the event-loop calls, which the library's
// own I/O thread uses and nobody else may.
#define THREADED
#if defined(__has_include) && !__has_include(<zookeeper/zookeeper.h>)
#error "The ZooKeeper C client is not installed. Debian, Ubuntu: apt-get install libzookeeper-mt-dev. macOS: brew install zookeeper"
#else
#include <zookeeper/zookeeper.h>

// The library's ready-made ACL is a mutable global, which Swift 6 refuses to read.
static inline const struct ACL_vector *czk_open_acl(void) { return &ZOO_OPEN_ACL_UNSAFE; }

// The header types the completion `void_completion_t *`, the library casts that pointer to the function itself.
// Always `local = 0`: with 1 the library writes through the caller's context (ZOOKEEPER-2320).
static inline int czk_aremove_all_watches(
    zhandle_t *zh, const char *path, ZooWatcherType type, void_completion_t completion, const void *data) {
  return zoo_aremove_all_watches(zh, path, type, 0, (void_completion_t *)(void *)completion, data);
}

// Makes a handle ask for a new session when it connects again, and not for the one that it had: the field that the
// library reads in each handshake. The library's thread may be reading it.
static inline void czk_forget_session(zhandle_t *zh) {
  __atomic_store_n((int64_t *)&zoo_client_id(zh)->client_id, 0, __ATOMIC_SEQ_CST);
}

// The session that a handle has, or would ask for; 0 if it has forgotten it, or never had one.
static inline int64_t czk_session(zhandle_t *zh) {
  return __atomic_load_n((int64_t *)&zoo_client_id(zh)->client_id, __ATOMIC_SEQ_CST);
}

// Gives a handle its session back.
static inline void czk_remember_session(zhandle_t *zh, int64_t session) {
  __atomic_store_n((int64_t *)&zoo_client_id(zh)->client_id, session, __ATOMIC_SEQ_CST);
}

#endif

#ifdef __linux__
#include <sys/timerfd.h>
#endif

#endif
