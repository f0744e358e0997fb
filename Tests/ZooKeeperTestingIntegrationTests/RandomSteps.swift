// SPDX-License-Identifier: Apache-2.0

import TestSupport
import ZooKeeper
import ZooKeeperTesting

/// Generates random steps. It reads the model, so that many of them hit nodes that exist.
struct RandomSteps {
    private static let names = ["a", "b", "c"]
    private static let users = ["ann", "bob"]

    private var generator: SplitMix64
    private let directory: String
    private let zooKeeper: InMemoryZooKeeper

    init(seed: UInt64, directory: String, _ zooKeeper: InMemoryZooKeeper) {
        self.generator = SplitMix64(seed: seed)
        self.directory = directory
        self.zooKeeper = zooKeeper
    }

    /// - Parameter open: The slots that have a session.
    mutating func next(open: [Int]) -> Step {
        let slot = Int.random(in: 0..<StepRunner.slots, using: &generator)
        guard open.contains(slot) else {
            let credentials = chance(0.4) ? [credential()] : []
            return .open(slot: slot, credentials: credentials)
        }
        switch Double.random(in: 0..<1, using: &generator) {
        case ..<0.006: return .close(slot: slot)
        case ..<0.009: return .expire(slot: slot)
        case ..<0.012:
            // This and the expiry are rare: the C client takes a second to come back.
            guard let other = open.first(where: { $0 != slot }) else { break }
            let count = Int.random(in: 1...12, using: &generator)
            return .disconnected(slot: slot, other: other, (0..<count).map { _ in write() })
        case ..<0.02: return .releaseWatches(slot: slot)
        case ..<0.03: return .request(slot: slot, Request(.authenticate(credential())), watch: false)
        case ..<0.5: return .request(slot: slot, read(), watch: chance(0.6))
        default: break
        }
        return .request(slot: slot, write(), watch: false)
    }

    // MARK: Requests

    private mutating func read() -> Request {
        switch Int.random(in: 0..<17, using: &generator) {
        case 0..<4: Request(path(), .exists)
        case 4..<8: Request(path(), .getData)
        case 8..<12: Request(path(), .getChildren)
        case 12..<14: Request(path(), .getAccessControl)
        case 14: Request(path(), .sync)
        default: Request(path(), .removeWatches(chance(0.5) ? .dataAndExistence : .children))
        }
    }

    private mutating func write() -> Request {
        if chance(0.01) { return Request(.reconfigure(.change(leaving: [1]))) }
        switch Int.random(in: 0..<20, using: &generator) {
        case 0..<8: return create()
        case 8..<11: return Request(path(), .delete(version: version()))
        case 11..<15: return Request(path(), .setData(data: data(), version: version()))
        case 15: return Request(path(), .setAccessControl(accessControl(), version: version()))
        default:
            let count = Int.random(in: 0...5, using: &generator)
            return Request(.transaction((0..<count).map { _ in step() }))
        }
    }

    private mutating func create() -> Request {
        let mode: CreateMode
        switch Int.random(in: 0..<12, using: &generator) {
        case 0..<4: mode = .persistent
        case 4..<6: mode = .ephemeral
        case 6: mode = .persistentSequential
        case 7..<9: mode = .ephemeralSequential
        case 9: mode = .container
        case 10: mode = .persistent(timeToLive: .seconds(3_600))
        default: mode = .persistentSequential(timeToLive: .seconds(3_600))
        }
        return Request(newPath(mode), .create(data: data(), mode: mode, accessControl: accessControl()))
    }

    private mutating func step() -> TransactionStep {
        switch Int.random(in: 0..<8, using: &generator) {
        case 0..<3:
            let modes = [CreateMode.persistent, .ephemeral, .persistentSequential, .ephemeralSequential]
            let mode = modes[Int.random(in: 0..<4, using: &generator)]
            return TransactionStep(newPath(mode), .create(data: data(), mode: mode, accessControl: accessControl()))
        case 3..<5: return TransactionStep(path(), .setData(data: data(), version: version()))
        case 5: return TransactionStep(path(), .delete(version: version()))
        default: return TransactionStep(path(), .check(version: version()))
        }
    }

    // MARK: Parameters

    private mutating func chance(_ probability: Double) -> Bool {
        Double.random(in: 0..<1, using: &generator) < probability
    }

    private mutating func pick<Element>(_ elements: [Element]) -> Element {
        elements[Int.random(in: 0..<elements.count, using: &generator)]
    }

    /// A path, most often one that exists.
    private mutating func path() -> ZNodePath { ZNodePath(unchecked: anyPath()) }

    private mutating func anyPath() -> String {
        if chance(0.03) { return pick(["/", "/zookeeper", "/zookeeper/quota", "/zookeeper/config"]) }
        let known = zooKeeper.model.tree.nodes.keys.filter { $0 == directory || $0.hasPrefix(directory + "/") }.sorted()
        if chance(0.7), !known.isEmpty { return pick(known) }
        return madeUpPath()
    }

    private mutating func newPath(_ mode: CreateMode) -> ZNodePath {
        if mode.isSequential, chance(0.2) { return ZNodePath(unchecked: madeUpPath() + "/") }
        // The root has its own rules; but what is created there would stay.
        return ZNodePath(
            unchecked: chance(0.02)
                ? (mode.isSequential ? madeUpPath() : "/") : (chance(0.1) ? anyPath() : madeUpPath()))
    }

    private mutating func madeUpPath() -> String {
        (0..<Int.random(in: 1...3, using: &generator)).reduce(directory) { path, _ in path + "/" + pick(Self.names) }
    }

    private mutating func data() -> [UInt8] {
        (0..<Int.random(in: 0...3, using: &generator)).map { _ in UInt8.random(in: 0...255, using: &generator) }
    }

    private mutating func version() -> Int32 {
        chance(0.6) ? -1 : pick([-2, 0, 0, 1, 1, 2, 3])
    }

    private mutating func credential() -> Credential { .digest(user: pick(Self.users), password: "sesame") }

    private mutating func accessControl() -> AccessControl {
        if chance(0.7) { return .open }
        let count = Int.random(in: 1...3, using: &generator)
        return AccessControl((0..<count).map { _ in entry() })
    }

    private mutating func entry() -> AccessControl.Entry {
        let permissions = AccessControl.Permissions(
            rawValue: chance(0.5) ? 31 : Int32.random(in: 1...31, using: &generator))
        switch Int.random(in: 0..<14, using: &generator) {
        case 0..<5: return .init(permissions, for: .anyone)
        case 5..<7: return .init(permissions, for: .creator)
        case 7..<10:
            // As `DigestAuthenticationProvider` prints them for the password `sesame`.
            let hashes = ["ann": "e0/UbRUWA/yp14hg1Vp2sckqKYo=", "bob": "AJXT1pH3tPfVrhX7hB5yjpRNkg8="]
            let user = pick(Self.users)
            return .init(permissions, for: .digest(user: user, hash: hashes[user] ?? ""))
        case 10:
            return .init(permissions, for: .init(scheme: "ip", id: pick(["127.0.0.1", "127.1.2.3/8", "10.0.0.1"])))
        case 11: return .init(permissions, for: .init(scheme: "ip", id: pick(["here", "1.2.3", "1.2.3.4/33"])))
        case 12: return .init(permissions, for: .init(scheme: "digest", id: pick(["a", "a:b:c", "a:", ":b", "a:b:"])))
        default: return .init(permissions, for: .init(scheme: pick(["world", "nonsense"]), id: "somebody"))
        }
    }
}
