import SystemPackage
import TestSupport
import Testing
import ZooKeeperTesting

/// A library whose locks meet ours.
enum Peer: String, Sendable, CaseIterable {
    case ours = "us"
    case curator = "Curator"
    case kazoo = "kazoo"
    case go = "go-zookeeper"

    /// The program that plays it: see Tests/Support/Peers/README.md.
    var program: Program {
        switch self {
        case .ours: Program("InteropWorker")
        case .curator, .kazoo, .go: Program(at: "\(directory)/run")
        }
    }

    /// Why it cannot be had here; `nil` if it can.
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
        return package.appending(".build-peers").appending(name).string
    }
}

extension Trait where Self == ConditionTrait {
    /// The tests run where `peer` is.
    static func needs(_ peer: Peer) -> Self { .enabled(if: peer.whyNot == nil, "\(peer.whyNot ?? "")") }
}
