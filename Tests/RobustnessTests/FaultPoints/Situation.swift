import TestSupport
import ZooKeeper
import ZooKeeperRecipes

/// Something that a recipe does over one connection, from its first message to its last. What goes wrong there may make it
/// throw; whatever it does, it ends.
struct Situation: Sendable, CustomStringConvertible {
    let name: String
    /// What the subject does, and what goes on beside it.
    let run: @Sendable (Stage) async throws -> Void

    init(_ name: String, run: @escaping @Sendable (Stage) async throws -> Void) {
        self.name = name
        self.run = run
    }

    var description: String { name }

    static let all: [Situation] = [
        Situation("acquire, on a fresh path") { stage in
            try await stage.asSubject { try await $0.lock.withLock { stage.inside($0) } }
        },
        Situation("acquire and release") { stage in
            try await stage.beside.lock.withLock { stage.inside($0) }
            try await stage.asSubject { try await $0.lock.withLock { stage.inside($0) } }
        },
        Situation("hold by hand, verify") { stage in
            try await stage.asSubject {
                let held = try await $0.lock.acquire()
                stage.inside(held.lease)
                try? await held.lease.verify()
                try await held.release()
            }
        },
        Situation("wait behind one, hand-off") { stage in
            try await stage.waiting(behind: 1) { try await $0.lock.withLock { stage.inside($0) } }
        },
        Situation("wait behind two, hand-off") { stage in
            try await stage.waiting(behind: 2) { try await $0.lock.withLock { stage.inside($0) } }
        },
        Situation("wait, cancelled") { stage in
            try await stage.waiting(behind: 1, isCancelled: true) { try await $0.lock.withLock { stage.inside($0) } }
        },
        Situation("wait, timed out") { stage in
            try await stage.waiting(behind: 1) {
                try await $0.lock.withLock(waitingUpTo: .milliseconds(20)) { stage.inside($0) }
            }
        },
        Situation("attempt at a free lock, and at one that is taken") { stage in
            _ = try await stage.asSubject { try await $0.lock.withLockIfAvailable { stage.inside($0) } }
            try await stage.beside.lock.withLock { _ in
                _ = try await stage.asSubject { try await $0.lock.withLockIfAvailable { stage.inside($0) } }
            }
        },
        Situation("read, behind a writer") { stage in
            let writer = try await stage.beside.readWriteLock.acquireWriteLock()
            try await stage.handOff(writer) {
                try await $0.readWriteLock.withReadLock { stage.inside($0, isShared: true) }
            }
        },
        Situation("write, then read") { stage in
            try await stage.asSubject {
                try await $0.readWriteLock.withWriteLock {
                    stage.inside($0)
                } thenReading: { lease, _ in
                    stage.inside(lease, isShared: true)
                }
            }
        },
        Situation("read, then write if alone") { stage in
            try await stage.asSubject { subject in
                try await subject.readWriteLock.withReadLock { lease in
                    stage.inside(lease, isShared: true)
                    _ = try await subject.readWriteLock.withWriteLockIfAvailable { stage.inside($0) }
                }
            }
        },
        Situation("lead, stand again, lead, resign") { stage in
            let terms = Shared(0)
            try await stage.asSubject {
                try await $0.election.withTerms { lease in
                    stage.inside(lease)
                    terms.withLock { $0 += 1 }
                    return terms.value < 2 ? .requeue : .resign
                }
            }
        },
        Situation("lead, stand again behind another") { stage in
            let terms = Shared(0)
            let other = Task {
                try await eventually("the subject has led, or failed") { terms.value > 0 || stage.hasEnded }
                try await stage.beside.election.withLeadership { stage.inside($0) }
            }
            try await stage.asSubject {
                try await $0.election.withTerms { lease in
                    stage.inside(lease)
                    terms.withLock { $0 += 1 }
                    if terms.value == 2 { return .resign }
                    try await eventually("another stands") { try await stage.inLine() > 1 }
                    return .requeue
                }
            }
            try await other.value
        },
    ]
}
