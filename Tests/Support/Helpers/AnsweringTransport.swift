// SPDX-License-Identifier: Apache-2.0

package import Dispatch
package import Logging
package import ZooKeeper
package import ZooKeeperTesting

/// Answers some requests itself, with a failure, and passes the others on to a transport that it wraps.
///
/// Its answers come on the queue of that transport's delegate calls, so one after the other as a real one's; they never
/// come from within a call.
package final class AnsweringTransport: SessionTransport {
    /// Chooses an answer; `nil` for the server's own. Called where the request is issued, so it must neither block nor
    /// call the session.
    package typealias Hook = @Sendable (any TransportRequest) -> ResultCode?

    private let base: any SessionTransport
    private let queue: DispatchQueue
    private let hook: Hook
    private let lateHook: Hook
    private let delay: @Sendable (any TransportRequest) -> Duration?
    /// The requests that are held back; `nil` if none are.
    private let held = Shared<[any TransportRequest]?>(nil)

    /// - Parameters:
    ///   - queue: The queue on which `base` calls its delegate.
    ///   - hook: The answer in place of the server's, which never sees the request.
    ///   - lateHook: The answer in place of the server's when it has executed the request.
    ///   - delay: The time for which the request is held back, and all behind it. They count as sent.
    package init(
        _ base: any SessionTransport, on queue: DispatchQueue, answering hook: @escaping Hook,
        afterwards lateHook: @escaping Hook = { _ in nil },
        holdingBack delay: @escaping @Sendable (any TransportRequest) -> Duration? = { _ in nil }
    ) {
        self.base = base
        self.queue = queue
        self.hook = hook
        self.lateHook = lateHook
        self.delay = delay
    }

    package func open(sessionTimeout: Duration, delegate: any SessionTransportDelegate) {
        base.open(sessionTimeout: sessionTimeout, delegate: delegate)
    }

    package func issue(_ request: any TransportRequest) -> ResultCode? {
        let delay = delay(request)
        let (isHeld, isFirst) = held.withLock { held in
            let isHeld = held != nil || delay != nil
            defer { if isHeld { held = (held ?? []) + [request] } }
            return (isHeld, isHeld && held == nil)
        }
        if isFirst, let delay { scheduleRelease(after: delay) }
        return isHeld ? nil : pass(request)
    }

    private func scheduleRelease(after delay: Duration) {
        Deadlines.shared.schedule(at: .now + delay) { self.release() }
    }

    /// Passes on the requests that are held back, up to the next one with a delay of its own.
    private func release() {
        var isFirst = true
        while let request = held.withLock({ $0?.first }) {
            if !isFirst, let delay = delay(request) { return scheduleRelease(after: delay) }
            isFirst = false
            if let code = pass(request) { queue.async { request.answered(.failure(ResultFailure(code))) } }
            held.withLock { held in
                held?.removeFirst()
                if held?.isEmpty == true { held = nil }
            }
        }
    }

    private func pass(_ request: any TransportRequest) -> ResultCode? {
        if let code = hook(request) {
            queue.async { request.answered(.failure(ResultFailure(code))) }
            return nil
        }
        guard let code = lateHook(request) else { return base.issue(request) }
        return base.issue(MisreportedRequest(request, code))
    }

    package func close(done: @escaping @Sendable () -> Void) { base.close(done: done) }
}

/// A request that gets another answer than the one that came.
private final class MisreportedRequest: TransportRequest {
    private let base: any TransportRequest
    private let code: ResultCode

    init(_ base: any TransportRequest, _ code: ResultCode) {
        self.base = base
        self.code = code
    }

    var request: ServerRequest { base.request }
    var setsWatch: Bool { base.setsWatch }

    func answered(_ result: Result<ServerResponse, ResultFailure>) { base.answered(.failure(ResultFailure(code))) }
}

extension TransportRequest {
    /// Tells whether this is the request with that action at `path`.
    package func isSending(_ action: Action<ServerStep>, at path: String) -> Bool {
        request.action == action && request.path?.string == path
    }
}

extension InMemoryZooKeeper {
    /// Makes a client some of whose requests are answered by `hook` and never reach this server, or by `lateHook` when
    /// this server has executed them.
    ///
    /// - Parameters:
    ///   - configure: Changes the client's configuration.
    ///   - delay: The time for which a request is held back, and all behind it. They count as sent.
    package func makeClient(
        logger: Logger = .current, configure: (inout ZooKeeperConfiguration) -> Void = { _ in },
        answering hook: @escaping AnsweringTransport.Hook,
        afterwards lateHook: @escaping AnsweringTransport.Hook = { _ in nil },
        holdingBack delay: @escaping @Sendable (any TransportRequest) -> Duration? = { _ in nil }
    ) throws -> ZooKeeperClient {
        var configuration = self.configuration
        configure(&configuration)
        return try ZooKeeperClient(configuration, logger: logger) { configuration, _ in
            let queue = DispatchQueue(label: "zookeeper.answering")
            return AnsweringTransport(
                self.makeTransport(credentials: configuration.credentials, on: queue), on: queue, answering: hook,
                afterwards: lateHook, holdingBack: delay)
        }
    }
}
