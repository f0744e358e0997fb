// SPDX-License-Identifier: Apache-2.0

#if THREAD_SANITIZER
#if canImport(Glibc)
import Glibc
#elseif canImport(Musl)
import Musl
#else
import Darwin
#endif

/// Stands in for `Synchronization.Mutex` under the thread sanitizer.
///
/// That one locks with a futex of its own, in a library that is not instrumented (Swift 6.3 on Linux), so the
/// sanitizer sees no order between two critical sections and calls every one of them a race. A mutex of the system is
/// one it knows.
///
/// Each module that has a mutex calls it `Mutex` by a type alias of its own.
///
/// Sendable: what is in it is only touched under the lock.
@usableFromInline
@safe package struct SanitizerMutex<Value: ~Copyable>: ~Copyable, @unchecked Sendable {
    private let lock: UnsafeMutablePointer<pthread_mutex_t>
    private let value: UnsafeMutablePointer<Value>

    @usableFromInline
    package init(_ initialValue: consuming sending Value) {
        unsafe lock = .allocate(capacity: 1)
        unsafe lock.initialize(to: pthread_mutex_t())
        unsafe pthread_mutex_init(lock, nil)
        unsafe value = .allocate(capacity: 1)
        unsafe value.initialize(to: initialValue)
    }

    deinit {
        unsafe value.deinitialize(count: 1)
        unsafe value.deallocate()
        unsafe pthread_mutex_destroy(lock)
        unsafe lock.deallocate()
    }

    @usableFromInline
    package borrowing func withLock<Result: ~Copyable, Failure: Error>(
        _ body: (inout sending Value) throws(Failure) -> sending Result
    ) throws(Failure) -> sending Result {
        unsafe pthread_mutex_lock(lock)
        defer { unsafe pthread_mutex_unlock(lock) }
        return unsafe try body(&value.pointee)
    }
}

@usableFromInline typealias Mutex = SanitizerMutex
#endif
