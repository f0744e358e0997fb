// SPDX-License-Identifier: Apache-2.0

import CZooKeeper

#if canImport(Glibc)
import Glibc
#elseif canImport(Musl)
import Musl
#else
import Darwin
#endif

/// Threads for work that blocks, outside the cooperative pool.
package enum DetachedThread {
    private final class Start {
        let body: @Sendable () -> Void

        init(_ body: @escaping @Sendable () -> Void) { self.body = body }
    }

    /// Runs `body` on a new thread of its own.
    ///
    /// - Returns: `false` if the system gave no thread; then `body` does not run.
    package static func start(_ body: @escaping @Sendable () -> Void) -> Bool {
        // The new thread takes over the reference that is retained here.
        let start = unsafe Unmanaged.passRetained(Start(body))
        var attributes = pthread_attr_t()
        unsafe pthread_attr_init(&attributes)
        unsafe pthread_attr_setdetachstate(&attributes, CInt(PTHREAD_CREATE_DETACHED))
        defer { unsafe pthread_attr_destroy(&attributes) }
        #if canImport(Darwin)
        var thread: pthread_t?
        #else
        var thread = pthread_t()
        #endif
        let code = unsafe pthread_create(&thread, &attributes, runStart, start.toOpaque())
        if code != 0 { unsafe start.release() }
        return code == 0
    }

    #if canImport(Darwin)
    private static let runStart: @convention(c) (UnsafeMutableRawPointer) -> UnsafeMutableRawPointer? = { context in
        unsafe Unmanaged<Start>.fromOpaque(context).takeRetainedValue().body()
        return nil
    }
    #else
    private static let runStart: @convention(c) (UnsafeMutableRawPointer?) -> UnsafeMutableRawPointer? = { context in
        if let context = unsafe context {
            unsafe Unmanaged<Start>.fromOpaque(context).takeRetainedValue().body()
        }
        return nil
    }
    #endif
}
