/// How the nodes in a lock's directory are named: which other clients take part in the same lock.
public struct LockDialect: Sendable, Hashable {
    /// In front of the mark of an attempt.
    private let head: String
    /// Between the mark and the digits.
    private let tail: String

    private init(head: String, tail: String) {
        self.head = head
        self.tail = tail
    }

    /// Apache Curator's `InterProcessMutex`: `_c_<UUID>-lock-<digits>`. Also understood by go-zookeeper's `Lock` and by
    /// Curator's `LeaderSelector`. The default.
    public static let curator = LockDialect(head: "_c_", tail: "-lock-")

    /// What stands in front of the digits in the name of an attempt with this mark.
    package func prefix(for mark: String) -> String { head + mark + tail }

    /// Whether `name` belongs to the attempt with this mark.
    package func isMine(_ name: String, _ mark: String) -> Bool { name.hasPrefix(prefix(for: mark)) }

    /// What a child of the directory is.
    package enum Child: Sendable, Hashable {
        /// It stands in line.
        case contender(ContenderName)
        /// It has nothing to do with the lock.
        case foreign
        /// It stands in line, but the server's numbers for this directory have run out: its place means nothing.
        case exhausted
    }

    /// The highest number the server gives. When it is reached, further nodes get it too, or negative ones
    /// (ZOOKEEPER-4706), and their order is lost.
    package static let lastSequence: Int64 = Int64(Int32.max)

    /// Reads the name of a child: as Curator does, by what follows the last `lock-`. What is not a number there is
    /// foreign; so is a child without it.
    package func parse(_ name: String) -> Child {
        let marker = tail.drop { $0 == "-" }
        guard let digits = name.suffix(after: marker), !digits.isEmpty else { return .foreign }
        let unsigned = digits.first == "-" ? digits.dropFirst() : digits
        guard !unsigned.isEmpty, unsigned.utf8.allSatisfy({ (0x30...0x39).contains($0) }) else { return .foreign }
        guard let sequence = Int64(digits), (0..<Self.lastSequence).contains(sequence) else { return .exhausted }
        return .contender(ContenderName(name: name, sequence: sequence))
    }

    /// Those who stand in line; `nil` if the numbers have run out.
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
    /// What follows the last occurrence of `marker`; `nil` if there is none.
    fileprivate func suffix(after marker: Substring) -> Substring? {
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
