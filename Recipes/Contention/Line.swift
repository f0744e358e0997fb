// SPDX-License-Identifier: Apache-2.0

package import ZooKeeper

/// The contenders among the children of a directory, by their places in the list: of the many in a long queue, only the
/// few that concern a contender become strings.
package struct Line: Sendable {
    package struct Entry: Sendable, Hashable {
        /// The place of its name in the list.
        package var position: Int
        /// The number the server gave.
        package var sequence: Int64
        package var kind: ContenderKind
    }

    private let names: ChildNames
    /// The contenders, in the order of the list.
    package private(set) var entries: [Entry] = []

    /// Fails if the sequence numbers are exhausted.
    package init?(_ names: ChildNames, _ dialect: LineDialect) {
        self.names = names
        entries.reserveCapacity(names.count)
        for position in names.indices {
            switch dialect.read(names.bytes[names.range(at: position)]) {
            case .contender(let sequence, let kind):
                entries.append(Entry(position: position, sequence: sequence, kind: kind))
            case .foreign: continue
            case .exhausted: return nil
            }
        }
    }

    package func name(of entry: Entry) -> String { names[entry.position] }

    package func bytes(of entry: Entry) -> ArraySlice<UInt8> { names.bytes[names.range(at: entry.position)] }

    /// The contenders in the way of one: how many, and those that it needs to know.
    package struct Blockers: Sendable {
        package var count = 0
        package var first: Entry?
        /// The one in front of the nearest.
        package var second: Entry?
        package var nearest: Entry?

        mutating func add(_ entry: Entry) {
            count += 1
            if first.map({ entry.sequence < $0.sequence }) ?? true { first = entry }
            if nearest.map({ entry.sequence > $0.sequence }) ?? true {
                second = nearest
                nearest = entry
            } else if second.map({ entry.sequence > $0.sequence }) ?? true {
                second = entry
            }
        }
    }
}
