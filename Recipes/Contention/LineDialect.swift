/// The naming scheme of a queue's nodes, by which a child of the directory is recognised as a contender for an access.
///
/// Names are `<head><GUID><marker><digits>`. The GUID is random, one for each attempt; the digits are the server's.
package struct LineDialect: Sendable, Hashable {
    /// The mark by which one kind of contender is recognised.
    package struct Marker: Sendable, Hashable {
        package var kind: ContenderKind
        /// The text that we write between the GUID and the digits.
        package var written: String
        /// The text that must stand right before the digits of others.
        package var read: String

        package init(_ kind: ContenderKind, written: String, read: String) {
            self.kind = kind
            self.written = written
            self.read = read
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

    /// A new GUID.
    package func makeGUID() -> String {
        let guid = GUID.random()
        return hasDashes ? guid : guid.filter { $0 != "-" }
    }

    /// The beginning of the names of all nodes of the attempt with this GUID (Curator's protected mode), of every kind.
    package func protectedPrefix(for guid: String) -> String { head + guid }

    /// The part in front of the digits in the name of an attempt with this GUID.
    package func prefix(for guid: String, _ kind: ContenderKind = .exclusive) -> String {
        let marker = markers.first { $0.kind == kind } ?? markers[0]
        return head + guid + marker.written
    }

    /// Tells whether `name` belongs to the attempt with this GUID.
    package func isMine(_ name: String, _ guid: String) -> Bool {
        name.hasPrefix(PlantedFlaw.adoptsAnyNode.isPlanted ? head : protectedPrefix(for: guid))
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

    /// The highest number the server gives. When it is reached, further nodes get it too, or negative ones
    /// (ZOOKEEPER-4706), and their order is lost.
    package static let lastSequence: Int64 = Int64(Int32.max)

    /// Reads the name of a child: as Curator does, by what follows the last marker in it. What is not a number there is
    /// foreign; so is a child without a marker.
    package func parse(_ name: String) -> Child {
        for marker in markers + alsoRead {
            guard let digits = name.suffix(after: marker.read), !digits.isEmpty else { continue }
            let unsigned = digits.first == "-" ? digits.dropFirst() : digits
            guard !unsigned.isEmpty, unsigned.utf8.allSatisfy({ (0x30...0x39).contains($0) }) else { continue }
            guard let sequence = Int64(digits), (0..<Self.lastSequence).contains(sequence) else {
                return PlantedFlaw.exhaustedIsForeign.isPlanted ? .foreign : .exhausted
            }
            return .contender(ContenderName(name: name, sequence: sequence, kind: marker.kind))
        }
        if PlantedFlaw.foreignNumbersCount.isPlanted, let sequence = Int64(name) {
            return .contender(ContenderName(name: name, sequence: sequence - 1))
        }
        return .foreign
    }

    /// The first child that uses another naming scheme: it does not wait for ours, nor ours for it.
    package func foreignNode(among names: [String]) -> String? {
        names.first { name in
            guard parse(name) == .foreign else { return false }
            return [.curator, .curatorLatch, .curatorReadWrite, .kazoo].contains { (other: LineDialect) in
                if case .contender = other.parse(name) { return true }
                return false
            }
        }
    }

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

extension String {
    /// The part behind the last occurrence of `marker`; `nil` if there is none.
    fileprivate func suffix(after marker: String) -> Substring? {
        let bytes = utf8
        let pattern = Array(marker.utf8)
        guard bytes.count >= pattern.count else { return nil }
        var start = bytes.index(bytes.endIndex, offsetBy: -pattern.count)
        while true {
            let end = bytes.index(start, offsetBy: pattern.count)
            if bytes[start..<end].elementsEqual(pattern) { return self[end...] }
            if start == bytes.startIndex { return nil }
            start = bytes.index(before: start)
        }
    }
}
