// SPDX-License-Identifier: Apache-2.0

#if THREAD_SANITIZER
import ZooKeeper

/// Stands in for `Synchronization.Mutex` under the thread sanitizer.
typealias Mutex = SanitizerMutex
#endif
