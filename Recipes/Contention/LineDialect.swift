// SPDX-License-Identifier: Apache-2.0

package import ZooKeeper

/// The naming scheme of a queue's nodes, by which a child of the directory is recognised as a contender for an access.
///
/// Names are `<head><GUID><marker><digits>`. The GUID is random, one for each attempt; the digits are the server's.
package struct LineDialect: Sendable, Hashable {
    /// The mark by which one kind of contender is recognised.
    package struct Marker: Sendable, Hashable {
        package let kind: ContenderKind
        /// The text that we write between the GUID and the digits.
        package let written: String
        /// The text that must stand right before the digits of others.
        fileprivate let read: [UInt8]

        package init(_ kind: ContenderKind, written: String, read: String) {
            self.kind = kind
            self.written = written
            self.read = Array(read.utf8)
        }
    }

    /// In front of the GUID of an attempt.
    package var head: String
    /// Tells whether the GUID is a UUID with dashes; otherwise 32 hexadecimal digits.
    package var hasDashes = true
    /// The markers of our own nodes, one for each kind there is.
    package var markers: [Marker]
    /// The markers of others that join the same queue under other names.
    package var alsoRead: [Marker] = []
    /// Tells whether missing parents are made as containers, which go when they are empty; otherwise as persistent
    /// nodes.
    package var makesContainers = true
    /// Tells whether numbers only grow, so that no contender ever appears in front of another.
    package var isOrdered = true

    package init(head: String, markers: [Marker]) {
        self.head = head
        self.markers = markers
    }

    // MARK: Curator's and kazoo's

    /// Curator's `InterProcessMutex` and `LeaderSelector`; also go-zookeeper's `Lock`.
    package static let curator = LineDialect(
        head: "_c_", markers: [Marker(.exclusive, written: "-lock-", read: "lock-")])

    /// Curator's `LeaderLatch`.
    package static let curatorLatch = LineDialect(
        head: "_c_", markers: [Marker(.exclusive, written: "-latch-", read: "latch-")])

    /// Curator's `InterProcessReadWriteLock`.
    package static let curatorReadWrite: LineDialect = {
        var dialect = LineDialect(
            head: "_c_",
            markers: [
                Marker(.exclusive, written: "-__WRIT__", read: "__WRIT__"),
                Marker(.shared, written: "-__READ__", read: "__READ__"),
            ])
        // A writer that becomes a reader keeps its number: a reader may appear in front of a waiting writer.
        dialect.isOrdered = false
        return dialect
    }()

    /// kazoo's `Lock`, `Election`, `WriteLock` and `ReadLock`.
    package static let kazoo: LineDialect = {
        var dialect = LineDialect(
            head: "",
            markers: [
                Marker(.exclusive, written: "__lock__", read: "__lock__"),
                Marker(.shared, written: "__rlock__", read: "__rlock__"),
            ])
        dialect.hasDashes = false
        dialect.makesContainers = false
        // As with Curator's: our own writers go on as readers here too.
        dialect.isOrdered = false
        return dialect
    }()

    /// The same, where contenders of `other` are in the queue too.
    package func alsoReading(_ other: LineDialect) -> LineDialect {
        var result = self
        result.alsoRead += (other.markers + other.alsoRead).filter { !(markers + alsoRead).contains($0) }
        result.isOrdered = isOrdered && other.isOrdered
        return result
    }

    // MARK: Names

    /// A new GUID, in the form that these names have.
    package func makeGUID(_ source: borrowing GUIDSource) -> String { source.next(hasDashes: hasDashes) }

    /// The beginning of the names of all nodes of the attempt with this GUID (Curator's protected mode), of every kind.
    package func protectedPrefix(for guid: String) -> String { head + guid }

    /// The part in front of the digits in the name of an attempt with this GUID.
    package func prefix(for guid: String, _ kind: ContenderKind = .exclusive) -> String {
        let marker = markers.first { $0.kind == kind } ?? markers[0]
        return head + guid + marker.written
    }

    /// The beginning by which a contender knows its own nodes.
    func ownPrefix(_ guid: String) -> [UInt8] {
        var prefix: [UInt8] = []
        prefix.reserveCapacity(head.utf8.count + guid.utf8.count)
        prefix += head.utf8
        prefix += guid.utf8
        return prefix
    }

    /// The meaning of a child of the directory.
    package enum Child: Sendable, Hashable {
        /// It is in the queue.
        case contender(ContenderName)
        /// It does not belong to the queue.
        case foreign
        /// It is in the queue, but the sequence numbers of this directory are exhausted: its position means nothing.
        case exhausted
    }

    /// The same, without the name.
    enum Reading {
        case contender(sequence: Int64, ContenderKind)
        case foreign
        case exhausted
    }

    /// The highest number the server gives. When it is reached, further nodes get it too, or negative ones
    /// (ZOOKEEPER-4706), and their order is lost.
    package static let lastSequence: Int64 = Int64(Int32.max)

    /// Reads the name of a child: as Curator does, by what follows the last marker in it. What is not a number there is
    /// foreign; so is a child without a marker.
    package func parse(_ name: String) -> Child {
        switch read(Array(name.utf8)[...]) {
        case .contender(let sequence, let kind):
            .contender(ContenderName(name: name, sequence: sequence, kind: kind))
        case .foreign: .foreign
        case .exhausted: .exhausted
        }
    }

    /// No marker ends with a digit: so it must stand in front of the last digits of the name, or in front of their sign.
    func read(_ name: ArraySlice<UInt8>) -> Reading {
        let digits = name.suffix(while: { (0x30...0x39).contains($0) })
        if digits.isEmpty { return .foreign }
        let rest = name[..<digits.startIndex]
        if let kind = kind(ofNameThatBegins: rest) { return reading(digits, kind) }
        if rest.last == UInt8(ascii: "-"), let kind = kind(ofNameThatBegins: rest.dropLast()) {
            return digits.allSatisfy { $0 == 0x30 } ? reading(digits, kind) : .exhausted
        }
        return .foreign
    }

    private func kind(ofNameThatBegins text: ArraySlice<UInt8>) -> ContenderKind? {
        (markers.first { text.hasSuffix($0.read) } ?? alsoRead.first { text.hasSuffix($0.read) })?.kind
    }

    private func reading(_ digits: ArraySlice<UInt8>, _ kind: ContenderKind) -> Reading {
        var sequence: Int64 = 0
        for digit in digits {
            sequence = sequence * 10 + Int64(digit - 0x30)
            if sequence >= Self.lastSequence { return .exhausted }
        }
        return .contender(sequence: sequence, kind)
    }

    /// The children that are of another kind of lock: they do not wait for ours, nor ours for them. By their names, which end
    /// with the ten digits of the server: those of Curator and kazoo, and what looks like a name of a user's own scheme.
    package func foreignNodes(among names: ChildNames, upTo limit: Int) -> [String] {
        var found: [String] = []
        for position in names.indices where found.count < limit {
            let name = names.bytes[names.range(at: position)]
            guard case .foreign = read(name), name.suffix(10).count == 10,
                name.suffix(10).allSatisfy({ (0x30...0x39).contains($0) })
            else { continue }
            let isKnown = Self.known.contains { other in
                if case .contender = other.read(name) { return true }
                return false
            }
            if isKnown || Self.isCustom(name) { found.append(names[position]) }
        }
        return found
    }

    /// Tells whether a name is a GUID without dashes, text, and the digits of the server.
    private static func isCustom(_ name: ArraySlice<UInt8>) -> Bool {
        func isHexadecimal(_ byte: UInt8) -> Bool {
            (0x30...0x39).contains(byte) || (0x61...0x66).contains(byte) || (0x41...0x46).contains(byte)
        }
        return name.count > 42 && name.prefix(32).allSatisfy(isHexadecimal)
    }

    private static let known: [LineDialect] = [.curator, .curatorLatch, .curatorReadWrite, .kazoo]

    /// The contenders among the children of a directory; `nil` if the sequence numbers are exhausted.
    package func contenders(among names: [String]) -> [ContenderName]? {
        var contenders: [ContenderName] = []
        for name in names {
            switch parse(name) {
            case .contender(let contender): contenders.append(contender)
            case .foreign: continue
            case .exhausted: return nil
            }
        }
        return contenders
    }
}

extension ArraySlice<UInt8> {
    fileprivate func hasSuffix(_ end: [UInt8]) -> Bool {
        count >= end.count && suffix(end.count).elementsEqual(end)
    }

    fileprivate func suffix(while isMeant: (UInt8) -> Bool) -> ArraySlice<UInt8> {
        var start = endIndex
        while start > startIndex, isMeant(self[start - 1]) { start -= 1 }
        return self[start...]
    }
}
