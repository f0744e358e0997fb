// SPDX-License-Identifier: Apache-2.0

import SystemPackage
import TestSupport
import Testing
import ZooKeeperTesting

/// A library that shares lock nodes with this one.
enum Peer: String, Sendable, CaseIterable {
    case ours = "us"
    case curator = "Curator"
    case kazoo = "kazoo"
    case go = "go-zookeeper"

    /// The program that uses it: see Tests/Support/Peers/README.md.
    var program: Program {
        switch self {
        case .ours: Program("InteropWorker")
        case .curator, .kazoo, .go: Program(at: "\(directory)/run")
        }
    }

    /// The reason for which it is not available on this machine; `nil` if it is.
    var whyNot: String? {
        if self == .ours || (try? readFile("\(directory)/run")) != nil { return nil }
        let reason = try? readFile("\(directory)/disabled").split(separator: "\n").first
        return "\(rawValue) is not here: \(reason ?? "run Scripts/build-peers, as Scripts/test does")"
    }

    private var directory: String {
        let name =
            switch self {
            case .ours: "Swift"
            case .curator: "Curator"
            case .kazoo: "Kazoo"
            case .go: "Go"
            }
        let package = FilePath(#filePath).removingLastComponent().removingLastComponent().removingLastComponent()
        return package.appending(environmentValue("PEERS") ?? ".build-peers").appending(name).string
    }
}

extension Trait where Self == ConditionTrait {
    /// Runs the tests only where `peer` is available.
    static func needs(_ peer: Peer) -> Self { .enabled(if: peer.whyNot == nil, "\(peer.whyNot ?? "")") }
}
