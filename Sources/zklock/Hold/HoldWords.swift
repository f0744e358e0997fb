// SPDX-License-Identifier: Apache-2.0

import ZooKeeper
import ZooKeeperRecipes

/// The words in which zklock says why it did not run a command, or ended it.
enum HoldWords {
    /// The lock is taken, as an acquisition has found when its time was over.
    static func taken(_ error: LockError, ahead: Int?) -> String {
        let since = error.holderSince.map { ", in the queue since \(UTCTime(millisecondsSince1970: $0))" } ?? ""
        let holder =
            switch (error.holderID, error.holder) {
            case (let id?, let node?): " by \(id)\(since), node \(name(node))"
            case (nil, let node?): " by the node \(name(node))\(since)"
            default: ""
            }
        return "\(error.path) is taken\(holder)\(inFront(ahead))"
    }

    /// The lock is taken, and these take part in it now.
    static func taken(_ path: ZNodePath, _ participants: [Participant]) -> String {
        guard let first = participants.first else { return "\(path) was taken a moment ago" }
        let since = first.since.map { ", in the queue since \(UTCTime(millisecondsSince1970: $0))" } ?? ""
        let node = first.path.name
        let holder = first.id.map { "by \($0)\(since), node \(node)" } ?? "by the node \(node)\(since)"
        return "\(path) is taken \(holder)\(inFront(participants.count))"
    }

    /// The name of a node, of which there may be the path.
    private static func name(_ node: String) -> Substring { node.split(separator: "/").last ?? node[...] }

    private static func inFront(_ count: Int?) -> String {
        switch count ?? 0 {
        case 0: ""
        case 1: "; 1 is in front"
        case let count: "; \(count) are in front"
        }
    }

    /// Another kind of lock is in use at the path.
    static func mixedKinds(_ path: ZNodePath, _ node: String?) -> String {
        guard let node else { return "another kind of lock is in use at \(path): the two would not exclude each other" }
        let advice =
            switch kind(of: node) {
            case .mutex: "leave out --shared, --read-write and --kazoo to take part in it"
            case .readWrite: "use --read-write, or --shared, to take part in it"
            case .kazoo: "use --kazoo to take part in it"
            case .latch: "it is that of an election; give the lock a path of its own"
            case .other: "give the lock a path of its own"
            }
        return
            "\(node) at \(path) is a node of another kind of lock, and the two would not exclude each other: \(advice)"
    }

    private enum Kind { case mutex, readWrite, kazoo, latch, other }

    private static func kind(of node: String) -> Kind {
        let name = String(name(node))
        let kinds: [(LineDialect, Kind)] = [
            (.curatorLatch, .latch), (.curatorReadWrite, .readWrite), (.kazoo, .kazoo), (.curator, .mutex),
        ]
        for (dialect, kind) in kinds {
            if case .contender = dialect.parse(name) { return kind }
        }
        return .other
    }

    /// The lock was lost while the command ran.
    static func lost(_ path: ZNodePath, _ loss: LockLoss?) -> String {
        let cause = loss.map { "\($0)" } ?? "zklock stood still, and its session's time was over"
        return "the lock \(path) was lost: \(cause); the command has been ended"
    }

    /// The command could not be executed.
    static func notExecuted(_ command: String, _ fault: Int32) -> String {
        "failed to execute \(command): \(System.words(fault))"
    }

    /// The servers could not be used.
    static func unavailable(_ error: any Error, _ servers: [ServerAddress]) -> String {
        let cause = (error as? LockError)?.underlying ?? error as? ZooKeeperError
        let text = cause.map { $0.message ?? "\($0)" } ?? "\(error)"
        // Where no connection came about, the text names them.
        if text.hasPrefix("tried ") { return "ZooKeeper could not be used: \(text)" }
        let names = servers.map(\.description).joined(separator: ", ")
        return "ZooKeeper (\(names)) could not be used: \(text)"
    }

    /// The servers grant another session time-out than wanted; `nil` if they do not.
    static func sessionTimeout(granted: Duration, wanted: Duration) -> String? {
        guard granted != wanted else { return nil }
        let effect = granted < wanted ? "a shorter outage costs the lock" : "others wait longer if this machine fails"
        return
            "the servers grant a session time-out of \(seconds(granted)) s instead of \(seconds(wanted)) s: \(effect)"
    }

    /// A time in seconds, to the millisecond.
    static func seconds(_ duration: Duration) -> String {
        let milliseconds = duration.wholeMilliseconds
        let (whole, rest) = (milliseconds / 1_000, milliseconds % 1_000)
        return rest == 0 ? "\(whole)" : "\(whole).\(String(1_000 + rest).dropFirst())"
    }
}
