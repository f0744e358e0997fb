/// The links of an ensemble: from each server to each other one's quorum port and election port.
struct PeerLinks: Sendable {
    private struct Pair: Sendable {
        let quorum: PeerLink
        let election: PeerLink
    }

    private let quorumPorts: [Int]
    private let electionPorts: [Int]
    /// The links, by the server that calls and the one that is called. `nil` where they are the same.
    private let links: [[Pair?]]

    init(quorumPorts: [Int], electionPorts: [Int]) throws(TestKitError) {
        self.quorumPorts = quorumPorts
        self.electionPorts = electionPorts
        var links: [[Pair?]] = []
        for caller in quorumPorts.indices {
            var row: [Pair?] = []
            for called in quorumPorts.indices {
                guard caller != called else {
                    row.append(nil)
                    continue
                }
                row.append(
                    Pair(
                        quorum: try PeerLink(to: quorumPorts[called], waits: true),
                        election: try PeerLink(to: electionPorts[called], waits: false)))
            }
            links.append(row)
        }
        self.links = links
        for caller in links.indices {
            for called in links.indices {
                links[caller][called]?.quorum.start()
                links[caller][called]?.election.start(returnPort: links[called][caller]?.election.port)
            }
        }
    }

    var all: [PeerLink] { links.flatMap { $0 }.compactMap { $0 }.flatMap { [$0.quorum, $0.election] } }

    /// In both directions.
    func between(_ one: Int, _ other: Int) -> [PeerLink] {
        [links[one][other], links[other][one]].compactMap { $0 }.flatMap { [$0.quorum, $0.election] }
    }

    func close() { all.forEach { $0.close() } }

    /// The configuration of one server: its own ports, and in place of the others' the links that lead there.
    func configuration(of index: Int, _ base: ServerConfiguration) -> ServerConfiguration {
        var configuration = base
        configuration.myID = index + 1
        var properties = ["initLimit": "20", "syncLimit": "10"]
        for other in links.indices {
            let (quorum, election) =
                links[index][other].map { ($0.quorum.port, $0.election.port) } ?? (
                    quorumPorts[index], electionPorts[index]
                )
            properties["server.\(other + 1)"] = "127.0.0.1:\(quorum):\(election)"
        }
        configuration.properties.merge(properties) { given, _ in given }
        // Servers that look for a leader ask each other often enough for a test.
        configuration.systemProperties.merge(["zookeeper.fastleader.maxNotificationInterval": "500"]) { given, _ in
            given
        }
        return configuration
    }
}
