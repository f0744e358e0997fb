// SPDX-License-Identifier: Apache-2.0

package import ZooKeeperRecipes

/// A participant, as far as its name tells of it.
package struct ParticipantName: Sendable, Hashable {
    package var name: String
    package var kind: LockKind
    package var library: Library
    package var access: ContenderKind
    /// The number the server gave; `nil` if the numbers of the directory are exhausted, and its position is not known.
    package var sequence: Int64?

    /// Fails if the name is that of no participant.
    package init?(_ name: String) {
        for kind in LockKind.known {
            switch kind.dialect.parse(name) {
            case .contender(let contender):
                self.init(name: name, kind: kind, access: contender.kind, sequence: contender.sequence)
            case .exhausted: self.init(name: name, kind: kind, access: .exclusive, sequence: nil)
            case .foreign: continue
            }
            return
        }
        guard let marker = Self.customMarker(of: name) else { return nil }
        let kind = LockKind.custom(marker)
        guard case .contender(let contender) = kind.dialect.parse(name) else {
            self.init(name: name, kind: kind, access: .exclusive, sequence: nil)
            return
        }
        self.init(name: name, kind: kind, access: .exclusive, sequence: contender.sequence)
    }

    private init(name: String, kind: LockKind, access: ContenderKind, sequence: Int64?) {
        self.name = name
        self.kind = kind
        self.access = access
        self.sequence = sequence
        library =
            switch kind {
            case .curatorMutex: Self.isOfGo(name) ? .goZooKeeper : .curator
            case .curatorReadWrite, .curatorLatch: .curator
            case .kazoo: .kazoo
            case .custom: .custom
            }
    }

    /// The digits at the end of the name, as text: by these, Curator compares.
    var digits: String {
        let digits = name.utf8.reversed().prefix { (0x30...0x39).contains($0) }
        return String(decoding: Array(digits.reversed()), as: UTF8.self)
    }

    /// Tells whether the GUID of a mutex has no dashes: Curator's has.
    private static func isOfGo(_ name: String) -> Bool {
        let head = Array("_c_".utf8)
        let bytes = Array(name.utf8)
        guard bytes.starts(with: head) else { return false }
        let guid = bytes.dropFirst(head.count)
        return guid.prefix(32).count == 32 && guid.prefix(32).allSatisfy(isHexadecimal)
            && guid.dropFirst(32).first == UInt8(ascii: "-")
    }

    /// The text between 32 hexadecimal digits and the number of the server; `nil` if the name has another form.
    private static func customMarker(of name: String) -> String? {
        let bytes = Array(name.utf8)
        guard bytes.count > 42, bytes.prefix(32).allSatisfy(isHexadecimal) else { return nil }
        let number = bytes.suffix(10)
        let isNegative = number.first == UInt8(ascii: "-")
        guard number.dropFirst(isNegative ? 1 : 0).allSatisfy({ (0x30...0x39).contains($0) }) else { return nil }
        let marker = bytes.dropFirst(32).dropLast(10)
        // No marker ends with a digit: it could not be told from the number.
        guard let last = marker.last, !(0x30...0x39).contains(last) else { return nil }
        return String(decoding: marker, as: UTF8.self)
    }

    private static func isHexadecimal(_ byte: UInt8) -> Bool {
        (0x30...0x39).contains(byte) || (0x61...0x66).contains(byte) || (0x41...0x46).contains(byte)
    }
}

/// The names of the children of one directory, by what they mean.
package struct ChildGroups: Sendable, Hashable {
    /// The name of the marker that says when a job ran last.
    package static let lastRunName = "last-run-2147483647"

    /// The participants, by the kind of lock, in order.
    package private(set) var participants: [LockKind: [ParticipantName]] = [:]
    package private(set) var hasLastRun = false
    /// The children that take part in nothing, in order.
    package private(set) var others: [String] = []

    package init(_ children: [String]) {
        for child in children {
            if child == Self.lastRunName {
                hasLastRun = true
            } else if let name = ParticipantName(child) {
                participants[name.kind, default: []].append(name)
            } else {
                others.append(child)
            }
        }
        // Servers give ten digits. A `clock-7` beside participants counts for one, and by itself for nothing.
        for (kind, names) in participants where !names.contains(where: { $0.hasServersDigits }) {
            participants[kind] = nil
            others += names.map(\.name)
        }
        for kind in participants.keys { participants[kind]?.sort { $0.order < $1.order } }
        others.sort()
    }
}

extension ParticipantName {
    /// The position in the queue; at the end if the number is not known.
    package var order: (Int64, String) { (sequence ?? .max, name) }

    fileprivate var hasServersDigits: Bool {
        let end = name.utf8.suffix(10)
        return end.count == 10 && end.dropFirst().allSatisfy { (0x30...0x39).contains($0) }
            && end.first.map { (0x30...0x39).contains($0) || $0 == UInt8(ascii: "-") } ?? false
    }
}
