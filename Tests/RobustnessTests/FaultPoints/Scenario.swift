// SPDX-License-Identifier: Apache-2.0

import TestSupport
import ZooKeeper
import ZooKeeperRecipes

/// A use of a recipe over one connection, from its first message to its last. A fault may make it throw, but it must
/// end.
struct Scenario: Sendable, CustomStringConvertible {
    let name: String
    /// Runs the subject, and the clients beside it.
    let run: @Sendable (Fixture) async throws -> Void

    init(_ name: String, run: @escaping @Sendable (Fixture) async throws -> Void) {
        self.name = name
        self.run = run
    }

    var description: String { name }

    static let all: [Scenario] = [
        Scenario("acquire, on a fresh path") { fixture in
            try await fixture.asSubject { try await $0.lock.withLock { fixture.checkExclusion($0) } }
        },
        Scenario("acquire and release") { fixture in
            try await fixture.beside.lock.withLock { fixture.checkExclusion($0) }
            try await fixture.asSubject { try await $0.lock.withLock { fixture.checkExclusion($0) } }
        },
        Scenario("hold by hand, verify") { fixture in
            try await fixture.asSubject {
                let held = try await $0.lock.acquire()
                fixture.checkExclusion(held.lease)
                try? await held.lease.verify()
                try await held.release()
            }
        },
        Scenario("wait behind one, hand-off") { fixture in
            try await fixture.waiting(behind: 1) { try await $0.lock.withLock { fixture.checkExclusion($0) } }
        },
        Scenario("wait behind two, hand-off") { fixture in
            try await fixture.waiting(behind: 2) { try await $0.lock.withLock { fixture.checkExclusion($0) } }
        },
        Scenario("wait behind two, one by one") { fixture in
            try await fixture.takingOver { subject, position in
                try await subject.lock.withLock(position: position) { fixture.checkExclusion($0) }
            }
        },
        Scenario("wait behind two, the nearest leaves first") { fixture in
            try await fixture.inheriting { try await $0.lock.withLock { fixture.checkExclusion($0) } }
        },
        Scenario("wait, cancelled") { fixture in
            try await fixture.waiting(behind: 1, isCancelled: true) {
                try await $0.lock.withLock { fixture.checkExclusion($0) }
            }
        },
        Scenario("wait, timed out") { fixture in
            try await fixture.waiting(behind: 1) {
                try await $0.lock.withLock(waitingUpTo: .milliseconds(20)) { fixture.checkExclusion($0) }
            }
        },
        Scenario("attempt at a free lock, and at one that is taken") { fixture in
            _ = try await fixture.asSubject { try await $0.lock.withLockIfAvailable { fixture.checkExclusion($0) } }
            try await fixture.beside.lock.withLock { _ in
                _ = try await fixture.asSubject { try await $0.lock.withLockIfAvailable { fixture.checkExclusion($0) } }
            }
        },
        Scenario("read, behind a writer") { fixture in
            let writer = try await fixture.beside.readWriteLock.acquireWriteLock()
            try await fixture.handOff(writer) {
                try await $0.readWriteLock.withReadLock { fixture.checkExclusion($0, isShared: true) }
            }
        },
        Scenario("write, then read") { fixture in
            try await fixture.asSubject {
                try await $0.readWriteLock.withWriteLock {
                    fixture.checkExclusion($0)
                } thenReading: { lease, _ in
                    fixture.checkExclusion(lease, isShared: true)
                }
            }
        },
        Scenario("read, then write if alone") { fixture in
            try await fixture.asSubject { subject in
                try await subject.readWriteLock.withReadLock { lease in
                    fixture.checkExclusion(lease, isShared: true)
                    _ = try await subject.readWriteLock.withWriteLockIfAvailable { fixture.checkExclusion($0) }
                }
            }
        },
        Scenario("lead, stand again, lead, resign") { fixture in
            let terms = Shared(0)
            try await fixture.asSubject {
                try await $0.election.withTerms { lease in
                    fixture.checkExclusion(lease)
                    terms.withLock { $0 += 1 }
                    return terms.value < 2 ? .requeue : .resign
                }
            }
        },
        Scenario("lead, stand again behind another") { fixture in
            let terms = Shared(0)
            let other = Task {
                try await eventually("the subject has led, or failed") { terms.value > 0 || fixture.hasEnded }
                try await fixture.beside.election.withLeadership { fixture.checkExclusion($0) }
            }
            try await fixture.asSubject {
                try await $0.election.withTerms { lease in
                    fixture.checkExclusion(lease)
                    terms.withLock { $0 += 1 }
                    if terms.value == 2 { return .resign }
                    try await eventually("another stands") { try await fixture.queueLength() > 1 }
                    return .requeue
                }
            }
            try await other.value
        },
    ]
}
