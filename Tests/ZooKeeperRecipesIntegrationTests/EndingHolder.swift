// SPDX-License-Identifier: Apache-2.0

import Logging
import TestSupport
import ZooKeeper
import ZooKeeperRecipes

#if ServiceLifecycle
import ServiceLifecycle
#endif

/// A way to end a client in good order.
enum ClientEnd: CaseIterable {
    case taskAroundWithClientIsCancelled
    case runIsCancelled
    case clientIsClosed
    #if ServiceLifecycle
    case groupIsCancelled
    case groupIsShutDown
    #endif
}

/// A client that holds `/lock` in a body, which ends when it is told to.
final class EndingHolder: Sendable {
    let client = Promise<ZooKeeperClient>()
    let lease = Promise<LockLease>()
    /// The body has been cancelled.
    let isTold = Promise<Void>()
    /// Lets the body end.
    let mayEnd = Promise<Void>()
    let bodyEnded = Shared<ContinuousClock.Instant?>(nil)
    /// Ends the client.
    let end = Promise<Void>()
    /// The client has ended.
    let ended = Promise<Void>()

    @Sendable func body(_ lease: LockLease) async {
        self.lease.fulfil(lease)
        // Ends only by being cancelled: the promise is never fulfilled.
        _ = await Promise<Void>().wait()
        isTold.fulfil(())
        await mayEnd.wait(isShielded: true)
        bodyEnded.withLock { $0 = .now }
    }

    func hold(_ client: ZooKeeperClient) async throws {
        try await ZooKeeperLock(client, at: "/lock").withLock { await body($0) }
    }

    /// Returns when the client has ended, and throws what the holder's call has thrown.
    func run(_ configuration: ZooKeeperConfiguration, _ logger: Logger, _ end: ClientEnd) async throws {
        switch end {
        case .taskAroundWithClientIsCancelled:
            let task = Task {
                try await ZooKeeperClient.withClient(configuration, logger: logger) { client in
                    self.client.fulfil(client)
                    try await hold(client)
                }
            }
            await self.end.wait()
            task.cancel()
            try await task.value
        case .runIsCancelled, .clientIsClosed:
            let client = try ZooKeeperClient(configuration, logger: logger)
            self.client.fulfil(client)
            let running = Task { await client.run() }
            let holding = Task { try await hold(client) }
            await self.end.wait()
            if end == .runIsCancelled { running.cancel() } else { await client.close() }
            await running.value
            ended.fulfil(())
            try await holding.value
        #if ServiceLifecycle
        case .groupIsCancelled, .groupIsShutDown:
            let client = try ZooKeeperClient(configuration, logger: logger)
            self.client.fulfil(client)
            // They are shut down in reverse order: here the client before its user, which is the wrong way round.
            let group = ServiceGroup(
                services: [Work(holder: self), client, Failing(after: end == .groupIsCancelled ? self.end : nil)],
                logger: logger)
            let running = Task { try await group.run() }
            await self.end.wait()
            if end == .groupIsShutDown { await group.triggerGracefulShutdown() }
            _ = await running.result
        #endif
        }
        ended.fulfil(())
    }
}

#if ServiceLifecycle
private struct Work: Service {
    let holder: EndingHolder

    func run() async throws { try await holder.hold(holder.client.wait().value!) }
}

/// Fails when it is told to, which ends the group; or only waits for its shutdown.
private struct Failing: Service {
    struct Failed: Error {}
    let after: Promise<Void>?

    func run() async throws {
        guard let after else { return try await gracefulShutdown() }
        await after.wait()
        throw Failed()
    }
}
#endif
