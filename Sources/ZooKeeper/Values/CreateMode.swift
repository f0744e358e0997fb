// SPDX-License-Identifier: Apache-2.0

/// The lifetime of a new node, and its name: with or without digits that the server adds.
public struct CreateMode: Sendable, Hashable {
    package enum Lifetime: Sendable, Hashable {
        case persistent
        case ephemeral
        case container
        case timeToLive(milliseconds: Int64)
    }

    package var lifetime: Lifetime
    package var isSequential: Bool

    /// Lives until it is deleted.
    public static let persistent = CreateMode(lifetime: .persistent, isSequential: false)
    /// Lives until it is deleted or its session ends. Cannot have children.
    public static let ephemeral = CreateMode(lifetime: .ephemeral, isSequential: false)
    /// Persistent; the server adds a number of ten digits to the name, higher than that of any node created under the
    /// same parent before.
    public static let persistentSequential = CreateMode(lifetime: .persistent, isSequential: true)
    /// Ephemeral, with a number as ``persistentSequential``.
    public static let ephemeralSequential = CreateMode(lifetime: .ephemeral, isSequential: true)
    /// Persistent, but the server removes it some time after its last child is gone.
    public static let container = CreateMode(lifetime: .container, isSequential: false)

    /// Persistent, but the server removes it when it has no children and has not been changed for `timeToLive`.
    ///
    /// The server must run with `zookeeper.extendedTypesEnabled=true`; otherwise the create throws `unimplemented`.
    ///
    /// - Parameter timeToLive: 1 ms to 2^40 - 1 ms (about 34 years), in whole milliseconds; a fraction is cut off.
    ///   A value out of this range makes the create throw `invalidArgument`, nothing is sent.
    public static func persistent(timeToLive: Duration) -> CreateMode {
        CreateMode(lifetime: .timeToLive(milliseconds: timeToLive.wholeMilliseconds), isSequential: false)
    }

    /// As ``persistent(timeToLive:)``, with a number as ``persistentSequential``.
    public static func persistentSequential(timeToLive: Duration) -> CreateMode {
        CreateMode(lifetime: .timeToLive(milliseconds: timeToLive.wholeMilliseconds), isSequential: true)
    }
}
